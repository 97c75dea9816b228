"""What goes wrong with images, in sentences for whoever runs the service."""

from __future__ import annotations


class ImageError(Exception):
    """An image cannot be had; the text says why, and what to do."""
