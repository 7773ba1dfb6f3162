"""ROOT ANSWERS: unpack, call one service or loader, wrap. At most about ten lines each.

May import schema and below; not one another, and not subscriptions.
"""
