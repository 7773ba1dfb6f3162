"""What every import format is read into, whatever the file looked like."""

from dataclasses import dataclass
from datetime import datetime

MAX_TEXT = 12_000
MAX_NOTE = 4_000
MAX_TITLE = 1_000


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """One highlight to create, or to update where its key is known already.

    `location_start` and `location_end` are half-open (start < end) and both set or both None. The numbers are the
    device's own, so that a reader finds the place the device shows; only the end moves, because the device's ranges
    include it: 98-102 becomes 98 and 103. `page` is a label, not a number. `highlighted_at` is aware and in UTC; for a
    passage marked several times it is the time its present wording was first marked. `line` counts from 1 and is the
    title line of the version that won. `key` is the identity described in `clippings_keys`, without any date;
    `other_keys` are the keys the other versions of this passage would have had on their own, so a highlight that was
    stored before two versions were known to be one can still be found. `truncated` says that the device cut the text.
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
    truncated: bool
    other_keys: tuple[str, ...] = ()


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
    and superseded highlights and notes, `attached_notes` the notes that stand in the entries.
    """

    entries: tuple[ImportedEntry, ...]
    problems: tuple[ImportProblem, ...]
    records: int
    collapsed: int
    attached_notes: int
