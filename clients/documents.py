"""Persisted operations: registered ones in PostgreSQL, automatic ones in Valkey for a day, both remembered in this process."""

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.breaker import Breaker, CircuitOpenError

DAY = 86_400
LONGEST = 64 << 10
_MOST = 1_000


class Remembered:
    """The documents this process has met last."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Look one up."""
        text = self._texts.pop(key, None)
        if text is not None:
            self._texts[key] = text
        return text

    def put(self, key: str, text: str) -> None:
        """Remember one, and forget the one not met for longest."""
        self._texts[key] = text
        if len(self._texts) > _MOST:
            self._texts.pop(next(iter(self._texts)))


class ValkeyDocuments:
    """Documents of all processes. Without Valkey, automatic ones are known to the process that was told them alone."""

    def __init__(self, url: str, read_registered: Callable[[str], Awaitable[str | None]]) -> None:
        self._client = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=0.5, decode_responses=True)
        self._read_registered = read_registered
        self._automatic, self._registered = Remembered(), Remembered()
        lost = (RedisError, OSError, TimeoutError)
        self._breaker = Breaker("documents", timeout=0.25, failures=3, lost=lost)

    async def registered(self, document_id: str) -> str | None:
        """Read an operation that was registered; what is registered never changes, so it is read once."""
        known = self._registered.get(document_id)
        if known is None:
            known = await self._read_registered(document_id)
            if known is not None:
                self._registered.put(document_id, known)
        return known

    async def automatic(self, sha256: str) -> str | None:
        """Read an operation that a client told."""
        known = self._automatic.get(sha256)
        if known is not None:
            return known
        try:
            found: str | None = await self._breaker.call(lambda: self._client.get(f"document:{sha256}"))
        except (RedisError, OSError, TimeoutError, CircuitOpenError):
            return None
        if found is not None:
            self._automatic.put(sha256, found)
        return found

    async def keep(self, sha256: str, text: str) -> None:
        """Keep an operation that a client told, unless it is out of all measure."""
        if len(text) > LONGEST:
            return
        self._automatic.put(sha256, text)
        try:
            await self._breaker.call(lambda: self._client.set(f"document:{sha256}", text, ex=DAY))
        except (RedisError, OSError, TimeoutError, CircuitOpenError):
            return

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()
