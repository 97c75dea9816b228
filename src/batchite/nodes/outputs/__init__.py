"""Output files: which files of a node a pattern means, their names elsewhere, and bringing them there."""
