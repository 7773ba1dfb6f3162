"""Accounts: the viewer, sessions, devices."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from core.ids import global_id, read_id
from models import Device as DeviceRow
from models import Session as SessionRow
from models import User as UserRow
from models.highlights import HighlightColor
from models.profiles import Role
from repositories.highlights import HighlightFilter, HighlightOrder
from runtime.context import Info
from schema.highlights import Highlight, HighlightConnection
from schema.node import Node
from schema.pagination import After, Connection, First
from schema.profiles import PrivacySettings, User
from schema.social import Mute, MuteConnection, UserConnection

if TYPE_CHECKING:
    from schema.koreader import DocumentConnection
    from schema.positions import ReadingPositionConnection
    from schema.posts import Post
    from schema.posts_reports import ReportConnection


@strawberry.type(description="One of your reading devices.")
class Device(Node):
    """A device of the viewer's."""

    key: strawberry.Private[UUID]
    name: str = strawberry.field(description="What you call it.")
    platform: str = strawberry.field(description="What it is.")
    last_seen_at: datetime | None = strawberry.field(description="When it was last heard of.")
    synced_through: datetime | None = strawberry.field(description="When it was last sent changes; null: never.")
    sync_highlights: bool = strawberry.field(description="Whether it takes highlights.")
    sync_notes: bool = strawberry.field(description="Whether it takes your notes.")

    @classmethod
    def from_model(cls, row: DeviceRow) -> Self:
        """Present a device."""
        return cls(
            id=strawberry.ID(global_id("Device", row.id)),
            key=row.id,
            name=row.name,
            platform=row.platform,
            last_seen_at=row.last_seen_at,
            synced_through=row.synced_at,
            sync_highlights=row.sync_highlights,
            sync_notes=row.sync_notes,
        )

    @strawberry.field
    async def pending_change_count(self, info: Info) -> int:
        """How many changes wait for it, after the last cursor it was sent; counts to 1,000."""
        return await info.context.loaders.pending_count_by_device_id.load(self.key) or 0


@strawberry.type(description="A sign-in.")
class Session(Node):
    """A session of the viewer's."""

    device_key: strawberry.Private[UUID | None]
    created_at: datetime = strawberry.field(description="When it began.")
    last_seen_at: datetime = strawberry.field(description="When it was last used, to the hour.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is used.")
    current: bool = strawberry.field(description="Whether it is the one that asks.")

    @classmethod
    def from_model(cls, row: SessionRow, current: UUID | None) -> Self:
        """Present a session."""
        return cls(
            id=strawberry.ID(global_id("Session", row.id)),
            device_key=row.device_id,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            current=row.id == current,
        )

    @strawberry.field
    async def device(self, info: Info) -> Device | None:
        """The device that signed in; null where none was named."""
        if self.device_key is None:
            return None
        found = await info.context.loaders.device_by_id.load(self.device_key)
        return Device.from_model(found) if found else None


@strawberry.type(description="You: what only you may see.")
class Viewer:
    """The signed-in user."""

    row: strawberry.Private[UserRow]
    user: User = strawberry.field(description="Your profile, as others may find it.")
    email: str = strawberry.field(description="Your e-mail address.")
    role: Role = strawberry.field(description="What you may do beyond reading.")
    privacy: PrivacySettings = strawberry.field(description="Who sees what of you.")

    @classmethod
    def from_model(cls, row: UserRow) -> Self:
        """Present the viewer."""
        return cls(
            row=row,
            user=User.own(row),
            email=row.email,
            role=row.role,
            privacy=PrivacySettings.from_model(row),
        )

    @strawberry.field
    async def devices(self, info: Info) -> list[Device]:
        """Your devices, oldest first."""
        async with info.context.reading() as services:
            rows = await services.devices.own(info.context.viewer)
        return [Device.from_model(row) for row in rows]

    @strawberry.field
    async def sessions(self, info: Info) -> list[Session]:
        """Your sign-ins, newest first."""
        async with info.context.reading() as services:
            rows = await services.sessions.own(info.context.viewer)
        return [Session.from_model(row, info.context.viewer.session_id) for row in rows]

    @strawberry.field
    async def highlights(
        self,
        info: Info,
        book_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only those in this book.")] = None,
        text: Annotated[
            str | None, strawberry.argument(description="Only those with this in text or note, whatever the case.")
        ] = None,
        color: Annotated[HighlightColor | None, strawberry.argument(description="Only those of this colour.")] = None,
        deleted: Annotated[
            bool | None, strawberry.argument(description="True: those that can still be restored.")
        ] = False,
        order_by: Annotated[HighlightOrder | None, strawberry.argument(description="In which order.")] = (
            HighlightOrder.CREATED
        ),
        first: First = 20,
        after: After = None,
    ) -> HighlightConnection:
        """Your highlights."""
        viewer = info.context.viewer
        book = read_id(book_id, "Book", "bookId") if book_id is not None else None
        wanted = HighlightFilter(book_id=book, text=text, color=color, deleted=bool(deleted))
        order = order_by or HighlightOrder.CREATED
        async with info.context.reading() as services:
            page = await services.highlights.own_page(viewer, wanted, order, first=first, after=after)

        async def count() -> int:
            async with info.context.reading() as services:
                return await services.highlights.own_count(viewer, wanted)

        return HighlightConnection.of(page, Highlight.from_model, count=count)

    @strawberry.field
    async def deleted_posts(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[Annotated["Post", strawberry.lazy("schema.posts")]]:
        """Posts of yours that `restorePost` still takes, the last deleted first."""
        from schema.posts import Post

        async with info.context.reading() as services:
            page = await services.posts.deleted(info.context.viewer, first, after)
        return Connection.of(page, Post.from_model)

    @strawberry.field
    async def reading_positions(
        self, info: Info, first: First = 20, after: After = None
    ) -> Annotated["ReadingPositionConnection", strawberry.lazy("schema.positions")]:
        """Where you are in your books, the latest first."""
        from schema.positions import ReadingPosition, ReadingPositionConnection

        async with info.context.reading() as services:
            page = await services.positions.own_page(info.context.viewer, first, after)
        return ReadingPositionConnection.of(page, ReadingPosition.from_model)

    @strawberry.field
    async def documents(
        self,
        info: Info,
        linked: Annotated[
            bool | None, strawberry.argument(description="True: only those whose book is known; false: only others.")
        ] = None,
        first: First = 20,
        after: After = None,
    ) -> Annotated["DocumentConnection", strawberry.lazy("schema.koreader")]:
        """Files that your KOReader devices sync, the one heard of last first."""
        from schema.koreader import Document, DocumentConnection

        async with info.context.reading() as services:
            page = await services.koreader.own_page(info.context.viewer, linked, first, after)
        return DocumentConnection.of(page, Document.from_model)

    @strawberry.field
    async def follow_requests(self, info: Info, first: First = 20, after: After = None) -> UserConnection:
        """Who asks to follow you, the latest first."""
        async with info.context.reading() as services:
            page = await services.social.follow_requests(info.context.viewer, first, after)
        return UserConnection.of(page, User.from_model)

    @strawberry.field
    async def blocked(self, info: Info, first: First = 20, after: After = None) -> UserConnection:
        """Whom you have shut out, the latest first; no more than their names."""
        async with info.context.reading() as services:
            page = await services.social.blocked(info.context.viewer, first, after)
        return UserConnection.of(page, User.from_model)

    @strawberry.field
    async def mutes(self, info: Info, first: First = 20, after: After = None) -> MuteConnection:
        """What you do not want to meet, the latest first; mutes that have ended are left out."""
        async with info.context.reading() as services:
            page = await services.mutes.page(info.context.viewer, first, after)
        return MuteConnection.of(page, Mute.from_model)

    @strawberry.field
    async def reports(
        self, info: Info, first: First = 20, after: After = None
    ) -> Annotated["ReportConnection", strawberry.lazy("schema.posts_reports")] | None:
        """What readers report, the latest first; null unless you are a moderator."""
        from schema.posts_reports import Report, ReportConnection

        async with info.context.reading() as services:
            page = await services.reports.page(info.context.viewer, first, after)
        return ReportConnection.of(page, Report.from_model) if page else None
