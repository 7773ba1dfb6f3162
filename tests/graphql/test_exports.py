"""Exports: everything in four formats as of one moment, nothing of anybody else's, and what is refused."""

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runtime.container import Container
from tests.support.api import Reader
from tests.support.exports import FORMATS, fetch, fill, key_of, link, many, taken
from tests.support.rows import nothing_written, sql
from tests.support.seeding import START
from tests.support.statements import counted


def unpacked(body: bytes) -> list[dict[str, Any]]:
    """Read the sets of annotations, of one book or all."""
    with zipfile.ZipFile(io.BytesIO(body)) as outer:
        assert outer.testzip() is None
        if outer.namelist() == ["annotations.json"]:
            return [json.loads(outer.read("annotations.json"))]
        return [one for name in outer.namelist() for one in unpacked(outer.read(name))]


async def test_an_export_is_a_link_with_its_end_and_its_count(container: Container, ada: Reader) -> None:
    await fill(container, ada)
    payload = await ada.mutate("exportHighlights", "url expiresAt highlightCount", format="JSON")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/exports/[\w.-]+", payload["url"])
    ends = datetime.fromisoformat(payload["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < ends <= timedelta(minutes=15)
    assert payload["highlightCount"] == 3


async def test_json_is_lossless(container: Container, ada: Reader) -> None:
    await fill(container, ada)
    file = await taken(ada, "JSON")
    told = json.loads(file.body)
    assert (told["format"], told["version"]) == ("commonplace-highlights", 1)
    [book] = told["books"]
    highlights = book.pop("highlights")
    facts = {
        "isbn": None,
        "title": "Harbour Songs",
        "authors": ["Ida Marsh"],
        "publisher": None,
        "totalLocations": 4_200,
    }
    assert book == facts
    assert [one["text"] for one in highlights] == [f"ada passage {n}" for n in (2, 1, 0)]
    assert highlights[2]["anchor"] == {
        "locationStart": 0,
        "locationEnd": 4,
        "prefix": None,
        "suffix": None,
        "cfi": None,
        "page": None,
        "percent": None,
    }
    assert highlights[2]["createdAt"] == f"{START + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S.%fZ}"
    assert (await taken(ada, "JSON")).body == file.body


async def test_csv_has_readwises_columns(container: Container, ada: Reader) -> None:
    await fill(container, ada, count=1)
    body = (await taken(ada, "CSV")).body
    assert body.endswith(b"\r\n")
    [row] = csv.DictReader(io.StringIO(body.decode(), newline=""))
    assert row == {
        "Highlight": "ada passage 0",
        "Book Title": "Harbour Songs",
        "Book Author": "Ida Marsh",
        "Amazon Book ID": "",
        "Note": "ada note 0",
        "Color": "yellow",
        "Tags": "",
        "Location Type": "location",
        "Location": "0",
        "Highlighted at": "2026-03-01 00:01:00+00:00",
        "Document tags": "",
    }


async def test_markdown_is_grouped_by_book(container: Container, ada: Reader) -> None:
    await fill(container, ada, count=1)
    assert (await taken(ada, "MARKDOWN")).text == (
        "# My Highlights\n\n## Harbour Songs\n\n*by Ida Marsh*\n\n> ada passage 0\n\n*Note: ada note 0*\n\n"
        "2026-03-01 00:01 UTC\n\n---\n"
    )


async def test_annotations_are_a_zip_for_each_book(container: Container, ada: Reader) -> None:
    one = await fill(container, ada, "A Lamp / a Log", "Harbour Songs")
    file = await taken(ada, "W3C_ANNOTATIONS", bookId=one)
    [found] = unpacked(file.body)
    assert found["about"]["dc:title"] == "Harbour Songs"
    assert found["items"][0]["target"]["selector"][0]["exact"] == "ada passage 2"
    everything = await taken(ada, "W3C_ANNOTATIONS")
    assert [each["about"]["dc:title"] for each in unpacked(everything.body)] == ["A Lamp / a Log", "Harbour Songs"]
    assert '.zip"' in everything.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(everything.body)) as outer:
        assert outer.namelist() == ["0001 A Lamp a Log.annotations", "0002 Harbour Songs.annotations"]


@pytest.mark.parametrize("kind", FORMATS)
async def test_nothing_to_export_is_a_file_without_highlights(ada: Reader, kind: str) -> None:
    body = (await taken(ada, kind)).body
    if kind == "JSON":
        assert json.loads(body)["books"] == []
    elif kind == "W3C_ANNOTATIONS":
        assert unpacked(body) == []
    else:
        assert body.count(b"\n") == 1


@pytest.mark.parametrize("kind", FORMATS)
async def test_an_export_holds_nothing_of_others_and_nothing_deleted(
    container: Container, ada: Reader, ben: Reader, kind: str
) -> None:
    book = await fill(container, ada)
    await fill(container, ben, "Ben's Own Ledger")
    for reader in (ada, ben):
        named = {"named": {"title": "Harbour Songs", "authors": ["Ida Marsh"]}}
        passage = {"text": "deleted-or-bens", "anchor": {}}
        made = await reader.mutate("createHighlight", "highlight { id }", book=named, passage=passage)
        if reader is ada:
            await ada.mutate("deleteHighlight", "highlight { id }", id=made["highlight"]["id"])
    for more in ({}, {"bookId": book}):
        body = (await taken(ada, kind, **more)).body
        texts = json.dumps(unpacked(body)) if kind == "W3C_ANNOTATIONS" else body.decode()
        assert texts.count("ada passage") == 3
        assert "ben passage" not in texts
        assert "deleted-or-bens" not in texts


@pytest.mark.parametrize("kind", FORMATS)
async def test_the_switches_for_notes_and_times_are_kept(container: Container, ada: Reader, kind: str) -> None:
    await fill(container, ada)
    made = await link(ada, kind)
    await ada.mutate("updatePrivacy", "__typename", exportIncludesNotes=False, exportIncludesTimestamps=False)
    # What counts is what they say when the file leaves.
    body = (await fetch(ada, made)).body
    text = json.dumps(unpacked(body)) if kind == "W3C_ANNOTATIONS" else body.decode()
    assert "ada passage 1" in text
    assert "ada note" not in text
    assert "2026" not in text
    ids = [str(row.id) for row in await sql(container, "SELECT id FROM highlights")]
    assert not [key for key in ids if key in text], "a UUIDv7 tells the time"
    if kind == "JSON":
        [one, *_] = json.loads(body)["books"][0]["highlights"]
        assert set(one) == {"text", "anchor", "color", "visibility"}


async def test_the_file_is_as_of_one_moment(container: Container, ada: Reader) -> None:
    """While a slow client takes the file, highlights come and go; the file knows nothing of it, and no connection is held."""
    await many(container, ada, 5_000)
    path = await link(ada, "JSON")
    async with ada.http.get(path) as response:
        first = await response.content.read(100)
        await sql(container, "UPDATE users SET display_name = 'changed'")
        await sql(container, "DELETE FROM highlights WHERE user_id = :id", id=key_of(ada))
        told = json.loads(first + await response.content.read())
    assert len(told["books"][0]["highlights"]) == 5_000
    assert container.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_an_export_takes_as_many_statements_however_long_it_is(
    container: Container, ada: Reader, ben: Reader
) -> None:
    await fill(container, ada, count=1)
    await many(container, ben, 1_200)
    costs = []
    for reader in (ada, ben):
        path = await link(reader, "JSON")
        with counted(container.database.engine) as statements:
            assert (await fetch(reader, path)).status == 200
        costs.append(len(statements))
    # The session, the account, the count, the highlights.
    assert costs == [4, 4]


@pytest.mark.parametrize(
    ("book", "code"),
    [("nonsense", "INVALID"), ("SGlnaGxpZ2h0OjAwMDAwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMA==", "INVALID")],
)
async def test_a_wrong_book_is_refused(container: Container, ada: Reader, book: str, code: str) -> None:
    async with nothing_written(container):
        payload = await ada.mutate("exportHighlights", "url", format="JSON", bookId=book)
    assert payload["userErrors"][0]["code"] == code
    assert payload["userErrors"][0]["field"] == ["input", "bookId"]


async def test_a_book_of_somebody_elses_is_not_there(container: Container, ada: Reader, ben: Reader) -> None:
    book = await fill(container, ben)
    async with nothing_written(container):
        payload = await ada.mutate("exportHighlights", "url", format="JSON", bookId=book)
    assert payload["url"] is None
    assert payload["userErrors"][0]["code"] == "NOT_FOUND"


async def test_signed_out_there_is_no_export(container: Container, nobody: Reader) -> None:
    async with nothing_written(container):
        payload = await nobody.mutate("exportHighlights", "url", format="JSON")
    assert payload["userErrors"][0]["code"] == "UNAUTHENTICATED"
