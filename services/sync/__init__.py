"""Highlight sync: the merge of edits made apart, pulls from any cursor, pushes of offline work."""
