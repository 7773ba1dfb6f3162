"""Highlights: made, refused, and made at once though Valkey is dead."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import create_app
from core.ids import global_id
from core.settings import Settings
from runtime.container import Container
from tests.support.api import Reader, sign_up
from tests.support.highlights import BOOK, TEXT, change, codes, create, read
from tests.support.rows import nothing_written, sql


async def test_what_is_created_is_what_is_read(ada: Reader) -> None:
    anchor = {
        "locationStart": 10,
        "locationEnd": 46,
        "prefix": "before ",
        "suffix": " after",
        "cfi": "epubcfi(/6/4!/4/2/1:0)",
        "page": "xii",
        "percent": 12.5,
    }
    made = await create(
        ada,
        passage={"text": f"  {TEXT}\n🐚 ", "anchor": anchor},
        note="for the preface",
        color="GREEN",
        visibility="FOLLOWERS",
        createdAt="2019-05-04T08:15:30.123456+02:00",
    )
    assert made["text"] == f"  {TEXT}\n🐚 "
    assert made["anchor"] == anchor
    assert (made["note"], made["color"], made["visibility"]) == ("for the preface", "GREEN", "FOLLOWERS")
    assert made["createdAt"] == "2019-05-04T06:15:30.123456Z"
    assert made["book"] == {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}
    assert made["owner"] == {"username": "ada"}
    assert made["deletedAt"] is made["restorableUntil"] is made["conflictOf"] is None
    assert made["id"] == global_id("Highlight", UUID(made["uuid"]))
    assert await read(ada, made["id"]) == made


async def test_what_is_left_out_has_its_default(ada: Reader) -> None:
    before = datetime.now(UTC)
    made = await create(ada, color=None, visibility=None, note=None, createdAt=None, uuid=None)
    assert (made["color"], made["visibility"], made["note"]) == ("YELLOW", "PRIVATE", None)
    assert before <= datetime.fromisoformat(made["createdAt"]) <= datetime.now(UTC)
    assert set(made["anchor"].values()) == {None}
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", defaultHighlightVisibility="MUTUALS")
    assert (await create(ada))["visibility"] == "MUTUALS"
    assert (await create(ada, visibility="PUBLIC"))["visibility"] == "PUBLIC"
    assert (await read(ada, made["id"]))["visibility"] == "PRIVATE"


async def test_the_book_may_be_named_by_id_isbn_or_name(ada: Reader) -> None:
    added = (await ada.mutate("addBook", "book { id }", title="Tides", authors=[], isbn="0306406152"))["book"]
    for ref in ({"id": added["id"]}, {"isbn": "978-0-306-40615-7"}):
        assert (await create(ada, book=ref))["book"]["title"] == "Tides"


async def test_a_device_may_choose_the_id(ada: Reader, ben: Reader, container: Container) -> None:
    key = str(uuid4())
    made = await create(ada, uuid=key)
    assert made["uuid"] == key
    input_ = {"uuid": key, "book": BOOK, "passage": {"text": "Another.", "anchor": {}}}
    async with nothing_written(container):
        for reader in (ada, ben):
            assert await codes(reader, "createHighlight", **input_) == [("input/uuid", "CONFLICT")]
    await ada.mutate("deleteHighlight", "highlight { id }", id=made["id"])
    assert await codes(ada, "createHighlight", **input_) == [("input/uuid", "CONFLICT")]


async def test_of_racing_creates_of_one_id_one_wins(ada: Reader, ben: Reader, container: Container) -> None:
    for _ in range(5):
        input_ = {"uuid": str(uuid4()), "book": BOOK, "passage": {"text": "Raced.", "anchor": {}}}
        answers = await asyncio.gather(
            *(r.mutate("createHighlight", "highlight { id }", **input_) for r in (ada, ben) * 2)
        )
        refused = [[e["code"] for e in a["userErrors"]] for a in answers if a["userErrors"]]
        assert refused == [["CONFLICT"]] * 3
    assert (await sql(container, "SELECT count(*) FROM highlights"))[0][0] == 5


async def test_a_time_in_the_future_is_refused_but_for_a_clock_that_is_a_little_fast(
    ada: Reader, container: Container
) -> None:
    input_ = {"book": BOOK, "passage": {"text": TEXT, "anchor": {}}}
    for later in (datetime.now(UTC) + timedelta(minutes=5), datetime(9999, 12, 31, tzinfo=UTC)):
        async with nothing_written(container):
            refused = await codes(ada, "createHighlight", createdAt=later.isoformat(), **input_)
            assert refused == [("input/createdAt", "INVALID")]
    made = await create(ada, createdAt=(datetime.now(UTC) + timedelta(seconds=20)).isoformat())
    assert datetime.fromisoformat(made["createdAt"]) <= datetime.now(UTC)


async def test_the_oldest_time_is_kept(ada: Reader) -> None:
    made = await create(ada, createdAt="0001-01-01T00:00:00Z")
    assert made["createdAt"] == "0001-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("input_", "field"),
    [
        ({"passage": {"text": "", "anchor": {}}}, "passage/text"),
        ({"passage": {"text": " \n\t", "anchor": {}}}, "passage/text"),
        ({"passage": {"text": "🐚" * 12_001, "anchor": {}}}, "passage/text"),
        ({"note": "🐚" * 4_001}, "note"),
        *(
            ({"passage": {"text": "x", "anchor": anchor}}, f"passage/anchor/{field}")
            for anchor, field in [
                ({"locationStart": -1, "locationEnd": 5}, "locationStart"),
                ({"locationStart": 5, "locationEnd": 5}, "locationEnd"),
                ({"locationStart": 5, "locationEnd": 4}, "locationEnd"),
                ({"locationStart": 5}, "locationEnd"),
                ({"locationEnd": 5}, "locationStart"),
                ({"percent": -0.001}, "percent"),
                ({"percent": 100.001}, "percent"),
                ({"percent": 1.7e308}, "percent"),
                ({"prefix": "x" * 5_001}, "prefix"),
                ({"suffix": "x" * 5_001}, "suffix"),
                ({"cfi": "x" * 2_001}, "cfi"),
                ({"page": "x" * 51}, "page"),
            ]
        ),
        ({"book": {"named": {"title": "", "authors": []}}}, "book/named/title"),
        ({"book": {"named": {"title": "🐚" * 501, "authors": []}}}, "book/named/title"),
        ({"book": {"named": {"title": "x", "authors": [""]}}}, "book/named/authors"),
        ({"book": {"isbn": "9780306406158"}}, "book/isbn"),
        ({"book": {"id": "nonsense"}}, "book/id"),
        ({"book": {"id": ""}}, "book/id"),
        ({"book": {"id": global_id("User", uuid4())}}, "book/id"),
    ],
)
async def test_a_bad_highlight_is_refused_at_its_field(
    ada: Reader, container: Container, input_: dict[str, Any], field: str
) -> None:
    good = {"book": BOOK, "passage": {"text": TEXT, "anchor": {}}}
    async with nothing_written(container):
        assert await codes(ada, "createHighlight", **(good | input_)) == [(f"input/{field}", "INVALID")]


async def test_all_problems_of_a_highlight_are_told_at_once(ada: Reader, container: Container) -> None:
    anchor = {"locationStart": -2, "locationEnd": -3, "percent": 101.0}
    async with nothing_written(container):
        refused = await codes(
            ada, "createHighlight", book=BOOK, passage={"text": "", "anchor": anchor}, note="x" * 4_001
        )
    assert [field for field, _ in refused] == [
        "input/passage/text",
        "input/passage/anchor/locationStart",
        "input/passage/anchor/locationEnd",
        "input/passage/anchor/percent",
        "input/note",
    ]


async def test_values_at_the_limits_are_taken(ada: Reader) -> None:
    anchor = {
        "locationStart": 0,
        "locationEnd": 2**31 - 1,
        "prefix": "🐚" * 5_000,
        "suffix": "🐚" * 5_000,
        "cfi": "🐚" * 2_000,
        "page": "🐚" * 50,
        "percent": 100.0,
    }
    passage = {"text": "🐚" * 12_000, "anchor": anchor}
    made = await create(ada, passage=passage, note="🌊" * 4_000)
    assert (made["text"], made["note"], made["anchor"]) == ("🐚" * 12_000, "🌊" * 4_000, anchor)
    assert (await create(ada, passage={"text": "x", "anchor": {"percent": 0}}))["anchor"]["percent"] == 0.0


@pytest.fixture
async def lone(urls: tuple[str, str], settings: Settings, http: object) -> AsyncIterator[Reader]:
    """A reader of a server whose Valkey is dead."""
    del http
    alone = create_app(settings, database_url=urls[0], redis_url="redis://127.0.0.1:9")
    async with TestClient(TestServer(alone)) as client:
        yield await sign_up(client, "ada")


async def test_with_valkey_dead_highlights_are_made_all_the_same_and_at_once(lone: Reader) -> None:
    began = time.monotonic()
    made = [await create(lone, f"Passage {i}.") for i in range(10)]
    await change(lone, "updateHighlight", made[0]["id"], note="n")
    await change(lone, "deleteHighlight", made[1]["id"])
    assert time.monotonic() - began < 10  # each would wait for seconds, if it waited at all
    assert (await read(lone, made[0]["id"]))["note"] == "n"
