"""The recount: it mends what is wrong, tells of it, and disturbs nobody who counts meanwhile."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from aiohttp.test_utils import TestClient

from auth.viewer import Viewer
from core.ids import read_id
from runtime.container import Container
from services import posts_reconcile
from services.jobs import JobRunner
from tests.support.api import Reader
from tests.support.commenting import comment, counts_are_right, posted
from tests.support.readers import seated
from tests.support.recounting import recount, recounted_beside
from tests.support.rows import nothing_written, sql
from tests.support.seeding import Seeder
from tests.support.sync import until
from workers.main import HANDLERS

Http = TestClient[Any, Any]
COUNTS = {
    "users": ("follower_count", "following_count", "post_count"),
    "posts": ("like_count", "comment_count", "repost_count"),
    "comments": ("like_count", "reply_count"),
}


@pytest.fixture
async def crowd(container: Container) -> list[UUID]:
    """Readers who follow, post, like, pass on, comment and reply; the posts' ids."""
    async with container.database.writing() as session:
        seeder = Seeder(session)
        users = [await seeder.user() for _ in range(4)]
        posts = []
        for one, other in itertools.pairwise(users):
            await seeder.follow(one.id, other.id)
            post = await seeder.post(one.id)
            await seeder.like(post.id, other.id)
            await seeder.repost(post.id, other.id)
            said = await seeder.comment(post.id, other.id)
            await seeder.comment(post.id, one.id, parent=said)
            await seeder.like_comment(said.id, one.id)
            posts.append(post.id)
    return posts


@pytest.mark.usefixtures("crowd")
async def test_what_is_right_is_left_alone(container: Container) -> None:
    async with nothing_written(container):
        assert await recount(container.database) == 0


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("by", [1, 100])
async def test_a_count_that_is_wrong_is_mended_and_told(
    container: Container, by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts_reconcile, "SLICE", 2)
    right = {table: await sql(container, f"SELECT * FROM {table} ORDER BY id") for table in COUNTS}  # noqa: S608
    for table, columns in COUNTS.items():
        wrong = ", ".join(f"{column} = {column} + {by}" for column in columns)
        await sql(container, f"UPDATE {table} SET {wrong}")  # noqa: S608
    with structlog.testing.capture_logs() as logs:
        mended = await recount(container.database)
    told = {(log["table"], log["id"], log["column"]): log["old"] - log["new"] for log in logs}
    rows = {table: len(found) for table, found in right.items()}
    assert mended == len(told) == sum(rows[table] * len(columns) for table, columns in COUNTS.items())
    assert set(told.values()) == {by}
    for table, found in right.items():
        assert await sql(container, f"SELECT * FROM {table} ORDER BY id") == found  # noqa: S608


async def test_the_hourly_job_goes_through_all_in_slices(
    container: Container, crowd: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts_reconcile, "SLICE", 2)
    await sql(container, "UPDATE posts SET like_count = 7 WHERE id = :id", id=crowd[-1])
    await sql(container, "UPDATE comments SET reply_count = 7 WHERE depth = 0")
    async with container.transaction() as services:
        await services.jobs.add("reconcile_counts")
    await JobRunner(container.transaction, HANDLERS, lease=timedelta(seconds=15)).run_due()
    async with container.reading() as services:
        assert await services.jobs.depth() == {}, "it went well"
    assert await counts_are_right(container)


async def test_a_recount_beside_those_who_count_changes_nothing(
    ada: Reader, ben: Reader, http: Http, container: Container
) -> None:
    post = await posted(container, ada)
    said = await comment(ada, post)
    people = [await seated(http, container) for _ in range(5)]

    async def busy(reader: Reader) -> None:
        for _ in range(5):
            for target in (post, said):
                await reader.mutate("like", "liked", targetId=target)
            await reader.mutate("follow", "status", userId=ben.id)
            mine = await comment(reader, post, parentId=said)
            await reader.mutate("repost", "post { id }", postId=post)
            await reader.mutate("unlike", "liked", targetId=said)
            await reader.mutate("deleteComment", "deletedCommentId", id=mine)
            await reader.mutate("unfollow", "status", userId=ben.id)

    async with asyncio.timeout(120), recounted_beside(container):
        await asyncio.gather(*(busy(reader) for reader in people))
    assert await counts_are_right(container)
    assert await sql(container, "SELECT like_count, repost_count, comment_count FROM posts") == [(5, 5, 1)]


async def test_mending_waits_for_who_is_counting(ada: Reader, ben: Reader, container: Container) -> None:
    post = await posted(container, ada)
    await sql(container, "UPDATE posts SET like_count = 3")

    async def waits() -> bool:
        return bool(await sql(container, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))

    async with container.transaction() as services:
        await services.likes.like(Viewer(user_id=read_id(ben.id, "User")), post, None)
        mending = asyncio.create_task(recount(container.database))
        await until(waits, seconds=30)
        assert not mending.done()
    assert await mending == 1
    assert await sql(container, "SELECT like_count FROM posts") == [(1,)]
