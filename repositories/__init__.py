"""SQL, all of it.

May import auth, models, core.
"""
