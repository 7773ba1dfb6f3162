"""Timelines: what they keep, what they forget, and what they never pretend; the ones in memory keep the same rules."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from redis.asyncio import Redis

from clients import timelines as module
from clients import timelines_scripts
from clients.timelines import Timelines, TimelinesLost, ValkeyTimelines
from clients.timelines_local import LocalTimelines
from core.ids import uuid7
from models.feeds import FeedEntry, Timeline, TimelinePart

START = datetime(2026, 3, 1, 12, 0, 0, 123457, tzinfo=UTC)
LENGTH = 5


def entry(minutes: float = 0, *, repost: bool = False) -> FeedEntry:
    return FeedEntry(uuid7(), uuid7() if repost else None, START + timedelta(minutes=minutes))


def newest_first(*entries: FeedEntry) -> list[FeedEntry]:
    return sorted(entries, key=lambda e: (e.at, e.post_id), reverse=True)


async def build(timelines: Timelines, *entries: FeedEntry, floor: datetime | None = None, epoch: int = 1) -> UUID:
    """Make a reader with a timeline."""
    reader = uuid7()
    token = await timelines.begin(reader)
    assert token
    assert await timelines.finish(reader, token, Timeline(epoch, entries, floor))
    return reader


async def whole(timelines: Timelines, reader: UUID) -> TimelinePart | None:
    return await timelines.read(reader, None, 1_000)


@pytest.fixture
async def client(urls: tuple[str, str]) -> AsyncIterator[Redis]:
    async with Redis.from_url(urls[1], decode_responses=True) as client:
        yield client


@pytest.fixture(params=["valkey", "local"])
async def timelines(request: pytest.FixtureRequest, urls: tuple[str, str]) -> AsyncIterator[Timelines]:
    if request.param == "local":
        yield LocalTimelines(length=LENGTH)
        return
    kept = ValkeyTimelines(urls[1], length=LENGTH)
    yield kept
    await kept.close()


@pytest.fixture
async def valkey(urls: tuple[str, str]) -> AsyncIterator[ValkeyTimelines]:
    kept = ValkeyTimelines(urls[1], length=LENGTH)
    yield kept
    await kept.close()


# --- reading ---


async def test_one_that_was_made_and_is_empty_is_not_one_that_is_missing(timelines: Timelines) -> None:
    reader = await build(timelines, epoch=7)
    assert await whole(timelines, reader) == TimelinePart(7, [], [], None)
    assert await whole(timelines, uuid7()) is None


async def test_entries_come_newest_first_with_their_times_to_the_microsecond(timelines: Timelines) -> None:
    same = [entry(2) for _ in range(3)]
    told = [entry(1), *same, entry(3, repost=True)]
    reader = await build(timelines, *told, floor=START)
    part = await whole(timelines, reader)
    assert part is not None
    assert part.entries == newest_first(*told)
    assert part.reposts == [told[-1]]
    assert part.floor == START


async def test_a_part_ends_where_it_was_cut_and_claims_nothing_below(timelines: Timelines) -> None:
    told = [entry(minutes) for minutes in (1, 2, 2, 3)]
    reader = await build(timelines, *told)
    part = await timelines.read(reader, None, 2)
    assert part is not None
    # One of two entries of the same moment was seen: both are left to the tables.
    assert part.entries == [told[3]]
    assert part.floor == told[1].at


async def test_a_later_part_knows_the_reposts_above_it(timelines: Timelines) -> None:
    passed_on, first, second = entry(3, repost=True), entry(2), entry(1)
    reader = await build(timelines, first, second, passed_on, entry(4))
    part = await timelines.read(reader, first.at, 100)
    assert part is not None
    assert part.entries == [first, second]
    assert part.reposts == [passed_on]
    assert part.floor is None


async def test_a_part_below_the_floor_is_empty_and_knows_all_reposts(timelines: Timelines) -> None:
    passed_on = entry(3, repost=True)
    reader = await build(timelines, passed_on, entry(4), floor=START)
    part = await timelines.read(reader, START - timedelta(minutes=1), 100)
    assert part == TimelinePart(1, [], [passed_on], START)


# --- writing ---


async def test_a_push_into_a_missing_timeline_makes_none(timelines: Timelines) -> None:
    reader = uuid7()
    assert await timelines.put([reader], entry()) == 0
    assert await whole(timelines, reader) is None


@pytest.mark.parametrize("repost", [False, True])
async def test_a_push_twice_is_one_entry(timelines: Timelines, repost: bool) -> None:
    pushed = entry(1, repost=repost)
    reader = await build(timelines)
    for _ in range(3):
        assert await timelines.put([reader], pushed) == 1
    part = await whole(timelines, reader)
    assert part is not None
    assert part.entries == [pushed]


@pytest.mark.parametrize("late", ["push", "removal", "both"])
async def test_what_comes_late_for_a_repost_leaves_the_one_made_anew(timelines: Timelines, late: str) -> None:
    first = entry(1, repost=True)
    anew = FeedEntry(first.post_id, first.reposter_id, START + timedelta(minutes=9))
    reader, building = await build(timelines), uuid7()
    token = await timelines.begin(building)
    assert token
    await timelines.put([reader, building], anew)
    if late != "removal":
        await timelines.put([reader, building], first)
    if late != "push":
        await timelines.take([reader, building], first)
    assert await timelines.finish(building, token, Timeline(1, [], None))
    for one in (reader, building):
        part = await whole(timelines, one)
        assert part is not None
        assert part.entries == ([anew, first] if late == "push" else [anew])


async def test_one_push_reaches_all_who_have_a_timeline(timelines: Timelines) -> None:
    readers = [await build(timelines) for _ in range(3)]
    pushed = entry()
    assert await timelines.put([*readers, uuid7()], pushed) == 3
    for reader in readers:
        part = await whole(timelines, reader)
        assert part is not None
        assert part.entries == [pushed]


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


async def test_a_full_timeline_drops_the_oldest_and_remembers_from_where_on_it_knows_nothing(
    timelines: Timelines,
) -> None:
    told = [entry(minutes) for minutes in range(LENGTH)]
    reader = await build(timelines, *told)
    await timelines.put([reader], entry(100))
    part = await whole(timelines, reader)
    assert part is not None
    assert part.floor == told[0].at
    assert len(part.entries) == LENGTH
    # Room by a removal is no reason to take what lies below: there would be a hole above it.
    assert await timelines.take([reader], told[3]) == 1
    assert await timelines.put([reader], entry(-1)) == 0
    assert await timelines.put([reader], told[0]) == 0
    after = await whole(timelines, reader)
    assert after is not None
    assert len(after.entries) == LENGTH - 1
    assert after.floor == part.floor


async def test_the_mark_is_not_counted_and_never_dropped(timelines: Timelines) -> None:
    reader = await build(timelines, epoch=3)
    for minutes in range(3 * LENGTH):
        await timelines.put([reader], entry(minutes))
    part = await whole(timelines, reader)
    assert part is not None
    assert len(part.entries) == LENGTH
    assert part.epoch == 3
    assert part.floor == START + timedelta(minutes=2 * LENGTH - 1)


async def test_entries_of_one_moment_are_dropped_together(timelines: Timelines) -> None:
    old = [entry(0) for _ in range(3)]
    reader = await build(timelines, *old)
    for minutes in (1, 2, 3):
        await timelines.put([reader], entry(minutes))
    part = await whole(timelines, reader)
    assert part is not None
    assert [told.at for told in part.entries] == [START + timedelta(minutes=minutes) for minutes in (3, 2, 1)]
    assert part.floor == START


async def test_taking_what_is_not_there_is_no_harm(timelines: Timelines) -> None:
    reader = await build(timelines)
    assert await timelines.take([reader, uuid7()], entry()) == 0


# --- making ---


async def test_one_maker_at_a_time(timelines: Timelines) -> None:
    reader = uuid7()
    token = await timelines.begin(reader)
    assert token
    assert await timelines.begin(reader) is None
    await timelines.give_up(reader, "another")
    assert await timelines.begin(reader) is None
    await timelines.give_up(reader, token)
    assert await timelines.begin(reader)


async def test_what_is_pushed_and_taken_while_one_is_made_is_in_it(timelines: Timelines) -> None:
    reader, before, undone, late = uuid7(), entry(1), entry(2, repost=True), entry(3)
    token = await timelines.begin(reader)
    assert token
    await timelines.put([reader], late)
    await timelines.take([reader], undone)
    assert await whole(timelines, reader) is None
    assert await timelines.finish(reader, token, Timeline(1, [before, undone], None))
    part = await whole(timelines, reader)
    assert part is not None
    assert part.entries == [late, before]
    # It is over: later ones go straight in.
    await timelines.put([reader], entry(4))
    part = await whole(timelines, reader)
    assert part is not None
    assert len(part.entries) == 3


async def test_a_maker_who_lost_the_build_changes_nothing(timelines: Timelines) -> None:
    kept = entry()
    reader = await build(timelines, kept)
    assert not await timelines.finish(reader, "a token of old", Timeline(2, [], None))
    part = await whole(timelines, reader)
    assert part is not None
    assert part.entries == [kept]


async def test_a_new_one_replaces_all_of_the_old_one(timelines: Timelines) -> None:
    reader = await build(timelines, entry(1), entry(2), floor=START)
    token = await timelines.begin(reader)
    assert token
    assert await timelines.finish(reader, token, Timeline(2, [], None))
    assert await whole(timelines, reader) == TimelinePart(2, [], [], None)


async def test_active_readers_are_named(timelines: Timelines) -> None:
    readers = {await build(timelines) for _ in range(3)}
    await timelines.begin(uuid7())
    assert readers <= {reader async for reader in timelines.active()}


# --- Valkey alone ---


def key(reader: UUID) -> str:
    return f"timeline:{{{reader}}}"


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
