"""Reading positions."""

from datetime import datetime
from typing import Self

import strawberry

from core.ids import global_id
from models import DevicePosition as DevicePositionRow
from models import ReadingPosition as PositionRow
from runtime.context import Info
from schema.accounts import Device
from schema.catalog import Book, BookRef
from schema.errors import UserError
from schema.node import Node
from schema.pagination import Connection
from services import positions


@strawberry.type(description="The latest place that one device told.")
class DevicePosition:
    """A device's own position."""

    row: strawberry.Private[DevicePositionRow]
    location: int | None = strawberry.field(description="The location, if the device told one.")
    percent: float | None = strawberry.field(description="How far into the book, 0 to 100, if the device told it.")
    progress: str | None = strawberry.field(description="The place in the device's own spelling, as it was sent.")
    recorded_at: datetime = strawberry.field(description="When it was there, corrected by the error of its clock.")
    device_name: str | None = strawberry.field(
        description="What a device calls itself that is none of `viewer.devices`, such as one that runs KOReader."
    )

    @classmethod
    def from_model(cls, row: DevicePositionRow) -> Self:
        """Present a device's position."""
        return cls(
            row=row,
            location=row.location,
            percent=row.percent,
            progress=row.progress,
            recorded_at=row.recorded_at,
            device_name=row.device_name,
        )

    @strawberry.field
    async def device(self, info: Info) -> Device | None:
        """Which of your devices; null for one that is none of them."""
        return await _device(info, self.row)


@strawberry.type(
    description="Where you are in a book: the latest place by the time you were there, on whichever device. "
    "Nobody else sees it."
)
class ReadingPosition(Node):
    """A position, seen by its owner."""

    row: strawberry.Private[PositionRow]
    location: int | None = strawberry.field(description="The location; null when the device told none.")
    percent: float | None = strawberry.field(description="How far into the book, 0 to 100; null when it was not told.")
    progress: str | None = strawberry.field(
        description="The place in the device's own spelling, such as an XPointer; kept as it was sent."
    )
    recorded_at: datetime = strawberry.field(description="When you were there, corrected by the error of the clock.")
    furthest_location: int | None = strawberry.field(
        description="The furthest location ever told, also by a report that came late. No report lowers it."
    )
    furthest_percent: float | None = strawberry.field(
        description="The furthest percentage ever told, likewise and apart from it."
    )

    @classmethod
    def from_model(cls, row: PositionRow) -> Self:
        """Present a position."""
        return cls(
            id=strawberry.ID(global_id("ReadingPosition", row.id)),
            row=row,
            location=row.location,
            percent=row.percent,
            progress=row.progress,
            recorded_at=row.recorded_at,
            furthest_location=row.furthest_location,
            furthest_percent=row.furthest_percent,
        )

    @strawberry.field
    async def book(self, info: Info) -> Book:
        """The book you are in."""
        found = await info.context.loaders.shown_book_by_id.load(self.row.book_id)
        if found is None:
            raise RuntimeError("a position has a book")
        return Book.from_model(found)

    @strawberry.field
    async def device(self, info: Info) -> Device | None:
        """The device that told it; null when it was none of yours, or you removed it since."""
        return await _device(info, self.row)

    @strawberry.field
    async def device_positions(self, info: Info) -> list[DevicePosition]:
        """Where each device was last, the latest first."""
        rows = await info.context.loaders.device_positions_by_book_id.load(self.row.book_id)
        return [DevicePosition.from_model(row) for row in rows or ()]


async def _device(info: Info, row: PositionRow | DevicePositionRow) -> Device | None:
    found = await info.context.loaders.device_by_id.load(row.device_id) if row.device_id else None
    return Device.from_model(found) if found else None


@strawberry.type(description="A page of positions.")
class ReadingPositionConnection(Connection[ReadingPosition]):
    """Positions, the latest first."""


@strawberry.input(description="Where you are in a book: at least one of location, percent and progress.")
class UpdateReadingPositionInput:
    """Input of updateReadingPosition."""

    book: BookRef = strawberry.field(description="The book; one named by title and authors is added when it is new.")
    location: int | None = strawberry.field(default=None, description="The location, 0 or more.")
    percent: float | None = strawberry.field(default=None, description="How far into the book, 0 to 100.")
    progress: str | None = strawberry.field(
        default=None, description="The place in the device's own spelling, up to 10,000 characters; never interpreted."
    )
    device_id: strawberry.ID | None = strawberry.field(
        default=None, description="Which of your devices; that of your session unless told."
    )
    recorded_at: datetime | None = strawberry.field(
        default=None, description="When you were there, by the device's clock; now unless told."
    )
    sent_at: datetime | None = strawberry.field(
        default=None,
        description="The same clock at sending, anew with each try: with it the error of the clock is taken out of `recordedAt`.",
    )
    client_mutation_id: str | None = None

    def to_draft(self) -> positions.PositionDraft:
        """Pass the place on."""
        return positions.PositionDraft(
            book=self.book.to_ref(),
            place=positions.Place(self.location, self.percent, self.progress),
            device_id=str(self.device_id) if self.device_id is not None else None,
            recorded_at=self.recorded_at,
            sent_at=self.sent_at,
        )


@strawberry.type(description="The answer to updateReadingPosition.")
class ReadingPositionPayload:
    """Payload with a position."""

    position: ReadingPosition | None = strawberry.field(
        description="Where you are now: not what was sent, where that was older."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)
