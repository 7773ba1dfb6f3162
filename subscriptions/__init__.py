"""LIVE ANSWERS: async generators, and the broker that fans Valkey's bells out to sockets.

May import schema and below; not the resolvers.
"""
