"""BUSINESS LOGIC, all of it.

May import repositories, clients, auth, models, core; no SQL, no framework.
"""
