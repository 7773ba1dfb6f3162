"""A parsed file, made ready to go in by slices: CPU work, done once, in a thread."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from models import Highlight
from models.imports import ImportFormat
from services.catalog import BookDraft, match_key
from services.imports.entries import ImportedEntry, ImportProblem, ParsedImport
from services.imports.reading import read

HALF = 16
NO_NOTE = bytes(HALF)
FILES_KEPT = 4
PROBLEMS_KEPT = 1_000
MOST_ENTRIES, MOST_BOOKS = 100_000, 10_000


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """An entry with what its fate is decided by.

    `draft` is its book. `keys` are the places it may be known under, its own first. `is_repeat`: an entry before it says
    the same of the same place of the same book, under another spelling of the title.
    """

    entry: ImportedEntry
    book: int
    draft: BookDraft
    keys: tuple[str, ...]
    passage_hash: bytes
    note_hash: bytes
    color_hash: bytes
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
class Outline:
    """A file but for its entries; of its problems the first thousand."""

    books: Sequence[PreparedBook]
    problems: Sequence[ImportProblem]
    attached_notes: int
    collapsed: int
    reach: Reach


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """All of a file; its entries may lie on a disk."""

    outline: Outline
    entries: Sequence[PreparedEntry]

    @property
    def skipped(self) -> int:
        """Records that became no entry."""
        return self.outline.reach.records - len(self.entries)


def passage_hash(text: str, start: int | None, end: int | None, page: str | None, *more: str | float | None) -> bytes:
    """Hash a passage as files tell it; what only some formats tell counts where it is told."""
    told = [text, start, end, page, *(more if any(part is not None for part in more) else ())]
    return hashlib.sha256(orjson.dumps(told)).digest()[:HALF]


def note_hash(note: str | None) -> bytes:
    """Hash a note; no note has a hash of its own."""
    return hashlib.sha256(note.encode()).digest()[:HALF] if note else NO_NOTE


def color_hash(color: str | None) -> bytes:
    """Hash a colour; of a colour that is not told there is nothing to remember."""
    return hashlib.sha256(color.encode()).digest()[:HALF] if color else b""


def passage_hash_of(row: Highlight | ImportedEntry) -> bytes:
    """Hash a highlight's passage as a file would tell it."""
    around = (row.prefix, row.suffix, row.cfi, row.percent)
    return passage_hash(row.text, row.location_start, row.location_end, row.page, *around)


def where(row: Highlight | ImportedEntry) -> int | str | None:
    """Tell the place by which two of the same words are one: the location, without one the page."""
    return row.page if row.location_start is None else row.location_start


def prepare(kind: ImportFormat, data: bytes, time_zone: str) -> PreparedFile:
    """Read a file; raise ValueError with a sentence for the reader when there is nothing in it to recognise, or too much."""
    outline, entries = outlined(kind, data, time_zone)
    return PreparedFile(outline, list(entries))


def outlined(kind: ImportFormat, data: bytes, time_zone: str) -> tuple[Outline, Iterator[PreparedEntry]]:
    """Read a file; its entries are made ready as they are asked for, and in their order."""
    parsed = read(kind, data, time_zone=time_zone)
    if len(parsed.entries) > MOST_ENTRIES:
        raise ValueError(f"The file has more than {MOST_ENTRIES:,} highlights. Import it in parts.")
    shelf = _Shelf()
    for problem in parsed.problems:
        if problem.book is not None:
            shelf.books[shelf.place(*problem.book)].skipped += 1
    places = [shelf.place(entry.title, entry.authors, entry.isbn) for entry in parsed.entries]
    if len(shelf.books) > MOST_BOOKS:
        raise ValueError(f"The file names more than {MOST_BOOKS:,} books. Import it in parts.")
    outline = Outline(
        books=shelf.books,
        problems=parsed.problems[:PROBLEMS_KEPT],
        attached_notes=parsed.attached_notes,
        collapsed=parsed.collapsed,
        reach=Reach(_until(parsed, time_zone), parsed.records),
    )
    return outline, _prepared(parsed.entries, places)


def _until(parsed: ParsedImport, time_zone: str) -> datetime | None:
    if parsed.written_at is not None:
        return parsed.written_at
    zone = ZoneInfo(time_zone)
    # By the device's own clock: a file sent again with another time zone reaches as far as before.
    dates = (
        entry.highlighted_at.astimezone(zone).replace(tzinfo=UTC) for entry in parsed.entries if entry.highlighted_at
    )
    return max(dates, default=None)


@dataclass(slots=True)
class _Shelf:
    books: list[PreparedBook] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _keys: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def place(self, title: str, authors: tuple[str, ...], isbn: str | None = None) -> int:
        name = (title, authors)
        if name not in self._keys:
            self._keys[name] = match_key(title, authors)
        place = self._places.setdefault(isbn or self._keys[name], len(self.books))
        if place == len(self.books):
            self.books.append(PreparedBook(title, authors))
        return place


def _prepared(entries: Sequence[ImportedEntry], places: Sequence[int]) -> Iterator[PreparedEntry]:
    seen: set[tuple[int, str, int | str | None]] = set()
    keys: set[str] = set()
    for entry, book in zip(entries, places, strict=True):
        same = (book, entry.text, where(entry))
        # A key that two entries could claim belongs to the first, so that no entry depends on what became of another one.
        others = tuple(key for key in entry.other_keys if key not in keys)
        keys.update(others)
        yield PreparedEntry(
            entry=entry,
            book=book,
            draft=BookDraft(entry.title, entry.authors, entry.isbn, entry.publisher, entry.total_locations),
            keys=(entry.key, *others),
            passage_hash=passage_hash_of(entry),
            note_hash=note_hash(entry.note),
            color_hash=color_hash(entry.color),
            is_repeat=entry.uuid is None and same in seen,
        )
        seen.add(same)


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
