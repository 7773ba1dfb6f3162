"""Pulls come in commit order, under load: who polls while others write misses nothing, and a known bad cursor shows that it could."""

import asyncio
import random
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from core import clock
from core.ids import uuid7
from core.settings import Settings
from runtime.container import Container
from services.catalog import BookRef, NamedBook
from services.sync.drafts import Anchor, HighlightDraft, Passage
from tests.support.api import Reader
from tests.support.sync import making, op, pushed, viewer_of


@pytest.fixture
def settings() -> Settings:
    """Room for sixteen writers."""
    return Settings(_env_file=None, database_pool=24)


class OurCursor:
    """The reader's own sequence number."""

    loses = False

    def __init__(self, container: Container, reader: Reader) -> None:
        self._container, self._reader = container, reader
        self._after: str | None = None

    async def read(self) -> list[UUID]:
        async with self._container.snapshot() as services:
            page, _ = await services.pull.page(viewer_of(self._reader), None, self._after, 500)
        self._after = page.cursor
        return [change.row.id for change in page.changes]


class TimestampCursor:
    """Known to be bad: a row committed late has a time that the cursor has passed already."""

    loses = True

    def __init__(self, container: Container, reader: Reader) -> None:
        self._container, self._reader = container, reader
        self._after = datetime(2000, 1, 1, tzinfo=UTC)

    async def read(self) -> list[UUID]:
        statement = (
            "SELECT id, passage_at FROM highlights WHERE user_id = :me AND passage_at > :after ORDER BY passage_at"
        )
        async with self._container.database.reading() as session:
            values = {"me": viewer_of(self._reader).user_id, "after": self._after}
            rows = (await session.execute(text(statement), values)).all()
        if rows:
            self._after = rows[-1].passage_at
        return [row.id for row in rows]


@pytest.mark.parametrize("kind", [OurCursor, TimestampCursor])
async def test_a_reader_that_polls_while_sixteen_write_misses_nothing(
    ada: Reader, container: Container, kind: type[OurCursor] | type[TimestampCursor]
) -> None:
    reader, seen, written, dice = kind(container, ada), list[UUID](), list[UUID](), random.Random(7)  # noqa: S311
    book = BookRef(named=NamedBook("The Salt Almanac", ("Orla Finch",)))
    await pushed(ada, op(making()))
    seen += await reader.read()
    count = len(seen)

    async def write(hold: float) -> None:
        uuid = uuid7()
        draft = HighlightDraft(book, Passage(f"{uuid}", Anchor()))
        async with container.transaction() as services:
            at = clock.now()
            await asyncio.sleep(hold)  # the way to the lock takes a different time each time
            made = await services.highlights.create(viewer_of(ada), uuid, draft, None)
            assert made.highlight is not None
            made.highlight.passage_at = at
            await asyncio.sleep(hold / 4)
        written.append(uuid)

    async def writer() -> None:
        for _ in range(9):
            await write(dice.uniform(0, 0.02))

    work = asyncio.gather(*(writer() for _ in range(16)))
    while not work.done():
        seen += await reader.read()
        await asyncio.sleep(0.002)
    await work
    seen += await reader.read()
    seen += await reader.read()
    assert len(seen) == len(set(seen))
    lost = set(written) - set(seen)
    assert bool(lost) is kind.loses, f"{len(lost)} of {len(written)} lost"
    assert kind.loses or sorted(seen[count:]) == sorted(written)
