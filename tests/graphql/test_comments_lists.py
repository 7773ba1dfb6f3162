"""Lists of comments: four orders, pages that stay put while others write, and what is muted or deleted."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import global_id, read_id
from models import Comment, CommentLike
from runtime.container import Container
from tests.support.api import Reader
from tests.support.commenting import comment, posted
from tests.support.rows import sql
from tests.support.seeding import Seeder

PAGE = """query($id: ID!, $sort: CommentSort, $first: Int, $after: String) { post(id: $id) {
  comments(sort: $sort, first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }"""
REPLIES = """query($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on Comment {
  page: replies(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } } }"""
SORTS = ("NEWEST", "OLDEST", "TOP", "HOT")


async def page(reader: Reader, post: str, sort: str | None, first: int = 100, after: str | None = None) -> Any:
    return (await reader.run(PAGE, id=post, sort=sort, first=first, after=after))["post"]["comments"]


async def listed(reader: Reader, post: str, sort: str | None = None) -> list[str]:
    return [node["id"] for node in (await page(reader, post, sort))["nodes"]]


class Board:
    """A post with comments of many ages, likes and replies."""

    def __init__(self, container: Container, post: str) -> None:
        self.container, self.post = container, post
        self.rows: list[Comment] = []
        self.fans: list[UUID] = []

    async def fill(self) -> None:
        """Write thirty comments; of some, age, likes or score are the same."""
        now = datetime.now(UTC)
        async with self.container.database.writing() as session:
            seeder = Seeder(session)
            self.fans = [(await seeder.user()).id for _ in range(6)]
            for hours, likes, replies in itertools.product((0.5, 3, 50), (0, 0, 1, 5, 2), (0, 2)):
                made = now - timedelta(hours=hours)
                row = await seeder.comment(self.key, self.fans[0], created_at=made)
                for fan in self.fans[:likes]:
                    await seeder.like_comment(row.id, fan)
                    await date_likes(session, row.id, made)
                for _ in range(replies):
                    await seeder.comment(self.key, self.fans[1], parent=row, created_at=made)
                self.rows.append(row)
                await session.refresh(row)

    @property
    def key(self) -> UUID:
        """The post's key."""
        return read_id(self.post, "Post")

    def expected(self, sort: str) -> list[str]:
        """Sort by the formulas."""
        now = datetime.now(UTC)

        def hot(row: Comment) -> float:
            hours = (now - row.created_at).total_seconds() / 3600
            return float((row.like_count + 2 * row.reply_count) / (hours + 2) ** 1.5)

        keys: dict[str, Any] = {
            "NEWEST": lambda row: (-row.created_at.timestamp(), -row.id.int),
            "OLDEST": lambda row: (row.created_at, row.id),
            "TOP": lambda row: (-row.like_count, row.created_at, row.id),
            "HOT": lambda row: (-round(hot(row), 9), -row.id.int),
        }
        return [global_id("Comment", row.id) for row in sorted(self.rows, key=keys[sort])]


async def date_likes(session: AsyncSession, comment_id: UUID, at: datetime) -> None:
    """Let the likes of a comment be as old as it."""
    await session.execute(update(CommentLike).where(CommentLike.comment_id == comment_id).values(created_at=at))


@pytest.fixture
async def board(ada: Reader, container: Container) -> Board:
    """A filled board under a post by ada."""
    made = Board(container, await posted(container, ada))
    await made.fill()
    return made


@pytest.mark.parametrize("sort", SORTS)
async def test_each_order_is_what_it_says(nobody: Reader, board: Board, sort: str) -> None:
    assert await listed(nobody, board.post, sort) == board.expected(sort)


async def test_the_newest_come_first_unless_told_otherwise(nobody: Reader, board: Board) -> None:
    assert await listed(nobody, board.post) == board.expected("NEWEST")


async def paged(reader: Reader, post: str, sort: str, between: Sequence[Any], first: int = 4) -> list[str]:
    """Read a list page by page, and let something happen between them."""
    met: list[str] = []
    after, turns = None, iter(between)
    while True:
        found = await page(reader, post, sort, first, after)
        met += [node["id"] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            return met
        happens = next(turns, None)
        if happens:
            await happens()


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("first", [1, 7])
async def test_pages_are_the_whole_list(nobody: Reader, board: Board, sort: str, first: int) -> None:
    assert await paged(nobody, board.post, sort, (), first) == board.expected(sort)


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_stay_put_while_likes_replies_and_comments_arrive(
    ada: Reader, ben: Reader, board: Board, sort: str
) -> None:
    expected = board.expected(sort)
    last, middle = expected[-1], expected[15]

    async def happens() -> None:
        for target in (last, middle):
            await ada.mutate("like", "liked", targetId=target)
            await ben.mutate("like", "liked", targetId=target)
            await comment(ben, board.post, parentId=target)
        await comment(ben, board.post)

    met = await paged(ada, board.post, sort, [happens] * 4)
    assert len(met) == len(set(met)), "nothing comes twice"
    if sort == "OLDEST":
        assert met[: len(expected)] == expected
        assert len(met) == len(expected) + 4, "what is written meanwhile stands at the end"
    else:
        assert met == expected, "and nothing is left out"


async def test_likes_that_are_taken_back_leave_nothing_out(ada: Reader, board: Board, container: Container) -> None:
    expected = board.expected("TOP")

    async def happens() -> None:
        key = read_id(expected[0], "Comment")
        await sql(container, "DELETE FROM comment_likes WHERE comment_id = :key", key=key)
        await sql(container, "UPDATE comments SET like_count = 0 WHERE id = :key", key=key)

    met = await paged(ada, board.post, "TOP", [happens])
    assert set(met) == set(expected)
    assert [key for key in met if key != expected[0]] == expected[1:], "only the one that fell may come again"


async def test_a_cursor_of_one_order_is_none_of_another(nobody: Reader, board: Board) -> None:
    for sort, other in itertools.permutations(SORTS, 2):
        cursor = (await page(nobody, board.post, sort, 1))["pageInfo"]["endCursor"]
        error = await nobody.error(PAGE, id=board.post, sort=other, after=cursor)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_replies_come_oldest_first_in_pages(ada: Reader, container: Container) -> None:
    post = await posted(container, ada)
    top = await comment(ada, post)
    keys = [await comment(ada, post, parentId=top) for _ in range(5)]
    met, after = [], None
    while True:
        found = (await ada.run(REPLIES, id=top, first=2, after=after))["node"]["page"]
        met += [node["id"] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
        await comment(ada, post, parentId=keys[0])
    assert met == keys


async def test_what_is_muted_is_left_out_before_the_page_is_cut(ada: Reader, ben: Reader, container: Container) -> None:
    post = await posted(container, ada)
    plain = [await comment(ada, post, f"Plain {number}.") for number in range(2)]
    for number in range(4):
        await comment(ben, post, f"Noise {number}.")
        await comment(ada, post, f"The BUTLER did it, {number}.")
    cora = [await comment(ada, post, "More plain.")]
    await ada.mutate("mute", "mute { id }", target={"userId": ben.id})
    await ada.mutate("mute", "mute { id }", target={"word": "butler"})
    found = await page(ada, post, "OLDEST", 3)
    assert [node["id"] for node in found["nodes"]] == [*plain, *cora]
    assert not found["pageInfo"]["hasNextPage"]
    for sort in SORTS:
        assert set(await listed(ada, post, sort)) == {*plain, *cora}
    assert len(await listed(ben, post)) == 11
    await ada.mutate("unmute", "mute { id }", target={"userId": ben.id})
    assert len(await listed(ada, post)) == 7


async def test_an_empty_comment_is_listed_for_those_who_see_a_reply(
    ada: Reader, ben: Reader, nobody: Reader, container: Container
) -> None:
    post = await posted(container, ada)
    top = await comment(ada, post)
    await comment(ben, post, parentId=top)
    await ada.mutate("deleteComment", "deletedCommentId", id=top)
    for sort in SORTS:
        assert await listed(ada, post, sort) == await listed(nobody, post, sort) == [top]
    await ada.mutate("mute", "mute { id }", target={"userId": ben.id})
    assert await listed(ada, post) == []
    assert await listed(ben, post) == [top]
