"""What every import format is read into, whatever the file looked like."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

MAX_TEXT = 12_000
MAX_NOTE = 4_000
MAX_TITLE = 1_000
MOST_LOCATION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """One highlight to create, or to update where its key is known already.

    `location_start` and `location_end` are half-open (start < end) and both set or both None. The numbers are the
    device's own, so that a reader finds the place the device shows; only the end moves, because the device's ranges
    include it: 98-102 becomes 98 and 103. `page` is a label, not a number. `highlighted_at` is aware and in UTC; for a
    passage marked several times it is the time its present wording was first marked. `line` counts from 1 and is where
    the record begins, of several versions the one that won. `key` is what the same record is known by in the next
    file, never a date that may change; `other_keys` are further ones, such as those of versions that were thought to
    be passages of their own. `truncated` says that the device cut the text.

    `uuid` is the highlight's own id, where a format has one: such an entry is the same as what has that id, and as
    nothing else. `changed_at` is when it last changed. Colours and visibilities are ours, None where the file does
    not tell one that we know.
    """

    title: str
    authors: tuple[str, ...]
    text: str
    note: str | None
    location_start: int | None
    location_end: int | None
    page: str | None
    highlighted_at: datetime | None
    line: int
    key: str
    truncated: bool = False
    other_keys: tuple[str, ...] = ()
    prefix: str | None = None
    suffix: str | None = None
    cfi: str | None = None
    percent: float | None = None
    color: str | None = None
    visibility: str | None = None
    uuid: UUID | None = None
    conflict_of: UUID | None = None
    changed_at: datetime | None = None
    isbn: str | None = None
    publisher: str | None = None
    total_locations: int | None = None


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """One record that became no entry, with the reason in words for the reader.

    `line` counts from 1; `book` is (title, authors), None where the record does not tell.
    """

    line: int
    message: str
    book: tuple[str, tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class ParsedImport:
    """A whole file, every record accounted for.

    `records == len(entries) + len(problems) + collapsed + attached_notes` always holds: `collapsed` counts repeated
    and superseded highlights and notes, `attached_notes` the notes that stand in the entries. `written_at` is when the
    file was made, where it tells.
    """

    entries: tuple[ImportedEntry, ...]
    problems: tuple[ImportProblem, ...]
    records: int
    collapsed: int
    attached_notes: int
    written_at: datetime | None = None
