"""Comments by many at once: counts are those of the rows, and threads stay whole."""

import asyncio
from functools import partial
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from runtime.container import Container
from tests.support.api import Reader
from tests.support.commenting import comment, counts_are_right, posted
from tests.support.patience import at_last
from tests.support.readers import seated
from tests.support.recounting import recounted_beside
from tests.support.rows import sql

Http = TestClient[Any, Any]
SHAPE = (
    "SELECT comment_count, (SELECT count(*) FROM comments), (SELECT count(*) FROM comments WHERE depth = 1) FROM posts"
)
pytestmark = pytest.mark.timeout(300)


async def test_a_hundred_comments_at_once_count_a_hundred_and_all_deleted_none(
    ada: Reader, http: Http, container: Container
) -> None:
    post = await posted(container, ada)
    top = await comment(ada, post)
    crowd = [await seated(http, container) for _ in range(20)]

    async def say(reader: Reader, number: int) -> Any:
        # A key each: a repeated request must not say it twice.
        more = {"parentId": top} if number % 2 else {}
        key = f"{number}"
        return await reader.mutate(
            "addComment", "comment { id }", postId=post, text="So true.", clientMutationId=key, **more
        )

    async with recounted_beside(container):
        turns = [partial(at_last, partial(say, reader, number)) for number in range(5) for reader in crowd]
        made = await asyncio.gather(*(turn() for turn in turns))
    assert await sql(container, SHAPE) == [(101, 101, 40)]
    assert await counts_are_right(container)

    async def take_back(reader: Reader, key: str) -> Any:
        payload = await reader.mutate("deleteComment", "deletedCommentId", id=key)
        assert {error["code"] for error in payload["userErrors"]} <= {"NOT_FOUND", "UNAVAILABLE"}
        return payload

    owned = zip(crowd * 5, (one["comment"]["id"] for one in made), strict=True)
    async with recounted_beside(container):
        await asyncio.gather(*(at_last(partial(take_back, *one)) for one in [*owned, (ada, top)]))
    assert await sql(container, SHAPE) == [(0, 0, 0)]


async def test_what_is_answered_while_it_is_deleted_is_kept_for_the_answer_or_cannot_be_answered(
    ada: Reader, ben: Reader, container: Container
) -> None:
    post = await posted(container, ada)
    for _ in range(10):
        top = await comment(ada, post)
        answer, gone = await asyncio.gather(
            ben.mutate("addComment", "comment { parent { id isDeleted } }", postId=post, parentId=top, text="Indeed."),
            ada.mutate("deleteComment", "deletedCommentId", id=top),
        )
        assert gone["userErrors"] == []
        if answer["comment"]:
            assert answer["comment"]["parent"]["id"] == top
        else:
            refused = [(error["code"], error["field"]) for error in answer["userErrors"]]
            assert refused == [("NOT_FOUND", ["input", "parentId"])]
        assert await counts_are_right(container)


async def test_answers_at_the_deepest_level_at_once_stand_beside_each_other(
    ada: Reader, http: Http, container: Container
) -> None:
    post = await posted(container, ada)
    line = [await comment(ada, post)]
    for _ in range(4):
        line.append(await comment(ada, post, parentId=line[-1]))
    crowd = [await seated(http, container) for _ in range(6)]
    deepest = await asyncio.gather(*(comment(reader, post, parentId=line[-1]) for reader in crowd))
    await asyncio.gather(
        *(comment(reader, post, parentId=key) for reader, key in zip(crowd, deepest[::-1], strict=True))
    )
    assert await sql(
        container, "SELECT depth, reply_count FROM comments WHERE depth > 3 ORDER BY depth, id LIMIT 1"
    ) == [(4, 12)]
    assert await sql(container, "SELECT max(depth), count(*) FROM comments") == [(5, 17)]
    assert await counts_are_right(container)
