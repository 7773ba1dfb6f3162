"""Faults: real processes are killed and stalled while others use them."""
