"""What clients ask of highlights, and the rules it must keep."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.errors import Problems
from core.text import is_storable
from core.unset import UNSET, UnsetType
from models.highlights import HighlightColor
from models.profiles import Visibility
from services.catalog import BookRef

TEXT_LENGTH, NOTE_LENGTH, CONTEXT_LENGTH, CFI_LENGTH, PAGE_LENGTH = 12_000, 4_000, 5_000, 2_000, 50


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a passage stands: locations half-open, from 0, both or neither; the rest finds it again after a reflow."""

    location_start: int | None = None
    location_end: int | None = None
    prefix: str | None = None
    suffix: str | None = None
    cfi: str | None = None
    page: str | None = None
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """The words marked, and where they stand: one register."""

    text: str
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class HighlightDraft:
    """A new highlight; colour and visibility are words that may be unknown. `updated_at` and `conflict_of` are a former life's."""

    book: BookRef
    passage: Passage
    note: str | None = None
    color: str | None = None
    visibility: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    conflict_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class HighlightPatch:
    """An edit: what is UNSET stays; a note of None is cleared."""

    passage: Passage | UnsetType = UNSET
    note: str | UnsetType | None = UNSET
    color: str | UnsetType = UNSET
    visibility: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Create:
    """Make a highlight; of a known id, edit it."""

    draft: HighlightDraft


@dataclass(frozen=True, slots=True)
class Edit:
    """Change registers of a highlight."""

    patch: HighlightPatch


@dataclass(frozen=True, slots=True)
class Delete:
    """Take a highlight away, with 30 days to undo."""


@dataclass(frozen=True, slots=True)
class Restore:
    """Undo a delete."""


Change = Create | Edit | Delete | Restore


@dataclass(frozen=True, slots=True)
class Op:
    """One operation on one highlight, with its time corrected."""

    op_id: UUID
    highlight_id: UUID
    at: datetime
    based_on: int | None
    change: Change


def check_draft(draft: HighlightDraft) -> None:
    """Check a draft; raise Invalid with every problem."""
    problems = Problems()
    _check_passage(problems, draft.passage)
    _check_note(problems, draft.note)
    _check_words(problems, draft.color, draft.visibility)
    problems.raise_any()


def check_patch(patch: HighlightPatch) -> None:
    """Check a patch; raise Invalid with every problem."""
    problems = Problems()
    if patch.passage is not UNSET:
        _check_passage(problems, patch.passage)
    if patch.note is not UNSET:
        _check_note(problems, patch.note)
    color = None if patch.color is UNSET else patch.color
    _check_words(problems, color, None if patch.visibility is UNSET else patch.visibility)
    problems.raise_any()


def _check_note(problems: Problems, note: str | None) -> None:
    problems.check(len(note or "") <= NOTE_LENGTH, f"A note has at most {NOTE_LENGTH} characters.", "note")
    problems.check(is_storable(note or ""), "The note has a character that cannot be stored.", "note")


def _check_words(problems: Problems, color: str | None, visibility: str | None) -> None:
    colors, levels = ", ".join(HighlightColor), ", ".join(Visibility)
    problems.check(color is None or color in set(HighlightColor), f"A colour is one of {colors}.", "color")
    problems.check(
        visibility is None or visibility in set(Visibility), f"A visibility is one of {levels}.", "visibility"
    )


def _check_passage(problems: Problems, passage: Passage) -> None:
    path = ("passage", "text")
    problems.check(passage.text.strip(), "A highlight needs the words it marks.", *path)
    problems.check(len(passage.text) <= TEXT_LENGTH, f"A highlight has at most {TEXT_LENGTH} characters.", *path)
    problems.check(is_storable(passage.text), "The text has a character that cannot be stored.", *path)
    _check_anchor(problems, passage.anchor)


def _check_anchor(problems: Problems, anchor: Anchor) -> None:
    start, end = anchor.location_start, anchor.location_end
    path = ("passage", "anchor")
    together = (start is None) == (end is None)
    problems.check(
        together, "Give both locations, or neither.", *path, "locationStart" if start is None else "locationEnd"
    )
    if start is not None and end is not None:
        problems.check(start >= 0, "A location is 0 or more.", *path, "locationStart")
        problems.check(end > start, "A passage ends behind its start: locations are half-open.", *path, "locationEnd")
    good = anchor.percent is None or 0 <= anchor.percent <= 100  # noqa: PLR2004 - percent
    problems.check(good, "A percentage is between 0 and 100.", *path, "percent")
    limits = {"prefix": CONTEXT_LENGTH, "suffix": CONTEXT_LENGTH, "cfi": CFI_LENGTH, "page": PAGE_LENGTH}
    for name, most in limits.items():
        value = getattr(anchor, name) or ""
        problems.check(len(value) <= most, f"`{name}` has at most {most} characters.", *path, name)
        problems.check(is_storable(value), f"`{name}` has a character that cannot be stored.", *path, name)
