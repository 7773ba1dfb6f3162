"""A parsed file, made ready to go in by slices: CPU work, done once, in a thread."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from models import Highlight
from services.catalog import BookRef, NamedBook, match_key
from services.imports.entries import ImportedEntry, ImportProblem
from services.imports.my_clippings import parse

HALF = 16
NO_NOTE = bytes(HALF)
FILES_KEPT = 4


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """An entry with what its fate is decided by.

    `keys` are the places it may be known under, its own first. `is_repeat`: an entry before it says the same of the same place of the same
    book, under another spelling of the title.
    """

    entry: ImportedEntry
    book: int
    ref: BookRef
    keys: tuple[str, ...]
    passage_hash: bytes
    note_hash: bytes
    is_repeat: bool


@dataclass(slots=True)
class PreparedBook:
    """A book of the file; `skipped` counts its records that became no entry."""

    title: str
    authors: tuple[str, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a file reaches: its latest date by the device's own clock, and its length. An older copy reaches less far."""

    until: datetime | None
    records: int

    def __gt__(self, other: "Reach") -> bool:
        return self._order > other._order

    @property
    def _order(self) -> tuple[datetime, int]:
        return self.until or datetime.min.replace(tzinfo=UTC), self.records


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """All of a file."""

    entries: Sequence[PreparedEntry]
    books: Sequence[PreparedBook]
    problems: Sequence[ImportProblem]
    attached_notes: int
    collapsed: int
    reach: Reach

    @property
    def skipped(self) -> int:
        """Records that became no entry."""
        return self.reach.records - len(self.entries)


def passage_hash(text: str, start: int | None, end: int | None, page: str | None) -> bytes:
    """Hash a passage as files tell it."""
    return hashlib.sha256(orjson.dumps([text, start, end, page])).digest()[:HALF]


def note_hash(note: str | None) -> bytes:
    """Hash a note; no note has a hash of its own."""
    return hashlib.sha256(note.encode()).digest()[:HALF] if note else NO_NOTE


def passage_hash_of(row: Highlight) -> bytes:
    """Hash a highlight's passage as a file would tell it."""
    return passage_hash(row.text, row.location_start, row.location_end, row.page)


def prepare(content: str, time_zone: str) -> PreparedFile:
    """Parse a file; raise ValueError with a sentence for the reader when there is nothing in it to recognise."""
    parsed = parse(content, time_zone=time_zone)
    shelf = _Shelf()
    for problem in parsed.problems:
        if problem.book is not None:
            shelf.book(*problem.book).skipped += 1
    seen: set[tuple[int, str, int | None]] = set()
    keys: set[str] = set()
    entries = [_prepare(entry, shelf, seen, keys) for entry in parsed.entries]
    zone = ZoneInfo(time_zone)
    # By the device's own clock: a file sent again with another time zone reaches as far as before.
    dates = (
        entry.highlighted_at.astimezone(zone).replace(tzinfo=UTC) for entry in parsed.entries if entry.highlighted_at
    )
    return PreparedFile(
        entries=entries,
        books=shelf.books,
        problems=parsed.problems,
        attached_notes=parsed.attached_notes,
        collapsed=parsed.collapsed,
        reach=Reach(max(dates, default=None), parsed.records),
    )


@dataclass(slots=True)
class _Shelf:
    books: list[PreparedBook] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _keys: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def place(self, title: str, authors: tuple[str, ...]) -> int:
        name = (title, authors)
        if name not in self._keys:
            self._keys[name] = match_key(title, authors)
        place = self._places.setdefault(self._keys[name], len(self.books))
        if place == len(self.books):
            self.books.append(PreparedBook(title, authors))
        return place

    def book(self, title: str, authors: tuple[str, ...]) -> PreparedBook:
        return self.books[self.place(title, authors)]


def _prepare(
    entry: ImportedEntry, shelf: _Shelf, seen: set[tuple[int, str, int | None]], keys: set[str]
) -> PreparedEntry:
    book = shelf.place(entry.title, entry.authors)
    same = (book, entry.text, entry.location_start)
    is_repeat = same in seen
    seen.add(same)
    # A key that two entries could claim belongs to the first, so that no entry depends on what became of another one.
    others = tuple(key for key in entry.other_keys if key not in keys)
    keys.update(others)
    return PreparedEntry(
        entry=entry,
        book=book,
        ref=BookRef(named=NamedBook(entry.title, entry.authors)),
        keys=(entry.key, *others),
        passage_hash=passage_hash(entry.text, entry.location_start, entry.location_end, entry.page),
        note_hash=note_hash(entry.note),
        is_repeat=is_repeat,
    )


class PreparedFiles:
    """The few files that a process worked on last: a step need not read and parse the whole file for its slice."""

    def __init__(self) -> None:
        self._files: OrderedDict[UUID, PreparedFile] = OrderedDict()

    def get(self, import_id: UUID) -> PreparedFile | None:
        """Find a file."""
        return self._files.get(import_id)

    def keep(self, import_id: UUID, file: PreparedFile) -> None:
        """Keep a file, and forget the one not used for longest."""
        self._files[import_id] = file
        self._files.move_to_end(import_id)
        while len(self._files) > FILES_KEPT:
            self._files.popitem(last=False)

    def forget(self, import_id: UUID) -> None:
        """Forget a file."""
        self._files.pop(import_id, None)
