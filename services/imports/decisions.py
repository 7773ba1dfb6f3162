"""What becomes of each entry of a file: pure rules, the same for a dry run.

A file never overwrites what the reader did since, never brings back what the reader deleted, and an older copy of a file never undoes a
newer one. Clippings files only ever grow, so that a note which is missing was not taken away: a file adds and changes notes, no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from core.errors import AppError, Invalid
from core.unset import UNSET
from models import Book, Highlight, ImportMark
from services.catalog import BookRef
from services.imports.prepared import HALF, PreparedEntry, Reach, note_hash, passage_hash_of
from services.sync.drafts import Anchor, HighlightDraft, HighlightPatch, Passage, check_draft

MOST_LOCATION = 2**31 - 1


class Outcome(StrEnum):
    """What becomes of an entry; the names are those of the counters."""

    CREATED = "created"
    MERGED = "merged"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Known:
    """What stood in the database before the slice, as far as the slice's entries may meet it."""

    marks: Mapping[str, ImportMark]
    highlights: Mapping[UUID, Highlight]
    books: Mapping[BookRef, Book | AppError | None]
    equals: Mapping[tuple[UUID, str, int | None], Highlight]


@dataclass(frozen=True, slots=True)
class Decision:
    """An entry's fate. `new_hash` is what is to be remembered of it, None when nothing is."""

    prepared: PreparedEntry
    outcome: Outcome
    highlight: Highlight | None = None
    patch: HighlightPatch | None = None
    new_hash: bytes | None = None
    reason: str | None = None
    book_id: UUID | None = None


def passage_of(prepared: PreparedEntry) -> Passage:
    """Present the passage of an entry."""
    entry = prepared.entry
    return Passage(entry.text, Anchor(entry.location_start, entry.location_end, page=entry.page))


def draft_of(prepared: PreparedEntry) -> HighlightDraft:
    """Present an entry as a new highlight."""
    entry = prepared.entry
    return HighlightDraft(
        book=prepared.ref, passage=passage_of(prepared), note=entry.note, created_at=entry.highlighted_at
    )


def mark_of(prepared: PreparedEntry, known: Known) -> ImportMark | None:
    """Find the mark of an earlier import, under the entry's own key or an older version's."""
    return next((known.marks[key] for key in prepared.keys if key in known.marks), None)


def decide(prepared: PreparedEntry, known: Known, reach: Reach) -> Decision:
    """Decide about one entry."""
    mark = mark_of(prepared, known)
    if mark is not None:
        row = known.highlights.get(mark.highlight_id)
        decision = _decide_marked(prepared, mark, row, reach)
        return replace(decision, book_id=row.book_id) if row is not None else decision
    if prepared.is_repeat:
        return Decision(prepared, Outcome.UNCHANGED)
    book = known.books.get(prepared.ref)
    reason = _refusal(prepared) or (str(book) if isinstance(book, AppError) else None)
    if reason is not None:
        return Decision(prepared, Outcome.SKIPPED, reason=reason)
    new_hash = prepared.passage_hash + prepared.note_hash
    place = (prepared.entry.text, prepared.entry.location_start)
    same = known.equals.get((book.id, *place)) if isinstance(book, Book) else None
    if same is not None:
        return Decision(prepared, Outcome.UNCHANGED, same, new_hash=new_hash, book_id=same.book_id)
    return Decision(prepared, Outcome.CREATED, new_hash=new_hash, book_id=book.id if isinstance(book, Book) else None)


def _decide_marked(prepared: PreparedEntry, mark: ImportMark, row: Highlight | None, reach: Reach) -> Decision:
    old_passage, old_note = mark.content_hash[:HALF], mark.content_hash[HALF:]
    new_note = prepared.note_hash if prepared.entry.note else old_note
    new_hash = prepared.passage_hash + new_note
    if new_hash == mark.content_hash or not reach > Reach(mark.file_until, mark.file_records):
        return Decision(prepared, Outcome.UNCHANGED, row)
    reason = _refusal(prepared)
    if reason is not None:
        return Decision(prepared, Outcome.SKIPPED, row, reason=reason)
    if row is None or row.deleted_at is not None:
        return Decision(prepared, Outcome.UNCHANGED, row, new_hash=new_hash)
    # The reader has edited a register when it no longer says what the last file said.
    takes_passage = prepared.passage_hash != old_passage == passage_hash_of(row)
    takes_note = new_note != old_note == note_hash(row.note)
    if not (takes_passage or takes_note):
        return Decision(prepared, Outcome.UNCHANGED, row, new_hash=new_hash)
    patch = HighlightPatch(
        passage=passage_of(prepared) if takes_passage else UNSET, note=prepared.entry.note if takes_note else UNSET
    )
    return Decision(prepared, Outcome.MERGED, row, patch, new_hash)


def _refusal(prepared: PreparedEntry) -> str | None:
    if (prepared.entry.location_end or 0) > MOST_LOCATION:
        return f"the location is above {MOST_LOCATION:,}"
    try:
        check_draft(draft_of(prepared))
    except Invalid as error:
        return str(error)
    return None
