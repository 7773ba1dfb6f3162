"""BUSINESS LOGIC, all of it.

Services may import repositories, clients, auth, models, core; no SQL, no framework.
"""
