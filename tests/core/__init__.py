"""Core: what knows no books."""
