"""Timelines in Valkey: keys that end, expire or are spoilt, many readers and long timelines, and a server that is away."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from redis.asyncio import Redis

from clients import timelines as module
from clients import timelines_scripts
from clients.timelines import TimelinesLost, ValkeyTimelines
from core.ids import uuid7
from models.feeds import Timeline
from tests.support.timelines import LENGTH, build, entry, newest_first, whole


@pytest.fixture
async def client(urls: tuple[str, str]) -> AsyncIterator[Redis]:
    async with Redis.from_url(urls[1], decode_responses=True) as client:
        yield client


@pytest.fixture
async def valkey(urls: tuple[str, str]) -> AsyncIterator[ValkeyTimelines]:
    kept = ValkeyTimelines(urls[1], length=LENGTH)
    yield kept
    await kept.close()


def key(reader: UUID) -> str:
    return f"timeline:{{{reader}}}"


async def test_more_readers_than_one_pipeline_has_are_all_written_to(valkey: ValkeyTimelines) -> None:
    readers = [uuid7() for _ in range(2 * module._PIPELINE + 1)]
    known = [readers[at] for at in (0, module._PIPELINE - 1, module._PIPELINE, 2 * module._PIPELINE)]
    for reader in known:
        token = await valkey.begin(reader)
        assert token
        assert await valkey.finish(reader, token, Timeline(1, [], None))
    pushed = entry()
    assert await valkey.put(readers, pushed) == 4
    assert await valkey.take(readers, pushed) == 4


async def test_reading_alone_keeps_a_timeline_alive(valkey: ValkeyTimelines, client: Redis) -> None:
    reader, pushed = await build(valkey), entry()
    assert await client.ttl(key(reader)) > 6 * 86_400
    await client.expire(key(reader), 100)
    await valkey.put([reader], pushed)
    await valkey.take([reader], pushed)
    assert await client.ttl(key(reader)) <= 100
    await whole(valkey, reader)
    assert await client.ttl(key(reader)) > 6 * 86_400


async def test_one_that_is_made_anew_unasked_ages_as_before(valkey: ValkeyTimelines, client: Redis) -> None:
    reader = await build(valkey)
    await client.expire(key(reader), 100)
    token = await valkey.begin(reader)
    assert token
    assert await valkey.finish(reader, token, Timeline(2, [], None), keep_age=True)
    assert 0 < await client.ttl(key(reader)) <= 100


async def test_every_key_has_an_end_and_the_tag_of_its_reader(valkey: ValkeyTimelines, client: Redis) -> None:
    reader = await build(valkey)
    await valkey.begin(reader)
    await valkey.put([reader], entry())
    found = [name async for name in client.scan_iter(match=f"*{reader}*")]
    assert sorted(found) == [f"timeline-build:{{{reader}}}", key(reader)]
    assert all([await client.ttl(name) > 0 for name in found])


async def test_an_expired_key_is_no_timeline_of_one_entry(valkey: ValkeyTimelines, client: Redis) -> None:
    reader = await build(valkey, entry(1), entry(2))
    await client.pexpireat(key(reader), 1)
    assert await valkey.put([reader], entry(3)) == 0
    assert await whole(valkey, reader) is None


async def test_a_set_without_the_mark_is_no_timeline(valkey: ValkeyTimelines, client: Redis) -> None:
    reader = uuid7()
    await client.zadd(key(reader), {str(uuid7()): 1})
    assert await valkey.put([reader], entry()) == 0
    assert await whole(valkey, reader) is None


@pytest.mark.parametrize("spoilt", ["timeline", "timeline-build"])
async def test_a_key_that_is_spoilt_harms_nobody_else_and_is_made_anew(
    valkey: ValkeyTimelines, client: Redis, spoilt: str
) -> None:
    reader, other = await build(valkey), await build(valkey)
    await client.set(f"{spoilt}:{{{reader}}}", "of another kind", ex=100)
    pushed, gone = entry(), entry(repost=True)
    assert await valkey.put([reader, other], pushed) == (1 if spoilt == "timeline" else 2)
    assert await valkey.take([reader, other], gone) == 0
    if spoilt == "timeline":
        assert await whole(valkey, reader) is None
    assert not await valkey.finish(reader, "no token", Timeline(2, [], None))
    token = await valkey.begin(reader)
    assert token
    assert await valkey.finish(reader, token, Timeline(2, [pushed], None))
    for one in (reader, other):
        part = await whole(valkey, one)
        assert part is not None
        assert part.entries == [pushed]


async def test_what_an_earlier_run_of_the_server_made_is_not_trusted(valkey: ValkeyTimelines, client: Redis) -> None:
    reader = await build(valkey, entry())
    mark = (await client.zrange(key(reader), 0, 0))[0]
    run = mark.partition(":")[2]
    assert run == (await client.info("server"))["run_id"]
    await client.zrem(key(reader), mark)
    await client.zadd(key(reader), {mark.replace(run, run[::-1]): 0})
    assert await whole(valkey, reader) is None


async def test_a_build_that_outlives_its_key_is_thrown_away(valkey: ValkeyTimelines, client: Redis) -> None:
    reader = uuid7()
    token = await valkey.begin(reader)
    assert token
    await valkey.put([reader], entry())
    await client.delete(f"timeline-build:{{{reader}}}")
    await valkey.put([reader], entry())
    assert not await valkey.finish(reader, token, Timeline(1, [], None))
    assert await whole(valkey, reader) is None


async def test_a_long_timeline_is_written_whole(urls: tuple[str, str]) -> None:
    kept = ValkeyTimelines(urls[1], length=800)
    told = [entry(minutes, repost=minutes % 2 == 0) for minutes in range(800)]
    reader = await build(kept, *told)
    part = await whole(kept, reader)
    assert part is not None
    assert part.entries == newest_first(*told)
    await kept.close()


async def test_a_server_that_forgot_the_scripts_is_told_again(valkey: ValkeyTimelines, client: Redis) -> None:
    reader = await build(valkey)
    await client.script_flush()
    assert await valkey.put([reader], entry()) == 1
    assert await whole(valkey, reader) is not None


async def test_a_server_that_is_away_or_stalled_is_lost_within_its_time() -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)
        writer.close()

    stalled = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = stalled.sockets[0].getsockname()[1]
    for url in ("redis://127.0.0.1:1", f"redis://127.0.0.1:{port}"):
        kept = ValkeyTimelines(url)
        async with asyncio.timeout(20):
            with pytest.raises(TimelinesLost):
                await kept.read(uuid7(), None, 1)
            with pytest.raises(TimelinesLost):
                await kept.put([uuid7()], entry())
            with pytest.raises(TimelinesLost):
                await kept.begin(uuid7())
        await kept.close()
    stalled.close()


def test_scripts_use_no_command_that_blocks_the_server() -> None:
    scripts = [text for name, text in vars(timelines_scripts).items() if name.isupper() and isinstance(text, str)]
    assert len(scripts) >= 6
    for word in ("'KEYS'", "'SCAN'", "'FLUSH", "'TIME'"):
        assert not [text for text in scripts if word in text]
