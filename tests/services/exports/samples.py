"""Highlights to write, as they come out of the database."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from models.highlights import HighlightColor
from models.profiles import Visibility
from repositories.exports import ExportedHighlight

MADE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
CHANGED = datetime(2026, 3, 2, 10, 0, 0, 123_456, tzinfo=UTC)
PLAIN = ExportedHighlight(
    book_id=UUID(int=1),
    isbn=None,
    title="Harbour Songs",
    authors=["Ida Marsh"],
    publisher=None,
    total_locations=None,
    id=UUID("01960000-0000-7000-8000-000000000001"),
    text="The tide keeps no diary.",
    location_start=None,
    location_end=None,
    prefix=None,
    suffix=None,
    cfi=None,
    page=None,
    percent=None,
    note=None,
    color=HighlightColor.YELLOW,
    visibility=Visibility.PRIVATE,
    created_at=MADE,
    updated_at=CHANGED,
    conflict_of=None,
)


def sample(**more: Any) -> ExportedHighlight:
    """Make a highlight."""
    return replace(PLAIN, **more)
