"""Highlights."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from core.errors import NotFound
from core.ids import global_id
from models import Highlight as HighlightRow
from models.highlights import HighlightColor
from models.profiles import Visibility
from repositories.highlights import HighlightOrder
from runtime.context import Info
from schema.catalog import Book, BookRef
from schema.enums import described
from schema.errors import UserError
from schema.inputs import given
from schema.node import Node
from schema.pagination import Connection
from schema.profiles import User
from services.sync import drafts
from services.sync.cursors import version
from services.sync.writer import NO_HIGHLIGHT, Applied

described(
    HighlightColor,
    "The five colours of the marker.",
    {name.value: f"A {name.value.lower()} marker." for name in HighlightColor},
)
described(
    HighlightOrder,
    "In which order to list highlights.",
    {
        "CREATED": "Newest first.",
        "UPDATED": "Last changed first.",
        "LOCATION": "As they stand in the book: by location, else percent, page and date.",
    },
)


@strawberry.type(description="Where a passage stands.")
class Anchor:
    """Where a passage stands."""

    location_start: int | None = strawberry.field(description="The first location, counted from 0.")
    location_end: int | None = strawberry.field(description="The location behind the last one.")
    prefix: str | None = strawberry.field(description="What stands before the passage.")
    suffix: str | None = strawberry.field(description="What stands after the passage.")
    cfi: str | None = strawberry.field(description="An EPUB canonical fragment identifier.")
    page: str | None = strawberry.field(description="The page, as it is printed.")
    percent: float | None = strawberry.field(description="How far into the book, 0 to 100.")

    @classmethod
    def from_model(cls, row: HighlightRow) -> Self:
        """Present the anchor of a highlight."""
        return cls(
            location_start=row.location_start,
            location_end=row.location_end,
            prefix=row.prefix,
            suffix=row.suffix,
            cfi=row.cfi,
            page=row.page,
            percent=row.percent,
        )


@strawberry.type(description="A passage that a reader marked.")
class Highlight(Node):
    """A highlight, seen by a viewer."""

    row: strawberry.Private[HighlightRow]
    shows_note: strawberry.Private[bool] = True
    uuid: UUID = strawberry.field(description="The id that its device chose.")
    anchor: Anchor = strawberry.field(description="Where the passage stands.")
    text: str = strawberry.field(description="The words marked.")
    color: HighlightColor = strawberry.field(description="The colour of the marker.")
    visibility: Visibility = strawberry.field(description="Who may see it, within what the account allows.")
    created_at: datetime = strawberry.field(description="When it was made, as far as its device knew.")
    updated_at: datetime = strawberry.field(description="When it last changed here.")
    deleted_at: datetime | None = strawberry.field(description="When it was deleted; null while it lives.")
    restorable_until: datetime | None = strawberry.field(description="Until when a delete can be undone.")

    @classmethod
    def from_model(cls, row: HighlightRow, *, shows_note: bool = True) -> Self:
        """Present a highlight."""
        return cls(
            id=strawberry.ID(global_id("Highlight", row.id)),
            row=row,
            shows_note=shows_note,
            uuid=row.id,
            anchor=Anchor.from_model(row),
            text=row.text,
            color=row.color,
            visibility=row.visibility,
            created_at=row.created_at,
            updated_at=row.updated_at,
            deleted_at=row.deleted_at,
            restorable_until=row.restorable_until,
        )

    @strawberry.field
    def note(self, info: Info) -> str | None:
        """The owner's own words; null to everybody else, and to a device that takes no notes."""
        mine = self.row.user_id == info.context.viewer.user_id
        return self.row.note if mine and self.shows_note else None

    @strawberry.field
    def version(self, info: Info) -> str:
        """Opaque; changes with every change. An edit names as `basedOn` the version its maker was looking at."""
        return version(info.context.epoch, self.row.seq)

    @strawberry.field
    async def book(self, info: Info) -> Book:
        """The book it stands in."""
        found = await info.context.loaders.shown_book_by_id.load(self.row.book_id)
        if found is None:
            raise RuntimeError("a highlight has a book")
        return Book.from_model(found)

    @strawberry.field
    async def owner(self, info: Info) -> User:
        """Who marked it."""
        found = await info.context.loaders.profile_by_id.load(self.row.user_id)
        if found is None:
            # A block, or the end of the account, came between the two reads of this answer.
            raise NotFound(NO_HIGHLIGHT)
        return User.from_model(found)

    @strawberry.field
    async def conflict_of(self, info: Info) -> "Highlight | None":
        """On a copy that was kept because two edits could not be ordered: the highlight it was an edit of."""
        if self.row.conflict_of is None:
            return None
        found = await info.context.loaders.highlight_by_id.load(self.row.conflict_of)
        return Highlight.from_model(found) if found else None


@strawberry.type(description="A page of highlights.")
class HighlightConnection(Connection[Highlight]):
    """A connection that can count."""

    count: strawberry.Private[Callable[[], Awaitable[int | None]]]

    @strawberry.field
    async def total_count(self) -> int:
        """How many there are in all pages, as you may see them."""
        return await self.count() or 0


@strawberry.input(description="Where a passage stands: locations half-open from 0, both or neither.")
class AnchorInput:
    """Anchor of a passage."""

    location_start: int | None = strawberry.field(default=None, description="The first location, 0 or more.")
    location_end: int | None = strawberry.field(default=None, description="The location behind the last one.")
    prefix: str | None = strawberry.field(default=None, description="What stands before, up to 5,000 characters.")
    suffix: str | None = strawberry.field(default=None, description="What stands after, up to 5,000 characters.")
    cfi: str | None = strawberry.field(default=None, description="An EPUB CFI, up to 2,000 characters.")
    page: str | None = strawberry.field(default=None, description="The page as printed, up to 50 characters.")
    percent: float | None = strawberry.field(default=None, description="How far into the book, 0 to 100.")


@strawberry.input(description="The words marked, and where they stand: edited together.")
class PassageInput:
    """One register of a highlight."""

    text: str = strawberry.field(description="1 to 12,000 characters.")
    anchor: AnchorInput = strawberry.field(description="Where they stand.")

    def to_passage(self) -> drafts.Passage:
        """Pass the passage on."""
        a = self.anchor
        anchor = drafts.Anchor(a.location_start, a.location_end, a.prefix, a.suffix, a.cfi, a.page, a.percent)
        return drafts.Passage(self.text, anchor)


@strawberry.input(description="A passage to mark.")
class CreateHighlightInput:
    """Input of createHighlight."""

    uuid: UUID | None = strawberry.field(default=None, description="An id of your own making, best a UUIDv7.")
    book: BookRef = strawberry.field(description="The book it stands in.")
    passage: PassageInput = strawberry.field(description="The words, and where they stand.")
    note: str | None = strawberry.field(default=None, description="Your own words, up to 4,000 characters.")
    color: HighlightColor | None = strawberry.field(default=None, description="YELLOW unless told.")
    visibility: Visibility | None = strawberry.field(default=None, description="Your default unless told.")
    created_at: datetime | None = strawberry.field(default=None, description="When it was made; now unless told.")
    client_mutation_id: str | None = None

    def to_draft(self) -> drafts.HighlightDraft:
        """Pass the highlight on."""
        return drafts.HighlightDraft(
            book=self.book.to_ref(),
            passage=self.passage.to_passage(),
            note=self.note,
            color=self.color.value if self.color else None,
            visibility=self.visibility.value if self.visibility else None,
            created_at=self.created_at,
        )


@strawberry.input(description="An edit of a highlight; what is left out stays.")
class UpdateHighlightInput:
    """Input of updateHighlight."""

    id: strawberry.ID = strawberry.field(description="Which highlight.")
    passage: PassageInput | None = strawberry.field(
        default=strawberry.UNSET, description="Other words or another place."
    )
    note: str | None = strawberry.field(default=strawberry.UNSET, description="Your own words; null clears them.")
    color: HighlightColor | None = strawberry.field(default=strawberry.UNSET, description="Another colour.")
    visibility: Visibility | None = strawberry.field(
        default=strawberry.UNSET, description="Who may see it from now on."
    )
    based_on: str | None = strawberry.field(
        default=None, description="The `version` you edited; what changed since is merged, not overwritten."
    )
    client_mutation_id: str | None = None

    def to_patch(self) -> drafts.HighlightPatch:
        """Pass on what is to change; null, where it cannot mean anything, counts as left out."""
        return drafts.HighlightPatch(
            passage=given(self.passage.to_passage() if self.passage else strawberry.UNSET),
            note=given(self.note),
            color=given(self.color.value if self.color else strawberry.UNSET),
            visibility=given(self.visibility.value if self.visibility else strawberry.UNSET),
        )


@strawberry.input(description="A highlight to take away.")
class DeleteHighlightInput:
    """Input of deleteHighlight."""

    id: strawberry.ID = strawberry.field(description="Which highlight.")
    based_on: str | None = strawberry.field(default=None, description="The `version` you were looking at.")
    client_mutation_id: str | None = None


@strawberry.input(description="A deleted highlight to bring back.")
class RestoreHighlightInput:
    """Input of restoreHighlight."""

    id: strawberry.ID = strawberry.field(description="Which highlight.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to a change of a highlight.")
class HighlightPayload:
    """Payload with a highlight."""

    highlight: Highlight | None = strawberry.field(description="The highlight as it is now.")
    fork: Highlight | None = strawberry.field(
        default=None, description="A copy that was kept because two edits could not be ordered."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    def from_applied(cls, applied: Applied) -> Self:
        """Present what a change left."""
        return cls(
            highlight=Highlight.from_model(applied.highlight) if applied.highlight else None,
            fork=Highlight.from_model(applied.fork) if applied.fork else None,
        )
