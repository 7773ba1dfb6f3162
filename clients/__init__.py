"""OUTSIDE SYSTEMS: a Protocol, the real one and a fake for each.

May import auth, models, core.
"""
