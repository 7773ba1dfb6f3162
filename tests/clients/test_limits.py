"""Buckets: shared in Valkey, local while it is away or stalled."""

import asyncio
import time

import pytest

from clients.limits import Buckets, LocalBuckets, ValkeyBuckets
from core.breaker import BreakerState
from core.ids import uuid7


async def emptied(buckets: Buckets, bucket: str) -> None:
    first = await buckets.take(bucket, 60, 100)
    assert (first.allowed, first.remaining, first.retry_after) == (True, 40, 0)
    second = await buckets.take(bucket, 60, 100)
    assert not second.allowed
    assert 40 <= second.remaining <= 45
    assert 8 <= second.retry_after <= 13
    other = await buckets.take(f"{bucket}-other", 60, 100)
    assert other.allowed


async def test_a_bucket_in_this_process_empties_and_says_when_to_come_back() -> None:
    await emptied(LocalBuckets(), "reader")


async def test_a_bucket_in_valkey_empties_for_all_processes(urls: tuple[str, str]) -> None:
    one, other = ValkeyBuckets(urls[1]), ValkeyBuckets(urls[1])
    bucket = f"reader-{uuid7()}"
    try:
        await emptied(one, bucket)
        assert not (await other.take(bucket, 60, 100)).allowed
    finally:
        await one.close()
        await other.close()


@pytest.mark.parametrize("stalled", [True, False])
async def test_without_valkey_the_limit_holds_in_this_process(stalled: bool) -> None:
    async def takes_and_says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(takes_and_says_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if not stalled:
        server.close()
        await server.wait_closed()
    buckets = ValkeyBuckets(f"redis://127.0.0.1:{port}/0")
    try:
        await emptied(buckets, "reader")
        assert buckets.breaker.state is BreakerState.OPEN
        began = time.monotonic()
        for _ in range(50):
            await buckets.take("reader", 1, 100)
        assert time.monotonic() - began < 5
    finally:
        await buckets.close()
        server.close()
