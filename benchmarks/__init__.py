"""FIGURES: load and fault measurements; each writes a result file that is committed."""
