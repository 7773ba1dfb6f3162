"""CSV in Readwise's columns: its export, what is made for its import, and our own CSV."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from services.imports.clippings_dates import load_zone
from services.imports.clippings_keys import normal_text, normal_title
from services.imports.clippings_titles import split_authors
from services.imports.entries import MAX_NOTE, MAX_TEXT, MAX_TITLE, ImportedEntry, ParsedImport
from services.imports.gathering import BookName, Gathering, Refused
from services.imports.values import as_color, as_line, as_moment, clean, key_of

NO_COLUMN = "This is not a CSV file of highlights: its first line names no column `Highlight`."
_NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("highlight",),
    "title": ("book title", "title"),
    "author": ("book author", "author"),
    "note": ("note",),
    "color": ("color", "colour"),
    "kind": ("location type",),
    "place": ("location",),
    "date": ("highlighted at", "date"),
}
UNPAIRED = "the quotation marks from here on do not pair up, or hold a cell of more than 131,072 characters"
_DELIMITERS = ",;\t"
_START_OF_TEXT = 20
# What the export puts an apostrophe before, lest a spreadsheet computes it.
_GUARDED = re.compile("''*[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")
_NUMBER = re.compile(r"(\d{1,10})(?:\.0+)?", re.ASCII)
_LONGEST_CELL = 131_072


def parse(content: str, *, time_zone: str = "UTC") -> ParsedImport:
    """Read a whole file. Lines of problems are those where the row begins: a cell may hold several.

    `time_zone` is for dates without a zone. Raises ValueError, with a sentence for the reader, without a column for the
    highlights.
    """
    zone, gathering = load_zone(time_zone), Gathering()
    rows = _rows(clean(content))
    columns = _columns(next(rows, (1, [], ""))[1])
    for line, row, fault in rows:
        told = {name: row[place] if place < len(row) else "" for name, place in columns.items()}
        book = _book(told)
        try:
            if fault:
                raise Refused(fault)
            gathering.add(_entry(line, told, book, zone))
        except Refused as error:
            gathering.refuse(line, str(error), book if book[0] and not fault else None)
    return gathering.result()


def _rows(content: str) -> Iterator[tuple[int, Sequence[str], str]]:
    """Yield the rows that hold anything, with the line of their beginning, or with what is wrong with them."""
    header = content[: content.find("\n") + 1 or len(content)]
    delimiter = max(_DELIMITERS, key=header.count)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, [], UNPAIRED
            continue
        if any(cell.strip() for cell in row):
            yield line, [cell[1:] if _GUARDED.match(cell) else cell for cell in row], ""


def _columns(header: Sequence[str]) -> Mapping[str, int]:
    names = [as_line(name).casefold() for name in header]
    places = {name: _first(names, known) for name, known in _NAMES.items()}
    if places["text"] is None:
        raise ValueError(NO_COLUMN)
    return {name: place for name, place in places.items() if place is not None}


def _first(names: Sequence[str], known: Sequence[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _book(told: Mapping[str, str]) -> BookName:
    return as_line(told.get("title", ""))[:MAX_TITLE], split_authors(told.get("author", ""))


def _entry(line: int, told: Mapping[str, str], book: BookName, zone: ZoneInfo) -> ImportedEntry:
    text, note = told["text"].strip(), told.get("note", "").strip() or None
    _check(text, note, book)
    location, page = _place(told)
    where = (normal_title(book[0]), "location" if location is not None else "page", location, page)
    wording = normal_text(text)
    return ImportedEntry(
        title=book[0],
        authors=book[1],
        text=text,
        note=note,
        location_start=location,
        location_end=None if location is None else location + 1,
        page=page,
        highlighted_at=as_moment(told.get("date", ""), zone),
        line=line,
        key=key_of("readwise", *where, wording),
        other_keys=(key_of("readwise", *where, "start", wording[:_START_OF_TEXT]),),
        color=as_color(told.get("color", "")),
    )


def _place(told: Mapping[str, str]) -> tuple[int | None, str | None]:
    kind, place = told.get("kind", "").strip().casefold(), as_line(told.get("place", ""))
    number = _NUMBER.fullmatch(place)
    if kind == "page":
        return None, (number[1] if number else place) or None
    # Files made for Readwise's import have no column for the kind. An order is no place.
    return (int(number[1]) if number and kind in {"", "location"} else None), None


def _check(text: str, note: str | None, book: BookName) -> None:
    if not normal_text(text):
        raise Refused("row without a highlight")
    if not book[0]:
        raise Refused("row without the title of a book")
    if len(text) > MAX_TEXT:
        raise Refused(f"highlight longer than {MAX_TEXT:,} characters")
    if note and len(note) > MAX_NOTE:
        raise Refused(f"note longer than {MAX_NOTE:,} characters")
