"""Builds of timelines under what others do between two of their steps."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from auth.viewer import Viewer
from clients.timelines_local import LocalTimelines
from core.errors import Unavailable
from core.pagination import PageRequest
from models.feeds import FeedEntry
from models.posts import Fanout
from services.feeds import TimelineBuilder
from tests.services.test_feeds_fanout import timelines, world
from tests.support.feeds import fan_out
from tests.support.feeds_fanout import World, entries
from tests.support.rows import sql
from tests.support.seeding import START, Seeder

__all__ = ["timelines", "world"]
Step = Callable[[], Awaitable[None]]


def builder_with(world: World, timelines: LocalTimelines, steps: dict[str, Step]) -> TimelineBuilder:
    """Make a builder that does something at its pauses."""

    async def pause(place: str) -> None:
        if place in steps:
            await steps[place]()

    return TimelineBuilder(world.container.snapshot, timelines, length=20, pause=pause)


@pytest.mark.parametrize("place", ["begun", "read"])
async def test_what_is_pushed_during_a_build_is_in_it(world: World, timelines: LocalTimelines, place: str) -> None:
    await world.post(job=None)

    async def write() -> None:
        # Older than a minute: what is made up for is not told by its age.
        await world.post(minutes=-600)
        await fan_out(world.container)

    assert await builder_with(world, timelines, {place: write}).build(world.readers[0])
    assert [told.at for told in entries(timelines, world.readers[0])] == [START, START - timedelta(minutes=600)]


@pytest.mark.parametrize("place", ["begun", "read"])
async def test_a_repost_taken_back_during_a_build_is_not_in_it(
    world: World, timelines: LocalTimelines, place: str
) -> None:
    row = await world.post(job=None)
    async with world.container.database.writing() as session:
        await Seeder(session).follow(world.readers[0], world.readers[1])
    await world.repost(row, world.readers[1])

    async def undo() -> None:
        (gone,) = await sql(world.container, "DELETE FROM reposts RETURNING created_at")
        ids = {"post_id": str(row.id), "user_id": str(world.readers[1])}
        async with world.container.database.writing() as session:
            await Seeder(session).job("fanout_unrepost", **ids, gone_at=gone.created_at.isoformat())
        await fan_out(world.container)

    assert await builder_with(world, timelines, {place: undo}).build(world.readers[0])
    assert entries(timelines, world.readers[0]) == [FeedEntry(row.id, None, row.created_at)]


@pytest.mark.parametrize("place", ["begun", "read"])
async def test_a_follow_during_a_build_is_not_lost(world: World, timelines: LocalTimelines, place: str) -> None:
    reader = world.readers[0]
    async with world.container.database.writing() as session:
        other = await Seeder(session).user()
        await Seeder(session).post(other.id, "of another", created_at=START)

    async def follow() -> None:
        async with world.container.database.writing() as session:
            await Seeder(session).follow(reader, other.id)

    assert await builder_with(world, timelines, {place: follow}).build(reader)
    assert await world.seen(reader) == ["of another"]


async def test_beside_a_build_others_are_answered_from_the_tables(world: World, timelines: LocalTimelines) -> None:
    await world.post(job=None)

    async def look() -> None:
        assert await world.seen(world.readers[0]) == ["0"]
        assert world.readers[0] not in timelines.kept

    assert await builder_with(world, timelines, {"read": look}).build(world.readers[0])
    assert world.readers[0] in timelines.kept


async def test_a_builder_that_fails_lets_the_next_one_in(world: World, timelines: LocalTimelines) -> None:
    async def fail() -> None:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        await builder_with(world, timelines, {"read": fail}).build(world.readers[0])
    assert await world.container.builder.build(world.readers[0])


async def test_a_build_whose_time_is_over_is_thrown_away(world: World, timelines: LocalTimelines) -> None:
    async def expire() -> None:
        timelines.builds.clear()

    assert not await builder_with(world, timelines, {"read": expire}).build(world.readers[0])
    assert world.readers[0] not in timelines.kept


async def test_a_build_takes_the_newest_of_all_and_knows_where_it_ends(world: World, timelines: LocalTimelines) -> None:
    reader = world.readers[0]
    async with world.container.database.writing() as session:
        seeder = Seeder(session)
        quiet = await seeder.user()
        await seeder.follow(reader, quiet.id)
        rows = [await seeder.post(world.author, created_at=START + timedelta(minutes=n)) for n in range(40)]
        kept = await seeder.post(quiet.id, created_at=START + timedelta(minutes=25, seconds=30))
        await seeder.post(quiet.id, created_at=START)
    await world.container.builder.build(reader)
    made = timelines.kept[reader]
    assert made.floor == rows[20].created_at
    assert {told.post_id for told in made.entries()} == {kept.id, *(row.id for row in rows[21:])}


async def test_an_author_who_is_pulled_leaves_the_floor_true(world: World, timelines: LocalTimelines) -> None:
    reader = world.readers[0]
    async with world.container.database.writing() as session:
        seeder = Seeder(session)
        for number in range(30):
            way = Fanout.PULL if number % 2 else Fanout.PUSH
            await seeder.post(world.author, created_at=START + timedelta(minutes=number), fanout=way)
    viewer, whole = Viewer(user_id=reader), PageRequest(100)
    async with world.container.reading() as services:
        expected = await services.feeds.pull(viewer, whole)
    feed = await world.container.feeds.page(viewer, 100, None)
    assert list(feed.page.rows) == list(expected)
    assert len(entries(timelines, reader)) == 10
