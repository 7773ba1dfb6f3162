"""Posts that were deleted long ago go for good, with all that hangs on them, also while readers are busy."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aiohttp.test_utils import TestClient

from core import clock
from core.ids import read_id
from runtime.container import Container
from services import posts_purge
from tests.support.api import PASSWORD, Reader
from tests.support.posting import act, post, read, refused
from tests.support.readers import seated
from tests.support.rows import sql
from tests.support.seeding import Seeder
from tests.support.uploads import picture, stored_keys, upload
from workers.main import HANDLERS
from workers.recurring import HOUR, RECURRING

Http = TestClient[Any, Any]
TABLES = (
    "posts",
    "likes",
    "comments",
    "comment_likes",
    "reposts",
    "post_trends",
    "post_hashtags",
    "post_mentions",
    "reports",
    "mutes",
)


async def purge(container: Container) -> int:
    """Run the job to its end; how many slices it took."""
    for slices in range(1, 100):
        async with container.transaction() as services:
            if await services.post_purge.purge():
                return slices
    raise AssertionError("it does not end")


async def rows(container: Container) -> dict[str, int]:
    return {table: (await sql(container, f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}  # noqa: S608


async def furnish(container: Container, post_id: str, *readers: Reader) -> None:
    """Hang a row of everything on a post for each reader."""
    key = read_id(post_id, "Post")
    async with container.database.writing() as session:
        seeder = Seeder(session)
        await seeder.trend(key)
        for reader in readers:
            who = read_id(reader.id, "User")
            await seeder.like(key, who)
            await seeder.repost(key, who)
            comment = await seeder.comment(key, who)
            await seeder.comment(key, who, parent=comment)
            await seeder.like_comment(comment.id, who)
            await seeder.report(who, post_id=key)
            await seeder.mute(who, muted_post_id=key)


async def delete_long_ago(container: Container, reader: Reader, post_id: str, days: float = 30.01) -> None:
    await act(reader, "deletePost", post_id)
    at = clock.now() - timedelta(days=days)
    await sql(container, "UPDATE posts SET deleted_at = :at WHERE id = :id", at=at, id=read_id(post_id, "Post"))


async def test_old_ones_go_with_everything_and_young_ones_stay(ada: Reader, ben: Reader, container: Container) -> None:
    media_id = await upload(ada, picture(), "image/png", "POST_IMAGE")
    old = await post(ada, "#old @ben", mediaId=media_id)
    young, live = await post(ada, "#young @ben"), await post(ada, "#live @ben")
    for one in (old, young, live):
        await furnish(container, one["id"], ada, ben)
    before = await rows(container)
    await delete_long_ago(container, ada, old["id"])
    await delete_long_ago(container, ada, young["id"], days=29.99)
    with structlog.testing.capture_logs() as logs:
        await purge(container)
    assert {table: 3 * count for table, count in (await rows(container)).items()} == {
        table: 2 * count for table, count in before.items()
    }
    [told] = [entry for entry in logs if entry["event"] == "posts_purged"]
    assert (told["posts"], told["likes"], told["comments"], told["reposts"]) == (1, 2, 4, 2)
    assert await refused(ada, "restorePost", id=old["id"]) == [("input/id", "NOT_FOUND")]
    assert (await act(ada, "restorePost", young["id"]))["post"]["likeCount"] == 2
    assert await sql(container, "SELECT id FROM media") == []
    await sql(container, "UPDATE stored_files SET created_at = now() - interval '1 hour'")
    async with container.transaction() as services:
        assert await services.media.sweep_files()
    assert await stored_keys(container) == set()
    assert await purge(container) == 1, "again there is nothing to do"


async def test_age_alone_removes_no_post(ada: Reader, container: Container) -> None:
    old, deleted = await post(ada), await post(ada)
    await act(ada, "deletePost", deleted["id"])
    await sql(container, "UPDATE posts SET created_at = created_at - interval '10 years'")
    await purge(container)
    assert (await read(ada, old["id"]))["id"] == old["id"]
    assert (await act(ada, "restorePost", deleted["id"]))["post"]["id"] == deleted["id"]


def test_it_runs_so_often_that_nothing_stays_for_days_more() -> None:
    assert RECURRING["purge_posts"] == HOUR == timedelta(hours=1)
    assert "purge_posts" in HANDLERS


async def test_a_post_with_many_goes_in_slices(
    ada: Reader, http: Http, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts_purge, "PARTS_SLICE", 3)
    monkeypatch.setattr(posts_purge, "POSTS_SLICE", 2)
    readers = [await seated(http, container) for _ in range(7)]
    for _ in range(5):
        made = await post(ada)
        await furnish(container, made["id"], *readers)
        await delete_long_ago(container, ada, made["id"])
    assert await purge(container) > 5
    assert set((await rows(container)).values()) == {0}


async def test_it_runs_beside_busy_readers(ada: Reader, http: Http, container: Container) -> None:
    readers = [await seated(http, container) for _ in range(5)]
    live = [await post(ada) for _ in range(3)]
    for _ in range(8):
        made = await post(ada)
        await furnish(container, made["id"], *readers)
        await delete_long_ago(container, ada, made["id"])

    async def busy(reader: Reader) -> None:
        for key in [one["id"] for one in live] * 3:
            await act(reader, "repost", key)
            liked = await reader.mutate("like", "liked", targetId=key)
            said = await reader.mutate("addComment", "comment { id }", postId=key, text="Still here.")
            await act(reader, "undoRepost", key)
            assert not liked["userErrors"] + said["userErrors"]

    await asyncio.gather(purge(container), purge(container), *map(busy, readers))
    assert await sql(container, "SELECT id FROM posts WHERE deleted_at IS NOT NULL") == []
    counts = [await read(ada, one["id"]) for one in live]
    assert [(one["likeCount"], one["commentCount"], one["repostCount"]) for one in counts] == [(5, 15, 0)] * 3


async def test_readers_leave_while_what_they_did_long_ago_is_purged(
    ada: Reader, http: Http, container: Container
) -> None:
    password_hash = (await container.passwords.hashes(PASSWORD)).password
    readers = [await seated(http, container) for _ in range(4)]
    for author in (ada, *readers):
        for _ in range(2):
            made = await post(author)
            await furnish(container, made["id"], *readers)
            await delete_long_ago(container, author, made["id"])
    await sql(container, "UPDATE users SET password_hash = :hash", hash=password_hash)
    gone = [reader.mutate("deleteAccount", "deletedUserId", password=PASSWORD) for reader in readers]
    _, *payloads = await asyncio.gather(purge(container), *gone)
    assert [payload["userErrors"] for payload in payloads] == [[]] * len(readers)
    await purge(container)
    assert set((await rows(container)).values()) == {0}
