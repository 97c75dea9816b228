"""What a user would pick instead, at the same work in the same run."""
