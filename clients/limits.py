"""Rate limits: token buckets in Valkey, shared by all processes; in this process while Valkey is away."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core import clock
from core.breaker import Breaker, CircuitOpenError

WINDOW = 60.0
_MOST_LOCAL = 20_000

_TAKE = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local have = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local limit, rate, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens = math.min(limit, (tonumber(have[1]) or limit) + (now - (tonumber(have[2]) or now)) * rate)
local taken = 0
if tokens >= cost then tokens = tokens - cost; taken = 1 end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(limit / rate) + 1)
return {taken, tostring(tokens)}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a bucket held after a request."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: datetime
    retry_after: int
    """Seconds until the same request would be allowed; 0 when it was."""


class Buckets(Protocol):
    """Buckets that refill by `limit` tokens a minute."""

    async def take(self, bucket: str, cost: int, limit: int) -> Allowance:
        """Take tokens for a request, or none when there are too few."""


def _allowance(*, allowed: bool, tokens: float, cost: int, limit: int) -> Allowance:
    rate = limit / WINDOW
    wait = 0 if allowed else max(1, math.ceil((min(cost, limit) - tokens) / rate))
    reset_at = clock.now().astimezone(UTC) + timedelta(seconds=(limit - tokens) / rate)
    return Allowance(allowed, limit, max(0, int(tokens)), reset_at, wait)


class LocalBuckets:
    """Buckets of this process alone: what is left of the limits while Valkey is away."""

    def __init__(self) -> None:
        self._have: dict[str, tuple[float, float]] = {}

    async def take(self, bucket: str, cost: int, limit: int) -> Allowance:
        """Take tokens for a request."""
        now = time.monotonic()
        tokens, at = self._have.pop(bucket, (float(limit), now))
        tokens = min(limit, tokens + (now - at) * limit / WINDOW)
        allowed = tokens >= cost
        if allowed:
            tokens -= cost
        if len(self._have) >= _MOST_LOCAL:
            self._have.pop(next(iter(self._have)))
        self._have[bucket] = (tokens, now)
        return _allowance(allowed=allowed, tokens=tokens, cost=cost, limit=limit)


class ValkeyBuckets:
    """Buckets in Valkey, with the local ones to fall back on."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=0.5, decode_responses=True)
        self._script = self._client.register_script(_TAKE)
        self._local = LocalBuckets()
        self.breaker = Breaker("limits", timeout=0.25, failures=3, lost=(RedisError, OSError, TimeoutError))

    async def take(self, bucket: str, cost: int, limit: int) -> Allowance:
        """Take tokens for a request; a Valkey that is away or stalled costs a quarter of a second at most, and rarely."""
        key = f"limit:{{{bucket}}}"
        try:
            taken, tokens = await self.breaker.call(
                lambda: self._script(keys=[key], args=[limit, limit / WINDOW, cost])
            )
        except (RedisError, OSError, TimeoutError, CircuitOpenError):
            return await self._local.take(bucket, cost, limit)
        return _allowance(allowed=bool(taken), tokens=float(tokens), cost=cost, limit=limit)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()
