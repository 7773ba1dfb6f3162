"""Who and whether."""
