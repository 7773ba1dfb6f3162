"""Liking posts and comments: one at a time, and a hundred at once."""

import asyncio
from functools import partial
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from core.ids import global_id, read_global_id, uuid7
from models.profiles import Visibility
from runtime.container import Container
from tests.support.api import Reader
from tests.support.commenting import comment, counts_are_right, posted
from tests.support.patience import at_last
from tests.support.readers import seated
from tests.support.recounting import recounted_beside
from tests.support.rows import nothing_written, sql

Http = TestClient[Any, Any]
LIKED = """liked likeCount target { __typename
  ... on Post { id likeCount viewerHasLiked } ... on Comment { id likeCount viewerHasLiked } }"""
LIKERS = """query($id: ID!, $first: Int, $after: String) { post(id: $id) {
  likeCount likedBy(first: $first, after: $after) { nodes { username } pageInfo { hasNextPage endCursor } } } }"""


async def like(reader: Reader, target: str, **more: Any) -> Any:
    return await reader.mutate("like", LIKED, targetId=target, **more)


async def unlike(reader: Reader, target: str, **more: Any) -> Any:
    return await reader.mutate("unlike", LIKED, targetId=target, **more)


async def likers(reader: Reader, post: str) -> list[str]:
    found = (await reader.run(LIKERS, id=post, first=100))["post"]["likedBy"]["nodes"]
    return [node["username"] for node in found]


@pytest.fixture(params=["Post", "Comment"])
async def target(request: pytest.FixtureRequest, ada: Reader, container: Container) -> str:
    """A post, or a comment on one."""
    post = await posted(container, ada)
    return post if request.param == "Post" else await comment(ada, post)


async def test_liking_counts_once_and_again_is_the_same_answer(ada: Reader, ben: Reader, target: str) -> None:
    kind = read_global_id(target)[0]
    first = await like(ben, target)
    there = {"__typename": kind, "id": target, "likeCount": 1, "viewerHasLiked": True}
    assert first == {"liked": True, "likeCount": 1, "target": there, "userErrors": []}
    assert await like(ben, target) == first
    both = await like(ada, target)
    assert (both["likeCount"], both["target"]["likeCount"]) == (2, 2)
    gone = await unlike(ben, target)
    assert (gone["liked"], gone["likeCount"], gone["target"]["viewerHasLiked"]) == (False, 1, False)
    assert await unlike(ben, target) == gone


async def test_what_was_never_liked_is_unliked_without_a_trace(ben: Reader, target: str, container: Container) -> None:
    async with nothing_written(container):
        answer = await unlike(ben, target)
    assert (answer["liked"], answer["likeCount"], answer["userErrors"]) == (False, 0, [])


async def test_a_count_that_is_wrong_never_falls_below_zero(ben: Reader, target: str, container: Container) -> None:
    await like(ben, target)
    for table in ("posts", "comments"):
        await sql(container, f"UPDATE {table} SET like_count = 0")  # noqa: S608
    assert (await unlike(ben, target))["likeCount"] == 0


@pytest.mark.parametrize("mutation", ["like", "unlike"])
async def test_what_is_not_there_or_not_to_be_seen_is_not_found(
    ada: Reader, ben: Reader, nobody: Reader, container: Container, mutation: str
) -> None:
    closed = await posted(container, ada, visibility=Visibility.FOLLOWERS)
    kept = await comment(ada, await posted(container, ada))
    reply = await comment(ada, (await node(ada, kept))["post"]["id"], parentId=kept)
    await ada.mutate("deleteComment", "deletedCommentId", id=kept)
    hidden = [closed, await comment(ada, closed), kept, *(global_id(kind, uuid7()) for kind in ("Post", "Comment"))]
    async with nothing_written(container):
        for target in hidden:
            errors = (await ben.mutate(mutation, LIKED, targetId=target))["userErrors"]
            assert [(e["code"], e["field"]) for e in errors] == [("NOT_FOUND", ["input", "targetId"])]
        wrong = (await ben.mutate(mutation, LIKED, targetId=ben.id))["userErrors"]
        assert [(e["code"], e["field"]) for e in wrong] == [("INVALID", ["input", "targetId"])]
        signed_out = (await nobody.mutate(mutation, LIKED, targetId=reply))["userErrors"]
        assert [e["code"] for e in signed_out] == ["UNAUTHENTICATED"]


async def node(reader: Reader, key: str) -> Any:
    query = "query($id: ID!) { node(id: $id) { ... on Comment { id post { id } viewerHasLiked likeCount } } }"
    return (await reader.run(query, id=key))["node"]


async def test_who_likes_a_post_is_listed_latest_first_but_for_the_blocked(
    ada: Reader, ben: Reader, nobody: Reader, http: Http, container: Container
) -> None:
    post = await posted(container, ada)
    crowd = [ben, *[await seated(http, container) for _ in range(4)]]
    for reader in crowd:
        await like(reader, post)
    names = [reader.username for reader in reversed(crowd)]
    assert await likers(nobody, post) == await likers(ada, post) == names
    await crowd[1].mutate("block", "user { id }", userId=ben.id)
    await ben.mutate("block", "user { id }", userId=crowd[2].id)
    assert await likers(ben, post) == [names[0], names[1], "ben"]
    assert await likers(crowd[1], post) == names[:-1]
    met, after = [], None
    while True:
        page = (await ada.run(LIKERS, id=post, first=2, after=after))["post"]["likedBy"]
        met += [one["username"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        await like(await seated(http, container), post)
    assert met == names, "who comes meanwhile stands before the first page, and moves nobody"


@pytest.mark.timeout(300)
async def test_a_crowd_of_readers_at_once_counts_its_heads(
    ada: Reader, http: Http, container: Container, target: str
) -> None:
    # Likes of comments take the same way; a smaller crowd shows it.
    size = 100 if read_global_id(target)[0] == "Post" else 30
    crowd = [await seated(http, container) for _ in range(size)]
    async with recounted_beside(container):
        answers = await asyncio.gather(*(at_last(partial(like, reader, target)) for reader in crowd))
    # Not each number once: one whose answer was lost after the commit asks again, and is told the present count.
    assert {answer["liked"] for answer in answers} == {True}
    assert max(answer["likeCount"] for answer in answers) == size
    assert await counts_are_right(container)
    assert (await like(ada, target))["likeCount"] == size + 1
    async with recounted_beside(container):
        answers = await asyncio.gather(*(at_last(partial(unlike, reader, target)) for reader in [ada, *crowd]))
    assert {answer["liked"] for answer in answers} == {False}
    assert min(answer["likeCount"] for answer in answers) == 0
    assert await counts_are_right(container)


@pytest.mark.timeout(300)
async def test_one_reader_many_times_at_once_counts_one(ben: Reader, container: Container, target: str) -> None:
    answers = await asyncio.gather(*(at_last(partial(like, ben, target)) for _ in range(40)))
    assert {(a["liked"], a["likeCount"]) for a in answers} == {(True, 1)}
    answers = await asyncio.gather(*(at_last(partial(unlike, ben, target)) for _ in range(40)))
    assert {(a["liked"], a["likeCount"]) for a in answers} == {(False, 0)}
    assert await counts_are_right(container)


async def test_to_and_fro_by_one_reader_at_once_ends_with_one_like_or_none(
    ada: Reader, ben: Reader, container: Container, target: str
) -> None:
    turns = [partial(change, reader, target) for _ in range(8) for reader in (ada, ben) for change in (like, unlike)]
    answers = await asyncio.gather(*map(at_last, turns))
    assert {answer["likeCount"] for answer in answers} <= {0, 1, 2}
    assert await counts_are_right(container)
    await like(ada, target)
    assert (await unlike(ben, target))["likeCount"] == 1


async def test_likes_of_many_things_by_many_at_once_never_wait_in_a_circle(
    ada: Reader, http: Http, container: Container
) -> None:
    crowd = [await seated(http, container) for _ in range(6)]
    posts = [await posted(container, ada) for _ in range(3)]
    targets = [*posts, *[await comment(ada, post) for post in posts]]

    async def turn(reader: Reader, order: list[str]) -> None:
        for target in order:
            await like(reader, target)
            await comment(reader, posts[0])
            await unlike(reader, target)
            await like(reader, target)

    async with asyncio.timeout(60):
        await asyncio.gather(*(turn(reader, targets[place:] + targets[:place]) for place, reader in enumerate(crowd)))
    assert await counts_are_right(container)
    assert await sql(container, "SELECT DISTINCT like_count FROM posts") == [(6,)]


async def test_a_like_while_its_post_is_deleted_is_a_like_or_not_found(
    ada: Reader, ben: Reader, container: Container
) -> None:
    for _ in range(10):
        post = await posted(container, ada)
        answer, _ = await asyncio.gather(like(ben, post), ada.mutate("deletePost", "deletedPostId", id=post))
        assert [e["code"] for e in answer["userErrors"]] in ([], ["NOT_FOUND"])
    assert await counts_are_right(container)


async def test_signed_out_nothing_is_liked_and_nothing_asked(nobody: Reader, ben: Reader, target: str) -> None:
    await like(ben, target)
    query = (
        "query($id: ID!) { node(id: $id) { ... on Post { viewerHasLiked likeCount }"
        " ... on Comment { viewerHasLiked likeCount } } }"
    )
    assert (await nobody.run(query, id=target))["node"] == {"viewerHasLiked": False, "likeCount": 1}
