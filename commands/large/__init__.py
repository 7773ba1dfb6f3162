"""The large data set: a town of readers, drawn by lot; equal plans draw equal rows. Imported by commands alone."""
