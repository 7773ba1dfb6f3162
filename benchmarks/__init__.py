"""Measurements of the app as users run it; docs/benchmarks.md says how to run them and what their files say."""
