"""Readers of other programs' files: pure functions from text to entries, no input or output of their own."""
