"""WHO AND WHETHER: the viewer, tokens, password hashing. No I/O.

May import models and core.
"""
