"""Forget what Valkey holds of this server: all of it can be lost, and after a restore it is of another life."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

PREFIXES = ("limit:", "document:")
"""What our keys begin with; others may share the server."""


async def forget_all(url: str) -> int | None:
    """Delete all our keys, and tell how many; None when Valkey does not answer."""
    client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)
    gone = 0
    try:
        for prefix in PREFIXES:
            async for key in client.scan_iter(f"{prefix}*", count=1_000):
                gone += int(await client.unlink(key))
    except (RedisError, OSError, TimeoutError):
        return None
    finally:
        await client.aclose()
    return gone
