"""THE COMMAND LINE: each command's work, called by app.py.

May import schema and below.
"""
