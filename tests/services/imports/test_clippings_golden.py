"""One file for every English generation of devices, read as a whole."""

from datetime import UTC, datetime

import pytest

from services.imports.my_clippings import parse
from tests.services.imports.clippings_text import GOLDEN, check_counts

Row = tuple[str, str | None, int | None, int | None, str | None, datetime | None, int]


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ENTRIES: dict[str, list[Row]] = {
    "kindle_a": [
        ("The orchard kept its salt under the roots.", "compare with the last chapter", 474, 476, "31",
         _utc("2012-03-16 18:20:00"), 1),
        ("Nobody lit the lanterns, and still they burned.", None, 1701, 1704, None, _utc("2012-04-06 12:15:50"), 16),
        ("A street remembers its feet.", None, 2816, 2820, "238", _utc("2012-03-25 17:55:35"), 21),
    ],
    "kindle_b": [
        ("Every small room has a weather.", "true of kitchens", 257, 260, "28", _utc("2013-01-07 21:02:37"), 1),
        ("Here the river was drawn twice.", "which one is right?", None, None, "125", _utc("2012-04-24 16:13:00"), 11),
        ("A window is a slow clock.", None, 300, 302, None, _utc("2013-12-05 17:28:49"), 26),
    ],
    "kindle_c_us": [
        ("Copper is what the hour tastes of.", None, 145, 146, "3", _utc("2017-07-31 00:11:20"), 1),
        (" He counted the bells, and the bells counted him.", "a whole life in one line", 680, 683, None,
         _utc("2018-07-13 22:34:22"), 11),
        ("Bells do not forgive.", None, 1639, 1640, "128", _utc("2025-02-08 11:08:54"), 16),
        ("A preface is an apology in advance.", None, None, None, "xiv", _utc("2018-07-22 12:00:00"), 32),
    ],
    "kindle_c_gb": [
        ("Moss adds without carrying.", None, 98, 103, None, _utc("2022-07-01 11:28:00"), 1),
        ("Subtraction is only patience.", "so does grief", 244, 249, "3", _utc("2021-09-01 22:40:00"), 11),
        ("The green sum came out even.", None, 325, 327, "25", _utc("2025-07-15 14:37:50"), 16),
    ],
    "koreader": [
        ("The harbour was folded twice.", "like a map", None, None, "40", _utc("2026-02-16 22:15:20"), 1),
        ("Boats are creases.", None, None, None, "40", _utc("2026-02-16 22:16:00"), 13),
        ("First line.\n\nSecond line.", None, None, None, "02", _utc("2026-02-01 09:05:00"), 19),
    ],
}  # fmt: skip
SKIPPED = {
    "kindle_a": [(11, "bookmark")],
    "kindle_b": [(21, "bookmark")],
    "kindle_c_us": [(21, "bookmark"), (26, "article clip")],
    "kindle_c_gb": [(21, "article clip")],
    "koreader": [],
}
BOOKS: dict[str, set[tuple[str, tuple[str, ...]]]] = {
    "kindle_a": {("The Salt Orchard", ("Ilse Varga",)), ("Lanterns for Nobody", ("Quill, Tomas",))},
    "kindle_b": {("Weather of Small Rooms", ("Ana Brook", "Piet Holm")), ("Scanned Atlas", ())},
    "kindle_c_us": {("The Copper Hour", ("Edda Lind",))},
    "kindle_c_gb": {("Moss and Arithmetic (Special Edition)", ("Bea Noor", "Carl Ives"))},
    "koreader": {("The Paper Harbour", ("Jon Alder", "Mia Frost")), ("Untitled Notebook", ())},
}


def _content(name: str) -> str:
    return (GOLDEN / f"{name}.txt").read_bytes().decode()


@pytest.mark.parametrize("name", ENTRIES)
def test_golden_file(name: str) -> None:
    parsed = parse(_content(name))
    check_counts(parsed)
    rows = [
        (e.text, e.note, e.location_start, e.location_end, e.page, e.highlighted_at, e.line) for e in parsed.entries
    ]
    assert rows == ENTRIES[name]
    assert {(entry.title, entry.authors) for entry in parsed.entries} == BOOKS[name]
    skipped = [(problem.line, problem.message.split(":")[0]) for problem in parsed.problems]
    assert skipped == SKIPPED[name]
    assert parsed.collapsed == 0
    assert not any(entry.truncated for entry in parsed.entries)


@pytest.mark.parametrize("name", ENTRIES)
def test_line_ends_and_marks_change_nothing(name: str) -> None:
    content = _content(name)
    bare = content.replace("\r\n", "\n").replace("\ufeff", "")
    assert parse(bare) == parse(content)
    assert parse(bare.replace("\n", "\r\n")) == parse(content)


def test_koreader_appends_the_whole_export_again() -> None:
    once, twice = parse(_content("koreader")), parse(_content("koreader_twice"))
    check_counts(twice)
    assert [(e.key, e.text, e.note, e.highlighted_at) for e in twice.entries] == [
        (e.key, e.text, e.note, e.highlighted_at) for e in once.entries
    ]
    assert twice.collapsed == once.records
