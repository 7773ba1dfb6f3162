"""What becomes of each entry of a file: pure rules, the same for a dry run.

A file never overwrites what the reader did since, never brings back what the reader deleted, and an older copy of a file never undoes a
newer one. Clippings files only ever grow, so that a note which is missing was not taken away: a file adds and changes notes, no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID, uuid5

from core.errors import AppError, Invalid
from core.unset import UNSET
from models import Book, Highlight, ImportMark
from services.catalog import BookDraft, BookRef, NamedBook
from services.imports.entries import MOST_LOCATION
from services.imports.prepared import HALF, PreparedEntry, Reach, color_hash, note_hash, passage_hash_of, where
from services.sync.drafts import Anchor, HighlightDraft, HighlightPatch, Passage, check_draft


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
    books: Mapping[BookDraft, Book | AppError | None]
    equals: Mapping[tuple[UUID, str, int | str | None], Highlight]
    ids: "Ids"


@dataclass(frozen=True, slots=True)
class Ids:
    """Whose the ids of highlights are, as far as they are anybody's."""

    user_id: UUID
    owners: Mapping[UUID, UUID]

    def is_own(self, told: UUID) -> bool:
        """Whether the reader has the highlight already, perhaps as a deleted one."""
        return self.user_id in {self.owners.get(told), self.owners.get(second_id(self.user_id, told))}

    def of(self, told: UUID) -> UUID:
        """Choose the id to have: the one that is told, unless another reader has it."""
        is_taken = self.owners.get(told, self.user_id) != self.user_id
        own_second = self.owners.get(second_id(self.user_id, told)) == self.user_id
        return second_id(self.user_id, told) if is_taken or own_second else told


def second_id(user_id: UUID, told: UUID) -> UUID:
    """Name a highlight whose id is another reader's, always alike."""
    return uuid5(user_id, str(told))


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
    anchor = Anchor(
        entry.location_start, entry.location_end, entry.prefix, entry.suffix, entry.cfi, entry.page, entry.percent
    )
    return Passage(entry.text, anchor)


def draft_of(prepared: PreparedEntry, conflict_of: UUID | None = None) -> HighlightDraft:
    """Present an entry as a new highlight."""
    entry = prepared.entry
    return HighlightDraft(
        book=BookRef(named=NamedBook(entry.title, entry.authors)),
        passage=passage_of(prepared),
        note=entry.note,
        color=entry.color,
        visibility=entry.visibility,
        created_at=entry.highlighted_at,
        updated_at=entry.changed_at,
        conflict_of=conflict_of,
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
    told = prepared.entry.uuid
    if prepared.is_repeat or (told is not None and known.ids.is_own(told)):
        return Decision(prepared, Outcome.UNCHANGED)
    book = known.books.get(prepared.draft)
    reason = _refusal(prepared) or (str(book) if isinstance(book, AppError) else None)
    if reason is not None:
        return Decision(prepared, Outcome.SKIPPED, reason=reason)
    new_hash = prepared.passage_hash + prepared.note_hash + prepared.color_hash
    place = (prepared.entry.text, where(prepared.entry))
    same = known.equals.get((book.id, *place)) if isinstance(book, Book) and told is None else None
    if same is not None:
        return Decision(prepared, Outcome.UNCHANGED, same, new_hash=new_hash, book_id=same.book_id)
    return Decision(prepared, Outcome.CREATED, new_hash=new_hash, book_id=book.id if isinstance(book, Book) else None)


def _decide_marked(prepared: PreparedEntry, mark: ImportMark, row: Highlight | None, reach: Reach) -> Decision:
    old_passage, old_note, old_color = (mark.content_hash[n * HALF : (n + 1) * HALF] for n in range(3))
    new_note = prepared.note_hash if prepared.entry.note else old_note
    new_color = prepared.color_hash or old_color
    new_hash = prepared.passage_hash + new_note + new_color
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
    takes_color = new_color != old_color == color_hash(row.color)
    if not (takes_passage or takes_note or takes_color):
        return Decision(prepared, Outcome.UNCHANGED, row, new_hash=new_hash)
    patch = HighlightPatch(
        passage=passage_of(prepared) if takes_passage else UNSET,
        note=prepared.entry.note if takes_note else UNSET,
        color=prepared.entry.color or UNSET if takes_color else UNSET,
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
