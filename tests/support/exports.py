"""Take highlights away as clients do."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import hdrs
from sqlalchemy import text, update

from core.ids import global_id, read_global_id
from models import SyncCounter
from runtime.container import Container
from tests.support.api import Reader
from tests.support.seeding import Seeder

FORMATS = ("MARKDOWN", "CSV", "JSON", "W3C_ANNOTATIONS")
REGISTERS = ("passage", "note", "color", "visibility", "life")


@dataclass(frozen=True)
class Taken:
    """A file as it arrived."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The file as text."""
        return self.body.decode()


async def link(reader: Reader, kind: str, **more: Any) -> str:
    """Ask for a link; its path."""
    payload = await reader.mutate("exportHighlights", "url expiresAt highlightCount", format=kind, **more)
    assert not payload["userErrors"], payload
    return str(urlsplit(payload["url"]).path)


async def fetch(reader: Reader, path: str, **headers: str) -> Taken:
    """Fetch a link, signed out."""
    async with reader.http.get(path, headers=headers) as response:
        body = await response.read()
        assert response.headers.get(hdrs.SET_COOKIE) is None
        return Taken(response.status, dict(response.headers), body)


async def taken(reader: Reader, kind: str, **more: Any) -> Taken:
    """Take highlights away."""
    found = await fetch(reader, await link(reader, kind, **more))
    assert found.status == 200, found
    return found


def key_of(reader: Reader) -> UUID:
    """Read a reader's key."""
    return read_global_id(reader.id)[1]


async def many(container: Container, reader: Reader, count: int) -> None:
    """Write so many highlights in a book of their own, in one statement."""
    user_id = key_of(reader)
    async with container.database.writing() as session:
        book = await Seeder(session).book()
        await Seeder(session).hold(user_id, book.id)
        times = ", ".join(f"now() AS {name}_at" for name in REGISTERS)
        seqs = ", ".join(f"n AS {name}_seq" for name in REGISTERS)
        columns = ", ".join([*(f"{name}_at" for name in REGISTERS), *(f"{name}_seq" for name in REGISTERS)])
        await session.execute(
            text(
                f"INSERT INTO highlights (user_id, id, book_id, seq, text, note, created_at, {columns}) "  # noqa: S608
                "SELECT :user, gen_random_uuid(), :book, n, 'Passage ' || n || repeat(' of the tide', 20), 'A note of mine', "
                f"now() - n * interval '1 minute', {times}, {seqs} FROM generate_series(1, :count) AS n"
            ),
            {"user": user_id, "book": book.id, "count": count},
        )
        await session.execute(update(SyncCounter).where(SyncCounter.user_id == user_id).values(seq=count))


async def fill(container: Container, reader: Reader, *titles: str, count: int = 3) -> str:
    """Write highlights of one book, or several; the last book's id."""
    made = ""
    async with container.database.writing() as session:
        seeder = Seeder(session)
        for title in titles or ("Harbour Songs",):
            book = await seeder.book(title, ("Ida Marsh",), total_locations=4_200)
            made = global_id("Book", book.id)
            await seeder.hold(key_of(reader), book.id)
            for number in range(count):
                words = {"text": f"{reader.username} passage {number}", "note": f"{reader.username} note {number}"}
                place = {"location_start": number * 10, "location_end": number * 10 + 4}
                await seeder.highlight(key_of(reader), book.id, **words, **place)
    return made
