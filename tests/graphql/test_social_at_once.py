"""Following by many at once: counts are those of the rows, and limits hold."""

import asyncio
from functools import partial
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from runtime.container import Container
from tests.support.api import Reader
from tests.support.patience import at_last
from tests.support.readers import seated
from tests.support.recounting import recount, recounted_beside
from tests.support.rows import nothing_written, sql

Http = TestClient[Any, Any]
STANDING = "status user { followerCount followingCount }"
pytestmark = pytest.mark.timeout(300)


async def follow(reader: Reader, other: Reader) -> Any:
    return await reader.mutate("follow", STANDING, userId=other.id)


async def unfollow(reader: Reader, other: Reader) -> Any:
    return await reader.mutate("unfollow", STANDING, userId=other.id)


async def counts(container: Container) -> dict[str, tuple[int, int]]:
    """Read how many follow each reader, and whom they follow; nobody may be counted wrong."""
    assert await recount(container.database) == 0
    rows = await sql(container, "SELECT username, follower_count, following_count FROM users")
    return {name: (followers, following) for name, followers, following in rows}


async def test_a_hundred_readers_at_once_make_a_hundred_followers(
    ada: Reader, http: Http, container: Container
) -> None:
    crowd = [await seated(http, container) for _ in range(100)]
    async with recounted_beside(container):
        answers = await asyncio.gather(*(at_last(partial(follow, reader, ada)) for reader in crowd))
    assert {answer["status"] for answer in answers} == {"FOLLOWING"}
    assert await counts(container) == {"ada": (100, 0), **{reader.username: (0, 1) for reader in crowd}}
    async with recounted_beside(container):
        answers = await asyncio.gather(*(at_last(partial(unfollow, reader, ada)) for reader in crowd))
    assert {answer["status"] for answer in answers} == {"NOT_FOLLOWING"}
    assert set((await counts(container)).values()) == {(0, 0)}
    assert await sql(container, "SELECT 1 FROM follows") == []


async def test_one_follow_many_times_at_once_is_one(ada: Reader, ben: Reader, container: Container) -> None:
    for change, expected in ((follow, ("FOLLOWING", 1)), (unfollow, ("NOT_FOLLOWING", 0))):
        answers = await asyncio.gather(*(at_last(partial(change, ada, ben)) for _ in range(40)))
        assert {(a["status"], a["user"]["followerCount"]) for a in answers} == {expected}
    assert await counts(container) == {"ada": (0, 0), "ben": (0, 0)}


async def test_two_who_follow_each_other_at_the_same_moment_both_do(
    ada: Reader, ben: Reader, container: Container
) -> None:
    for _ in range(5):
        both = await asyncio.gather(follow(ada, ben), follow(ben, ada))
        assert [answer["status"] for answer in both] == ["FOLLOWING"] * 2
        assert await counts(container) == {"ada": (1, 1), "ben": (1, 1)}
        both = await asyncio.gather(unfollow(ada, ben), unfollow(ben, ada))
        assert [answer["status"] for answer in both] == ["NOT_FOLLOWING"] * 2
    assert await counts(container) == {"ada": (0, 0), "ben": (0, 0)}


async def test_the_follow_limit_holds_for_follows_and_requests_at_once(
    ada: Reader, http: Http, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "settings", container.settings.model_copy(update={"follow_limit": 3}))
    crowd = [await seated(http, container) for _ in range(8)]
    for reader in crowd[::2]:
        await reader.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    answers = await asyncio.gather(*(follow(ada, reader) for reader in crowd))
    assert sum(answer["status"] in ("FOLLOWING", "REQUESTED") for answer in answers) == 3
    refused = [answer["userErrors"][0]["code"] for answer in answers if answer["userErrors"]]
    assert refused == ["LIMIT_EXCEEDED"] * 5
    rows = "SELECT 1 FROM follows UNION ALL SELECT 1 FROM follow_requests"
    assert len(await sql(container, rows)) == 3


async def test_whoever_follows_five_thousand_follows_nobody_else(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await sql(
        container,
        "INSERT INTO users (id, username, email, password_hash, display_name)"
        " SELECT gen_random_uuid(), 'one' || n, 'one' || n || '@example.org', 'none', 'One' FROM generate_series(1, 5000) n",
    )
    await sql(
        container,
        "INSERT INTO follows (follower_id, followed_id) SELECT a.id, o.id FROM users a, users o"
        " WHERE a.username = 'ada' AND o.username LIKE 'one%'",
    )
    async with nothing_written(container):
        [error] = (await follow(ada, ben))["userErrors"]
    assert (error["message"], error["code"]) == ("You already follow 5,000 readers.", "LIMIT_EXCEEDED")
