"""What goes on beside the load while everything is killed: a module for each thing that Batch can do."""
