"""Ids a device makes by itself."""

import os
import time
from uuid import UUID


def uuid7() -> str:
    """Make a time-ordered id (RFC 9562 version 7): queues and indexes stay in order."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | random))
