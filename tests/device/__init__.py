"""The reference device: its rules, its store, and how it fares against the real API."""
