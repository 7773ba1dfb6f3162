"""Fan-out under what can go wrong between two of its steps."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from auth.viewer import Viewer
from clients.timelines_local import LocalTimelines
from models import Job
from models.feeds import FeedEntry
from models.jobs import JobState
from models.posts import Fanout
from runtime.container import Container
from services.feeds import FeedService, TimelineBuilder
from services.feeds_fanout import PATIENCE
from services.jobs import JobRunner
from tests.support.feeds import fan_out
from tests.support.feeds_fanout import World, entries
from tests.support.rows import sql
from tests.support.seeding import Seeder
from workers.main import BURIALS, FANOUT, HANDLERS


@pytest.fixture
def timelines(container: Container) -> LocalTimelines:
    """Timelines that a test can look into, in place of the container's."""
    kept = LocalTimelines(length=20)
    container.timelines = kept
    container.builder = TimelineBuilder(container.snapshot, kept, length=20)
    container.feeds = FeedService(container.snapshot, kept, container.builder)
    return kept


@pytest.fixture
async def world(container: Container) -> World:
    """Five readers follow an author."""
    async with container.database.writing() as session:
        seeder = Seeder(session)
        author = await seeder.user()
        readers = [await seeder.user() for _ in range(5)]
        for reader in readers:
            await seeder.follow(reader.id, author.id)
    return World(container, author.id, [reader.id for reader in readers])


async def read_jobs(container: Container, state: JobState) -> Sequence[Job]:
    async with container.reading() as services:
        return await services.jobs.by_state(state)


def in_ranges(container: Container, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = container.settings.model_copy(update={"fanout_chunk": size})
    monkeypatch.setattr(container, "settings", settings)


# --- writing ---


async def test_the_active_are_written_to_and_nobody_else(world: World, timelines: LocalTimelines) -> None:
    for reader in (world.author, *world.readers[:2]):
        await world.seen(reader)
    row = await world.post()
    assert await fan_out(world.container) == 1
    assert set(timelines.kept) == {world.author, *world.readers[:2]}
    assert entries(timelines, world.author) == []
    for reader in world.readers[:2]:
        assert entries(timelines, reader) == [FeedEntry(row.id, None, row.created_at)]


async def test_many_followers_are_cut_into_ranges_that_leave_nobody_out(
    world: World, timelines: LocalTimelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_ranges(world.container, 2, monkeypatch)
    for reader in world.readers:
        await world.seen(reader)
    await world.post()
    assert await fan_out(world.container) == 4
    assert [len(entries(timelines, reader)) for reader in world.readers] == [1] * 5
    ranges = [job.payload for job in await read_jobs(world.container, JobState.DONE) if job.kind == "fanout_chunk"]
    told = sorted((r["behind"] or "", r["upto"] or "~") for r in ranges)
    cuts = [str(world.readers[1]), str(world.readers[3])]
    assert told == [("", cuts[0]), (cuts[0], cuts[1]), (cuts[1], "~")]


@pytest.mark.parametrize("size", [4, 5, 6])
async def test_there_is_no_empty_last_range(
    world: World, timelines: LocalTimelines, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    in_ranges(world.container, size, monkeypatch)
    for reader in world.readers:
        await world.seen(reader)
    await world.post()
    assert await fan_out(world.container) == (3 if size == 4 else 1)
    assert [len(entries(timelines, reader)) for reader in world.readers] == [1] * 5


async def test_a_range_that_is_written_again_meets_the_same_and_changes_nothing(
    world: World, timelines: LocalTimelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_ranges(world.container, 2, monkeypatch)
    for reader in world.readers:
        await world.seen(reader)
    await world.post()
    await fan_out(world.container)
    before = {reader: entries(timelines, reader) for reader in world.readers}
    await sql(world.container, "UPDATE jobs SET state = 'WAITING', finished_at = NULL WHERE kind = 'fanout_chunk'")
    assert await fan_out(world.container) == 3
    assert {reader: entries(timelines, reader) for reader in world.readers} == before


async def test_a_follower_who_came_after_the_plan_is_in_a_range(
    world: World, timelines: LocalTimelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_ranges(world.container, 2, monkeypatch)
    await world.post()
    await run_one(world.container, "fanout_post")
    async with world.container.database.writing() as session:
        late = await Seeder(session).user()
        await Seeder(session).follow(late.id, world.author)
    await world.post(job=None, minutes=-1)
    timelines.kept.clear()
    await world.seen(late.id)
    timelines.kept[late.id].told.clear()
    await fan_out(world.container)
    assert len(entries(timelines, late.id)) == 1


async def run_one(container: Container, kind: str) -> bool:
    """Run one job of a kind."""
    return await JobRunner(
        container.transaction, {kind: HANDLERS[kind]}, lease=timedelta(seconds=30), burials=BURIALS
    ).run_one()


async def test_a_post_deleted_between_plan_and_write_is_not_shown_and_restored_it_is_back_at_once(
    world: World, timelines: LocalTimelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_ranges(world.container, 2, monkeypatch)
    for reader in world.readers:
        await world.seen(reader)
    row = await world.post()
    await run_one(world.container, "fanout_post")
    await sql(world.container, "UPDATE posts SET deleted_at = now() WHERE id = :id", id=row.id)
    await fan_out(world.container)
    assert all(entries(timelines, reader) for reader in world.readers)
    assert [await world.seen(reader) for reader in world.readers] == [[]] * 5
    await sql(world.container, "UPDATE posts SET deleted_at = NULL WHERE id = :id", id=row.id)
    assert [await world.seen(reader) for reader in world.readers] == [["0"]] * 5


async def test_jobs_of_a_post_that_is_gone_for_good_end(world: World, timelines: LocalTimelines) -> None:
    await world.seen(world.readers[0])
    row = await world.post()
    await sql(world.container, "DELETE FROM posts WHERE id = :id", id=row.id)
    await fan_out(world.container)
    assert [job.state for job in await read_jobs(world.container, JobState.DONE)] == [JobState.DONE]
    assert entries(timelines, world.readers[0]) == []


async def test_a_repost_taken_back_before_it_was_written_is_not_written(
    world: World, timelines: LocalTimelines
) -> None:
    reader, friend = world.readers[0], world.readers[1]
    async with world.container.database.writing() as session:
        await Seeder(session).follow(reader, friend)
    row = await world.post(job=None)
    await world.seen(reader)
    async with world.container.database.writing() as session:
        await Seeder(session).job("fanout_repost", post_id=str(row.id), user_id=str(friend))
    await fan_out(world.container)
    assert entries(timelines, reader) == [FeedEntry(row.id, None, row.created_at)]


async def test_pulled_entries_are_written_nowhere(world: World, timelines: LocalTimelines) -> None:
    await world.seen(world.readers[0])
    row = await world.post()
    await sql(world.container, "UPDATE posts SET fanout = :way WHERE id = :id", id=row.id, way=Fanout.PULL.value)
    await fan_out(world.container)
    assert entries(timelines, world.readers[0]) == []
    assert await world.seen(world.readers[0]) == ["0"]


# --- without Valkey ---


async def test_a_write_without_valkey_waits_and_then_has_the_timelines_made_anew(
    world: World, timelines: LocalTimelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.jobs.pause", lambda _: timedelta())
    for reader in world.readers:
        await world.seen(reader)
    await world.post()
    timelines.is_down = True
    for interruptions in range(PATIENCE):
        await run_one(world.container, "fanout_post")
        (job,) = await read_jobs(world.container, JobState.WAITING)
        assert (job.attempts, job.interruptions) == (0, interruptions + 1)
    await run_one(world.container, "fanout_post")
    assert await read_jobs(world.container, JobState.DONE)
    feed = await world.container.feeds.page(Viewer(user_id=world.readers[0]), None, None)
    assert feed.degraded
    assert len(feed.page.rows) == 1
    timelines.is_down = False
    # Valkey was unreachable and lost nothing: what it kept lacks the post, and is not read.
    assert entries(timelines, world.readers[0]) == []
    assert await world.seen(world.readers[0]) == ["0"]
    assert len(entries(timelines, world.readers[0])) == 1


async def test_a_job_that_dies_has_the_timelines_made_anew_and_may_be_replayed(
    world: World, timelines: LocalTimelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.jobs.pause", lambda _: timedelta())
    for reader in world.readers:
        await world.seen(reader)
    await world.post()

    async def broken(*_: object) -> int:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(timelines, "put", broken)
        while not await read_jobs(world.container, JobState.DEAD):
            assert await run_one(world.container, "fanout_post")
    assert [await world.seen(reader) for reader in world.readers] == [["0"]] * 5
    async with world.container.transaction() as services:
        await services.jobs.replay()
    await fan_out(world.container)
    assert await read_jobs(world.container, JobState.DONE)
    assert [await world.seen(reader) for reader in world.readers] == [["0"]] * 5


async def test_every_kind_of_fan_out_is_known_and_buried() -> None:
    assert set(FANOUT) <= set(HANDLERS)
    assert set(FANOUT) <= set(BURIALS)
