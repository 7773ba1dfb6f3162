"""Our own JSON, as docs/export-format.md describes it: ids, times, places and words exactly as they were."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from core.text import is_storable
from models.highlights import HighlightColor
from models.profiles import Visibility
from services.imports.entries import MOST_LOCATION, ImportedEntry, ParsedImport
from services.imports.gathering import BookName, Gathering, Refused
from services.imports.json_walk import JsonFault, Walker
from services.imports.values import as_line, as_moment, as_number, key_of

FORMAT, VERSION = "commonplace-highlights", 1
NOT_OURS = "This is not a JSON file of highlights as this server exports them."
TOO_NEW = "This file was exported by a newer version of this server."
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ISBN = re.compile(r"\d{13}", re.ASCII)
Record = Mapping[str, Any]


def parse(content: str, *, time_zone: str = "UTC") -> ParsedImport:
    """Read a whole file. Lines of problems are those where the highlight begins; `time_zone` is for times without one.

    Raises ValueError, with a sentence for the reader, for a file that is none of ours.
    """
    del time_zone  # Every time of ours has a zone.
    return _Reading(Walker(content)).result()


class _Reading:
    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._gathering = Gathering()
        self._head: dict[str, Any] = {}
        self._repeats = Counter[str]()

    def result(self) -> ParsedImport:
        if self._walker.next != "{":
            raise ValueError(NOT_OURS)
        fault: JsonFault | None = None
        try:
            self._file()
        except JsonFault as error:
            fault = error
        if self._head.get("format") != FORMAT:
            raise ValueError(NOT_OURS)
        version = as_number(self._head.get("version"))
        if version is None or version > VERSION:
            raise ValueError(TOO_NEW)
        if fault is not None:
            self._gathering.refuse(fault.line, f"from here on the file was not read: {fault}")
        return self._gathering.result()

    def _file(self) -> None:
        for name in self._walker.members():
            if name == "books" and self._walker.next == "[":
                for line in self._walker.items():
                    self._book(line)
            else:
                self._head[name] = self._walker.value()
        self._walker.end()

    def _book(self, line: int) -> None:
        if self._walker.next != "{":
            self._walker.value()
            self._gathering.refuse(line, "this is no book")
            return
        told: dict[str, Any] = {}
        highlights: list[tuple[int, Any]] = []
        try:
            for name in self._walker.members():
                if name == "highlights" and self._walker.next == "[":
                    highlights.extend((at, self._walker.value()) for at in self._walker.items())
                else:
                    told[name] = self._walker.value()
        finally:
            # Also when the file ends in the middle of it.
            for at, record in highlights:
                self._highlight(at, record, told)

    def _highlight(self, line: int, record: Any, told: Record) -> None:
        book = (_exact(told.get("title")), _authors(told))
        try:
            entry = self._entry(line, record, told, book)
        except Refused as error:
            self._gathering.refuse(line, str(error), book if book[0] else None)
            return
        self._gathering.add(entry)

    def _entry(self, line: int, record: Any, told: Record, book: BookName) -> ImportedEntry:
        if not isinstance(record, dict):
            raise Refused("this is no highlight")
        if not book[0].strip():
            raise Refused("its book has no title")
        anchor = record.get("anchor") or {}
        if not isinstance(anchor, dict):
            raise Refused("`anchor` is not a place")
        isbn = _text(told, "isbn")
        text, start = _text(record, "text") or "", _int(anchor, "locationStart")
        page, key = _text(anchor, "page"), _uuid(record, "uuid")
        return ImportedEntry(
            title=book[0],
            authors=book[1],
            text=text,
            note=_text(record, "note"),
            location_start=start,
            location_end=_int(anchor, "locationEnd"),
            page=page,
            highlighted_at=_moment(record, "createdAt"),
            line=line,
            key=key_of("uuid", str(key)) if key else self._place_key(*book, text, start, page),
            prefix=_text(anchor, "prefix"),
            suffix=_text(anchor, "suffix"),
            cfi=_text(anchor, "cfi"),
            percent=_float(anchor, "percent"),
            color=_word(record, "color", set(HighlightColor)),
            visibility=_word(record, "visibility", set(Visibility)),
            uuid=key,
            conflict_of=_uuid(record, "conflictOf"),
            changed_at=_moment(record, "updatedAt"),
            isbn=isbn if isbn and _ISBN.fullmatch(isbn) else None,
            publisher=_text(told, "publisher"),
            total_locations=_count(told.get("totalLocations")),
        )

    def _place_key(self, title: str, authors: tuple[str, ...], text: str, start: int | None, page: str | None) -> str:
        bare = key_of("json", title, *authors, start, page, text)
        # Without ids, two highlights may say the same of the same place.
        self._repeats[bare] += 1
        return key_of(bare, self._repeats[bare])


def _authors(told: Record) -> tuple[str, ...]:
    authors = told.get("authors")
    return tuple(map(_exact, authors)) if isinstance(authors, list) else ()


def _exact(value: Any) -> str:
    return value if isinstance(value, str) and is_storable(value) else as_line(value)


def _text(told: Record, name: str) -> str | None:
    value = told.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused(f"`{name}` is not a text")
    if not is_storable(value):
        raise Refused(f"`{name}` has a character that cannot be stored")
    return value


def _float(told: Record, name: str) -> float | None:
    value = told.get(name)
    number = as_number(value)
    if number is None and value is not None:
        raise Refused(f"`{name}` is not a number")
    return None if number is None else float(number)


def _int(told: Record, name: str) -> int | None:
    number = _float(told, name)
    if number is not None and number != int(number):
        raise Refused(f"`{name}` is not a whole number")
    return None if number is None else int(number)


def _count(value: Any) -> int | None:
    number = as_number(value)
    return int(number) if number is not None and 0 < number <= MOST_LOCATION else None


def _moment(told: Record, name: str) -> datetime | None:
    value = told.get(name)
    moment = as_moment(value)
    if moment is None and value is not None:
        raise Refused(f"`{name}` is not a time")
    return moment


def _uuid(told: Record, name: str) -> UUID | None:
    value = told.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise Refused(f"`{name}` is not a UUID")
    return UUID(value)


def _word(told: Record, name: str, known: set[Any]) -> str | None:
    value = told.get(name)
    return value if isinstance(value, str) and value in known else None
