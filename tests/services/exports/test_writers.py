"""Writers: what goes in can be read out again by readers that we did not write, whatever the text."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from models.highlights import HighlightColor
from models.profiles import Visibility
from repositories.exports import ExportedHighlight
from services.exports.annotations import AnnotationsWriter
from services.exports.csv import CsvWriter, guarded
from services.exports.json import JsonWriter
from services.exports.markdown import MarkdownWriter, escaped, in_one_line
from services.exports.writers import Switches, Writer
from tests.services.exports.samples import sample

SCHEMA = json.loads((Path(__file__).parent / "annotations.schema.json").read_text())
GENTLY = settings(max_examples=25, deadline=None)
STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
SIGNS = [
    "=1+1",
    "+x",
    "-x",
    "@x",
    "'=x",
    "''-x",
    '"',
    '""',
    ",",
    ";",
    "\r\n",
    "\n",
    "\r",
    "\t",
    "> q",
    "# h",
    "- i",
    "1. n",
]
MARKUP = [
    "***",
    "_x_",
    "`c`",
    "[a](b)",
    "<b>",
    "&amp;",
    "https://x.example",
    "www.x.example",
    "|",
    "~~s~~",
    "---",
    "    c",
]
ODD = ["😀", "שלום", "\u202e", "\ufeff", "\u2028", "\\", "![i](u)", "```", "\x85", "\x0b", "==="]
HOSTILE = st.sampled_from([*SIGNS, *MARKUP, *ODD])
TEXT = st.lists(st.one_of(HOSTILE, st.text(STORABLE, max_size=8)), min_size=1, max_size=6).map("".join)
WORDS = TEXT.filter(str.strip)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
ROWS = st.builds(
    sample,
    id=st.uuids(),
    book_id=st.sampled_from([UUID(int=1), UUID(int=2)]),
    isbn=st.sampled_from([None, "9780306406157"]),
    title=WORDS,
    authors=st.lists(WORDS, max_size=2),
    publisher=st.none() | WORDS,
    total_locations=st.none() | st.integers(1, 2**31 - 1),
    text=WORDS,
    note=st.none() | WORDS,
    location_start=st.none() | st.integers(0, 2**31 - 2),
    prefix=st.none() | TEXT,
    suffix=st.none() | TEXT,
    cfi=st.none() | TEXT,
    page=st.none() | TEXT,
    percent=st.none() | st.floats(0, 100),
    color=st.sampled_from(HighlightColor),
    visibility=st.sampled_from(Visibility),
    created_at=TIMES,
    updated_at=TIMES,
    conflict_of=st.none() | st.uuids(),
)
SLICES = st.lists(st.lists(ROWS, max_size=3), max_size=3).map(
    lambda parts: [sorted(part, key=lambda row: row.book_id) for part in parts]
)


def written(writer: Writer, slices: Sequence[Sequence[ExportedHighlight]]) -> bytes:
    """Write a whole file."""
    return writer.begin() + b"".join(writer.slice(rows) for rows in slices) + writer.end()


@GENTLY
@given(SLICES)
def test_json_says_everything_and_any_reader_reads_it(slices: list[list[ExportedHighlight]]) -> None:
    body = written(JsonWriter(Switches()), slices)
    told = json.loads(body)
    rows = [row for part in slices for row in part]
    found = [(book, one) for book in told["books"] for one in book["highlights"]]
    assert len(found) == len(rows)
    for row, (book, one) in zip(rows, found, strict=True):
        assert (one["uuid"], one["text"], one["note"]) == (str(row.id), row.text, row.note)
        assert (one["color"], one["visibility"]) == (row.color, row.visibility)
        assert datetime.fromisoformat(one["createdAt"]) == row.created_at
        assert datetime.fromisoformat(one["updatedAt"]) == row.updated_at
        assert one["conflictOf"] == (str(row.conflict_of) if row.conflict_of else None)
        names = ("location_start", "location_end", "prefix", "suffix", "cfi", "page", "percent")
        assert list(one["anchor"].values()) == [getattr(row, name) for name in names]
        assert isinstance(book["title"], str)
    assert body.endswith(b"]}\n")
    assert body.count(b"\n") == (2 + len(rows) + 2 * len(told["books"]))


def test_json_is_these_bytes() -> None:
    rows = [
        sample(isbn="9780306406157", note='say "ä"\n', percent=50.0, location_start=0, location_end=5),
        sample(book_id=UUID(int=2), title="Other", authors=[], conflict_of=UUID(int=3)),
    ]
    anchor = '"prefix":null,"suffix":null,"cfi":null,"page":null,"percent"'
    kept = '"color":"YELLOW","visibility":"PRIVATE","createdAt":"2026-03-01T09:30:00.000000Z","updatedAt":"2026-03-02T10:00:00.123456Z"'
    one = '{"uuid":"01960000-0000-7000-8000-000000000001","text":"The tide keeps no diary.","anchor":{"locationStart":'
    assert written(JsonWriter(Switches()), [rows]).decode() == (
        '{"format":"commonplace-highlights","version":1,"books":[\n'
        '{"isbn":"9780306406157","title":"Harbour Songs","authors":["Ida Marsh"],"publisher":null,"totalLocations":null,"highlights":[\n'
        f'{one}0,"locationEnd":5,{anchor}:50.0}},"note":"say \\"ä\\"\\n",{kept},"conflictOf":null}}\n'
        "]},\n"
        '{"isbn":null,"title":"Other","authors":[],"publisher":null,"totalLocations":null,"highlights":[\n'
        f'{one}null,"locationEnd":null,{anchor}:null}},"note":null,{kept},"conflictOf":"{UUID(int=3)}"}}\n'
        "]}\n]}\n"
    )


@GENTLY
@given(SLICES)
def test_csv_gives_every_cell_back(slices: list[list[ExportedHighlight]]) -> None:
    body = written(CsvWriter(Switches()), slices)
    assert not body.startswith(b"\xef\xbb\xbf")
    header, *cells = csv.reader(io.StringIO(body.decode(), newline=""))
    assert len(header) == 11
    for row, line in zip([row for part in slices for row in part], cells, strict=True):
        assert all(not cell or cell[0] not in "=+-@\t\r\n" for cell in line)
        plain = [unguarded(cell) for cell in line]
        assert plain[:3] == [row.text, row.title, "; ".join(row.authors)]
        assert plain[4:6] == [row.note or "", row.color.lower()]


def unguarded(cell: str) -> str:
    """Take the guard off, as docs/imports-exports.md tells a reader to."""
    return cell[1:] if re.match(r"'+[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20]", cell) else cell


@pytest.mark.parametrize("cell", ["plain", "", "'quoted'", "a=b", " =1", "1-2"])
def test_what_no_spreadsheet_computes_is_left_alone(cell: str) -> None:
    assert guarded(cell) == cell


def shown(html: str) -> str:
    """Read what a page shows, whatever its blanks: characters that Markdown reads as blanks are compared as such."""
    return "".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


TAGS = {f"{slash}{name}" for slash in ("", "/") for name in ("h1", "h2", "p", "em", "blockquote", "hr", "br")}


@GENTLY
@given(SLICES)
def test_markdown_shows_every_character_and_nothing_becomes_markup(slices: list[list[ExportedHighlight]]) -> None:
    html = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .render(written(MarkdownWriter(Switches()), slices).decode())
    )
    assert set(re.findall(r"<(/?\w+)", html)) <= TAGS, html
    rows = [row for part in slices for row in part]
    quotes = re.findall(r"<blockquote>(.*?)</blockquote>", html, re.DOTALL)
    assert [shown(quote) for quote in quotes] == ["".join(row.text.split()) for row in rows]
    assert not rows or "".join(rows[0].title.split()) in shown(html)
    for row in rows:
        if row.note:
            assert f"Note:{''.join(row.note.split())}" in shown(html)


@pytest.mark.parametrize(
    ("line", "spelled"),
    [
        ("https://x.example", "https\\://x.example"),
        ("see www.x.example", "see www\\.x.example"),
        ("MAILTO:a", "MAILTO\\:a"),
    ],
)
def test_no_address_becomes_a_link_by_itself(line: str, spelled: str) -> None:
    assert escaped(line) == spelled


@GENTLY
@given(WORDS)
def test_a_title_is_one_line(title: str) -> None:
    assert "\n" not in in_one_line(title)
    assert "\r" not in in_one_line(title)


def test_markdown_without_an_author_and_with_many_lines() -> None:
    row = sample(authors=[], title="1. *Tides*", text="one\r\n\n    two", note="mine\n\nand more ")
    assert written(MarkdownWriter(Switches(timestamps=False)), [[row]]).decode() == (
        "# My Highlights\n\n## 1\\. \\*Tides\\*\n\n> one\n>\n> &#32;   two\n\n*Note: mine*\n\n*and more*\n\n---\n"
    )


def unpacked(body: bytes) -> list[dict[str, Any]]:
    """Read sets of annotations out of archives."""
    with zipfile.ZipFile(io.BytesIO(body)) as outer:
        assert outer.testzip() is None
        if outer.namelist() == ["annotations.json"]:
            return [json.loads(outer.read("annotations.json"))]
        return [one for name in outer.namelist() for one in unpacked(outer.read(name))]


@pytest.mark.parametrize("switches", [Switches(), Switches(notes=False), Switches(timestamps=False)])
@GENTLY
@given(slices=SLICES, huge=st.booleans())
def test_annotations_are_what_the_draft_says(
    slices: list[list[ExportedHighlight]], switches: Switches, *, huge: bool
) -> None:
    sets = unpacked(written(AnnotationsWriter(switches, one_book=False, huge=huge), slices))
    for one in sets:
        jsonschema.validate(one, SCHEMA)
    rows = [row for part in slices for row in part]
    items = [item for one in sets for item in one["items"]]
    for row, item in zip(rows, items, strict=True):
        assert item["target"]["selector"][0]["exact"] == row.text
        assert item["body"]["value"] == ((row.note or "") if switches.notes else "")
        assert (item["id"] == f"urn:uuid:{row.id}") == switches.timestamps


@pytest.mark.parametrize("slices", [[], [[sample()]]])
def test_one_books_annotations_are_one_archive(slices: list[list[ExportedHighlight]]) -> None:
    [one] = unpacked(written(AnnotationsWriter(Switches(), one_book=True, huge=False), slices))
    jsonschema.validate(one, SCHEMA)
    assert len(one["items"]) == len(slices)


def test_an_annotation_has_all_that_the_format_has_room_for() -> None:
    row = sample(
        isbn="9780306406157", prefix="before ", suffix=" after", cfi="epubcfi(/6/4!/4/2)", page="XI", percent=25.0
    )
    [one] = unpacked(written(AnnotationsWriter(Switches(), one_book=True, huge=False), [[row]]))
    assert one["about"] == {
        "dc:identifier": ["urn:isbn:9780306406157"],
        "dc:title": "Harbour Songs",
        "dc:creator": ["Ida Marsh"],
    }
    [item] = one["items"]
    assert item["target"]["meta"] == {"page": "XI"}
    assert [selector["type"] for selector in item["target"]["selector"]] == [
        "TextQuoteSelector",
        "FragmentSelector",
        "ProgressionSelector",
    ]
    assert item["target"]["selector"][2]["value"] == 0.25
    assert (item["created"], item["modified"]) == ("2026-03-01T09:30:00.000000Z", "2026-03-02T10:00:00.123456Z")
