"""Whole files that are damaged, edited, foreign or made to hurt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.imports.entries import ParsedImport
from services.imports.my_clippings import parse
from tests.services.imports.clippings_text import (
    GOLDEN,
    TITLE,
    at,
    check_counts,
    highlight,
    messages,
    note,
    only,
    read,
    record,
    texts,
)

ENGLISH = "".join(path.read_bytes().decode() for path in sorted(GOLDEN.glob("*.txt")))
LINES = ENGLISH.split("\r\n")
FERRY = highlight("Location 98-102", "The ferry left.")


def _read_damaged(content: str) -> ParsedImport | None:
    try:
        parsed = parse(content)
    except ValueError as error:
        assert "not a clippings file" in str(error)  # noqa: PT017
        return None
    check_counts(parsed)
    assert parse(content) == parsed
    for entry in parsed.entries:
        "".join((entry.text, entry.title, entry.note or "", *entry.authors)).encode()
    return parsed


def test_separator_inside_a_passage() -> None:
    parsed = read(highlight("Location 8-9", "above\r\n==========\r\nbelow\r\n==========\r\n\r\nend"), FERRY)
    assert texts(parsed) == ["above\n==========\nbelow\n==========\nend", "The ferry left."]
    assert parsed.records == 2


def test_separator_inside_a_note() -> None:
    parsed = read(FERRY, note("Location 102", "above\r\n==========\r\nbelow"))
    assert only(parsed).note == "above\n==========\nbelow"


@pytest.mark.parametrize("tail", ["Half (Title)", "Half\r\n- Your Highlight on Location 5-6 | Added on Mon"])
def test_unfinished_end_is_reported(tail: str) -> None:
    parsed = read(FERRY, tail)
    assert texts(parsed) == ["The ferry left."]
    assert messages(parsed) in (["unfinished last record"], ["text after the last record"])
    assert parsed.problems[0].line == 6


def test_empty_records_are_nothing() -> None:
    assert read("==========\r\n", FERRY, "\r\n==========\r\n").records == 1


def test_title_over_two_lines() -> None:
    entry = only(read(highlight("Location 98-102", "The ferry left.", title="The Glass\r\nFerry (Nora Wynn)")))
    assert (entry.title, entry.authors, entry.line) == ("The Glass Ferry", ("Nora Wynn",), 1)


def test_many_authors_one_on_each_line() -> None:
    title = "The Glass Ferry (Nora Wynn\nSam Okoro\nBea Lo\nIda Rook)"
    assert only(read(highlight("page 4", "The ferry left.", title=title))).authors[3] == "Ida Rook"


def test_strange_line_breaks_stay_in_the_text() -> None:
    text = "one\u2028two\x0bthree\x0cfour\rfive\nsix\n\nseven"
    assert only(read(highlight("Location 98-102", text))).text == text


def test_what_cannot_be_stored_is_replaced() -> None:
    assert only(read(highlight("Location 98-102", "a\x00b\ud800c\ufffd"))).text == "ab\ufffdc\ufffd"


def test_unparsable_date_keeps_the_highlight() -> None:
    entry = only(read(record("Your Highlight on Location 98-102", "The ferry left.", date="a rainy day")))
    assert (entry.highlighted_at, entry.location_start) == (None, 98)


def test_time_zone_of_the_reader() -> None:
    entry = only(read(highlight("Location 98-102", "The ferry left.", date=at(60)), time_zone="Asia/Tokyo"))
    assert entry.highlighted_at is not None
    assert entry.highlighted_at.isoformat() == "2022-06-30T16:00:00+00:00"
    with pytest.raises(ValueError, match="no time zone named 'Nowhere'"):
        parse(FERRY, time_zone="Nowhere")


def test_foreign_records_are_reported_and_the_rest_is_read() -> None:
    polish = "Prom (Nora Wynn)\r\n- Twoje zaznaczenie w miejscu 9-10 | Dodano: sobota, 23 listopada 2019"
    parsed = read(f"{polish} 08:08:27\r\n\r\nProm odpłynął.\r\n==========\r\n", FERRY)
    assert messages(parsed) == ["language not supported yet"]
    assert len(parsed.entries) == 1


def test_reasons_for_what_is_skipped() -> None:
    parsed = read(
        "a scrap\r\n==========\r\n",
        highlight("Location 1-2", "x" * 12_001),
        highlight("Location 3-4", " \u200b"),
        highlight("Location 5-6", "text", title="\u200b"),
        highlight("Location 5-6", "text", title="T" * 1_001),
        record("Your Circle on Location 7"),
    )
    assert messages(parsed) == [
        "not a clipping: there is no line with kind and place",
        "highlight longer than 12,000 characters",
        "highlight without text",
        "record without a title",
        "title longer than 1,000 characters",
        "bookmark: it has no text",
    ]


def test_broken_record_never_flows_into_the_text_before_it() -> None:
    parsed = read(FERRY, f"{TITLE}\r\n\r\nNobody waved.\r\n==========\r\n")
    assert texts(parsed) == ["The ferry left."]
    assert messages(parsed) == ["not a clipping: there is no line with kind and place"]


def test_unknown_kinds_are_told_by_their_body() -> None:
    parsed = read(
        record("Your Asterisk on Location 7-9", "The ferry left."), record("Your Circle on Location 9", "why")
    )
    assert (only(parsed).text, only(parsed).note) == ("The ferry left.", "why")


@pytest.mark.parametrize(
    "content", ["", "\ufeff", "==========\n==========\n", "A letter\nto nobody\n", "a,b,c\n1,2,3\n"]
)
def test_other_files_are_refused(content: str) -> None:
    with pytest.raises(ValueError, match="not a clippings file"):
        parse(content)


def test_many_passages_at_one_place_take_linear_time() -> None:
    one = "".join(highlight("Location 49-49", f"{number} glass", date=at(number % 1440)) for number in range(5000))
    assert len(read(one).entries) == 5000


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mangled_lines(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 12))):
        where = data.draw(st.integers(0, len(lines) - 1))
        how = data.draw(st.sampled_from(["drop", "double", "swap", "cut", "noise"]))
        if how == "drop" and len(lines) > 1:
            del lines[where]
        elif how == "double":
            lines.insert(where, lines[where])
        elif how == "swap":
            lines[where], lines[where - 1] = lines[where - 1], lines[where]
        elif how == "cut":
            lines[where] = lines[where][: data.draw(st.integers(0, 60))]
        else:
            lines[where] = data.draw(st.text(max_size=40))
    _read_damaged(data.draw(st.sampled_from(["\r\n", "\n"])).join(lines))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(ENGLISH)))
def test_random_bytes(noise: bytes, where: int) -> None:
    _read_damaged(ENGLISH[:where] + noise.decode("latin-1") + ENGLISH[where:])
    _read_damaged(noise.decode(errors="surrogateescape"))


WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
RECORDS = st.builds(
    lambda start, length, day, minute, kind, page: (
        highlight(
            f"page {start}" if page else f"Location {start * 2}-{(start + length) * 2}",
            " ".join(WORDS[start : start + length + 1]),
            date=at(minute, day=day),
        )
        if kind
        else note(f"Location {start * 2}", WORDS[length], date=at(minute, day=day))
    ),
    st.integers(0, 7),
    st.integers(0, 4),
    st.integers(1, 4),
    st.integers(0, 1439),
    st.integers(0, 3),
    st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=14), st.lists(RECORDS, max_size=14))
def test_a_grown_file_keeps_its_keys(old: list[str], more: list[str]) -> None:
    before, after = read(*old), read(*old, *more)
    primary = {entry.key for entry in after.entries}
    replaced = {key for entry in after.entries for key in entry.other_keys}
    for entry in before.entries:
        assert entry.key in primary or entry.key in replaced
    assert not primary & replaced
