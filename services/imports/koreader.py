"""The JSON of KOReader's exporter: one book, or several in `documents`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from services.imports.clippings_keys import normal_text, normal_title
from services.imports.clippings_titles import people
from services.imports.entries import MAX_NOTE, MAX_TEXT, MAX_TITLE, ImportedEntry, ParsedImport
from services.imports.gathering import BookName, Gathering, Refused
from services.imports.json_walk import JsonFault, Walker
from services.imports.values import as_color, as_line, as_text, from_unix, key_of

NOT_KOREADER = "This is not a JSON export of KOReader: it has neither `entries` nor `documents`."
_START_OF_TEXT = 20
_NO_PAGE = {"", "N/A"}
_EXCERPT = 160


def parse(content: str, *, time_zone: str = "UTC") -> ParsedImport:
    """Read a whole export. Lines of problems are those where the entry begins.

    Raises ValueError, with a sentence for the reader, for a file that is no such export.
    """
    del time_zone  # KOReader writes seconds since 1970.
    return _Reading(Walker(content)).result()


class _Reading:
    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._gathering = Gathering()
        self._is_export = False

    def result(self) -> ParsedImport:
        if self._walker.next != "{":
            raise ValueError(NOT_KOREADER)
        head: dict[str, Any] = {}
        fault: JsonFault | None = None
        try:
            self._document(head)
            self._walker.end()
        except JsonFault as error:
            fault = error
        if not self._is_export:
            raise ValueError(NOT_KOREADER)
        if fault is not None:
            self._gathering.refuse(fault.line, f"from here on the file was not read: {fault}")
        return self._gathering.result(written_at=from_unix(head.get("created_on")))

    def _document(self, told: dict[str, Any]) -> None:
        entries: list[tuple[int, Any]] = []
        try:
            for name in self._walker.members():
                is_list = self._walker.next == "["
                if name == "documents" and is_list:
                    self._is_export = True
                    self._documents()
                elif name == "entries" and is_list:
                    self._is_export = True
                    entries.extend((line, self._walker.value()) for line in self._walker.items())
                else:
                    told[name] = self._walker.value()
        finally:
            # The title may stand behind the entries, or be cut off.
            book = _book(told)
            for line, entry in entries:
                self._entry(line, entry, book)

    def _documents(self) -> None:
        for line in self._walker.items():
            if self._walker.next == "{":
                self._document({})
            else:
                self._walker.value()
                self._gathering.refuse(line, "this is no document")

    def _entry(self, line: int, told: Any, book: BookName) -> None:
        try:
            self._gathering.add(_entry(line, told, book))
        except Refused as error:
            self._gathering.refuse(line, str(error), book if book[0] else None)


def _book(told: dict[str, Any]) -> BookName:
    title = as_line(told.get("title")) or PurePosixPath(as_line(told.get("file"))).stem
    author = told.get("author")
    return title[:MAX_TITLE], people(as_text(author).split("\n"))


def _entry(line: int, told: Any, book: BookName) -> ImportedEntry:
    if not isinstance(told, dict):
        raise Refused("this is no entry")
    if not book[0]:
        raise Refused("its book has no title")
    text, note = as_text(told.get("text")).strip(), as_text(told.get("note")).strip() or None
    _check(told, text, note)
    at, page = from_unix(told.get("time")), as_line(told.get("page"))
    keys = tuple(_keys(normal_title(book[0]), at, page, normal_text(text)))
    return ImportedEntry(
        title=book[0],
        authors=book[1],
        text=text,
        note=note,
        location_start=None,
        location_end=None,
        page=None if page in _NO_PAGE else page,
        highlighted_at=at,
        line=line,
        key=keys[0],
        other_keys=keys[1:],
        color=as_color(told.get("color")),
    )


def _keys(title: str, at: datetime | None, page: str, wording: str) -> Iterator[str]:
    """Name an entry by the second it was made in, which stays when it is corrected; two of one second by their words, too."""
    if at is None:
        yield key_of("koreader", title, "page", page, wording)
        yield key_of("koreader", title, "page", page, "start", wording[:_START_OF_TEXT])
    else:
        yield key_of("koreader", title, int(at.timestamp()), wording[:_START_OF_TEXT])
        yield key_of("koreader", title, int(at.timestamp()))


def _check(told: dict[str, Any], text: str, note: str | None) -> None:
    kind = told.get("sort")
    if kind == "bookmark":
        raise Refused("bookmark: it has no text")
    if kind == "note":
        raise Refused(f"note without its highlight: {_excerpt(text)}")
    if not normal_text(text):
        raise Refused("highlight that is an image of its text" if told.get("image") else "highlight without text")
    if len(text) > MAX_TEXT:
        raise Refused(f"highlight longer than {MAX_TEXT:,} characters")
    if note and len(note) > MAX_NOTE:
        raise Refused(f"note longer than {MAX_NOTE:,} characters")


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "\u2026"
