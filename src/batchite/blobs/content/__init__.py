"""Where the bytes of blobs are."""
