"""Timelines: what they keep, what they forget, and what they never pretend; the ones in memory keep the same rules."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from clients.timelines import Timelines, ValkeyTimelines
from clients.timelines_local import LocalTimelines
from core.ids import uuid7
from models.feeds import FeedEntry, Timeline, TimelinePart
from tests.support.timelines import LENGTH, START, build, entry, newest_first, whole


@pytest.fixture(params=["valkey", "local"])
async def timelines(request: pytest.FixtureRequest, urls: tuple[str, str]) -> AsyncIterator[Timelines]:
    if request.param == "local":
        yield LocalTimelines(length=LENGTH)
        return
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
