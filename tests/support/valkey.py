"""Listen to everything that Valkey is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from redis.asyncio import Redis


@asynccontextmanager
async def overheard(redis_url: str) -> AsyncIterator[list[bytes]]:
    """Note every command that Valkey is given inside the block, and what it holds at the end, keys and values."""
    parts = urlsplit(redis_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 6379)
    if parts.password:
        writer.write(f"AUTH {parts.username or 'default'} {parts.password}\r\n".encode())
    writer.write(b"MONITOR\r\n")
    assert b"+OK" in await reader.readline()
    said: list[bytes] = []

    async def listen() -> None:
        while line := await reader.readline():
            said.append(line)

    listening = asyncio.create_task(listen())
    try:
        yield said
    finally:
        async with Redis.from_url(redis_url) as client:
            await client.ping()
            keys = [key async for key in client.scan_iter(count=1_000)]
            said += keys + [await client.dump(key) or b"" for key in keys]
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        writer.close()
        await writer.wait_closed()
