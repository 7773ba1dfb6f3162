"""KNOWS NO BOOKS: settings, database, errors, ids, clock, pagination, logging, metrics.

May import nothing of ours.
"""
