"""Home feeds against a plain model of what they are."""
