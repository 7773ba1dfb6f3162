"""The way out: pure writers of five formats, and the service that checks, counts and signs."""
