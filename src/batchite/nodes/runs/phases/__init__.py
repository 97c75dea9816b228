"""What a run goes through, one after the other."""
