"""Transactions that take locks in the house's order never wait in a circle, and races over books end with one book."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from auth.viewer import Viewer
from core.ids import global_id, uuid7
from models import User
from runtime.container import Container
from services.catalog import BookDraft, BookRef, NamedBook
from services.sync.drafts import Anchor, Create, HighlightDraft, Passage
from services.sync.push import OfflineWork, PushedOp
from tests.support.rows import sql
from tests.support.seeding import Seeder

ROUNDS = 50
PASSAGE = Passage("A bell under the water.", Anchor())


@dataclass
class Hand:
    """A reader who works straight on the services, a transaction for each piece of work."""

    container: Container
    user_id: UUID
    device_id: UUID

    @property
    def viewer(self) -> Viewer:
        """The reader's eyes."""
        return Viewer(user_id=self.user_id, device_id=self.device_id)

    async def push(self, *titles: str) -> None:
        """Mark something in several books at once."""
        now = datetime.now(UTC)
        ops = [PushedOp(uuid7(), uuid7(), now, None, Create(_draft(title))) for title in titles]
        async with self.container.transaction() as services:
            work = OfflineWork(global_id("Device", self.device_id), None, None, now, ops)
            pushed = await services.push.push(self.viewer, work)
        assert not [result.problem for result in pushed.results if result.problem]

    async def mark(self, title: str) -> None:
        """Mark something in one book."""
        async with self.container.transaction() as services:
            await services.highlights.create(self.viewer, None, _draft(title), None)

    async def add(self, title: str, isbn: str | None = None) -> UUID:
        """Add a book."""
        async with self.container.transaction() as services:
            return (await services.catalog.add(self.viewer, BookDraft(title, ("Ida Marsh",), isbn), None)).id


def _draft(title: str) -> HighlightDraft:
    return HighlightDraft(book=BookRef(named=NamedBook(title, ("Ida Marsh",))), passage=PASSAGE)


@pytest.fixture
async def hands(container: Container) -> list[Hand]:
    """Five readers."""
    async with container.database.writing() as session:
        seeder = Seeder(session)
        users: list[User] = [await seeder.user() for _ in range(5)]
        return [Hand(container, user.id, (await seeder.device(user.id)).id) for user in users]


async def at_once(*work: Awaitable[object]) -> None:
    """Do it all at the same moment; a deadlock or any other fault goes up."""
    async with asyncio.timeout(30):
        await asyncio.gather(*work)


async def test_the_same_books_in_opposite_orders_never_wait_in_a_circle(
    container: Container, hands: list[Hand]
) -> None:
    ann, bob, cas, *_ = hands
    for number in range(ROUNDS):
        one, two, three = (f"{name} {number}" for name in ("Amber", "Basalt", "Coral"))
        await at_once(
            ann.push(one, two, three),
            bob.push(three, two, one),
            cas.mark(two),
            cas.add(three),
            ann.add(three),
            bob.mark(one),
        )
    books = await sql(container, "SELECT count(*), count(DISTINCT match_key) FROM books")
    assert books == [(3 * ROUNDS, 3 * ROUNDS)]
    assert await sql(container, "SELECT count(*) FROM highlights") == [(8 * ROUNDS,)]


async def test_books_that_are_there_already_are_no_circle_either(container: Container, hands: list[Hand]) -> None:
    titles = [f"Known {number}" for number in range(ROUNDS)]
    for title in titles:
        await hands[0].add(title)
    # All private, and each push makes its reader a holder of all: the rows of the books are locked, not their names.
    await at_once(*(hand.push(*order) for hand, order in zip(hands[1:3], (titles, titles[::-1]), strict=True)))
    assert await sql(container, "SELECT count(*) FROM book_holders") == [(3 * ROUNDS,)]


@pytest.mark.parametrize("joins", [Hand.add, Hand.mark, Hand.push])
async def test_the_floor_th_reader_makes_a_book_public_though_two_come_at_once(
    container: Container, hands: list[Hand], joins: Callable[[Hand, str], Awaitable[object]]
) -> None:
    assert container.settings.public_book_readers == len(hands)
    for number in range(10):
        title = f"Tide {number}"
        for hand in hands[:3]:
            await hand.add(title)
        assert await sql(container, "SELECT is_public FROM books WHERE title = :title", title=title) == [(False,)]
        await at_once(joins(hands[3], title), joins(hands[4], title))
        assert await sql(container, "SELECT is_public FROM books WHERE title = :title", title=title) == [(True,)]


async def test_four_readers_are_too_few_though_they_come_again_and_again(
    container: Container, hands: list[Hand]
) -> None:
    await at_once(*(hand.add("Low Water") for hand in hands[:4] * 3))
    assert await sql(container, "SELECT is_public FROM books") == [(False,)]
    assert await sql(container, "SELECT count(*) FROM book_holders") == [(4,)]


async def test_racing_to_add_a_book_ends_with_one_book(container: Container, hands: list[Hand]) -> None:
    for number in range(10):
        ids = await asyncio.gather(*(hand.add(f"Race {number}") for hand in hands[:2] * 2))
        assert len(set(ids)) == 1
    assert await sql(container, "SELECT count(*) FROM books") == [(10,)]


@pytest.mark.parametrize("other", ["the same name without", "another name with"])
async def test_racing_over_an_isbn_ends_with_one_book(container: Container, hands: list[Hand], other: str) -> None:
    for number in range(10):
        title, isbn = f"Numbered {number}", _isbn(number)
        rival = hands[1].add(title) if other == "the same name without" else hands[1].add(f"Retitled {number}", isbn)
        ids = await asyncio.gather(hands[0].add(title, isbn), rival)
        assert len(set(ids)) == 1, number
    assert await sql(container, "SELECT count(*), count(isbn), bool_and(is_public) FROM books") == [(10, 10, True)]


def _isbn(number: int) -> str:
    stem = f"978000000{number:03d}"
    return stem + str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(stem)) % 10)
