"""Azure Batch and Azure Blob Storage on your own machines."""

__version__ = "0.1.0"
