"""BATCHED READS: one statement for all keys that a request asks for at once, answered in key order.

May import services, repositories, auth, models, core. Built per GraphQL operation, and with the viewer, so that they cannot leak.
"""

from loaders.root import Loaders

__all__ = ["Loaders"]
