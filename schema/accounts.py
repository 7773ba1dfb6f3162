"""Accounts: the viewer, sessions, devices."""

from datetime import datetime
from enum import Enum
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
from schema.errors import UserError
from schema.highlights import Highlight, HighlightConnection
from schema.node import Node
from schema.pagination import After, Connection, First
from schema.profiles import PrivacySettings, User
from schema.social import Mute, MuteConnection, UserConnection
from services.accounts import DevicePatch, SignedIn
from services.accounts_input import DeviceDraft, SignUpDraft

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
            rows = await services.accounts.devices(info.context.viewer)
        return [Device.from_model(row) for row in rows]

    @strawberry.field
    async def sessions(self, info: Info) -> list[Session]:
        """Your sign-ins, newest first."""
        async with info.context.reading() as services:
            rows = await services.accounts.sessions(info.context.viewer)
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


@strawberry.enum(description="How a session's token reaches its client.")
class TokenTransport(Enum):
    """Where the token goes."""

    BEARER = strawberry.enum_value(
        "BEARER", description="In the answer, to be sent as `Authorization: Bearer <token>`."
    )
    COOKIE = strawberry.enum_value(
        "COOKIE", description="As a cookie that scripts cannot read: for browsers. `token` is null then."
    )


@strawberry.input(description="The device that signs in.")
class DeviceInput:
    """A device."""

    name: str = strawberry.field(description="What to call it, 1 to 100 characters.")
    platform: str = strawberry.field(description="What it is, 1 to 50 characters.")
    id: strawberry.ID | None = strawberry.field(default=None, description="One of your known devices; else a new one.")

    def to_draft(self) -> DeviceDraft:
        """Pass the device on."""
        return DeviceDraft(self.name, self.platform, str(self.id) if self.id is not None else None)


@strawberry.input(description="A new account.")
class SignUpInput:
    """Input of signUp."""

    username: str = strawberry.field(description="3 to 30 letters, digits and underscores; never changes.")
    email: str = strawberry.field(description="Where to reach you.")
    password: str = strawberry.field(description="8 to 256 characters; no other rule.")
    display_name: str = strawberry.field(description="The name to show, 1 to 100 characters.")
    device: DeviceInput | None = strawberry.field(default=None, description="The device you sign up on.")
    transport: TokenTransport | None = strawberry.field(
        default=TokenTransport.BEARER, description="How the session's token reaches you."
    )

    def to_draft(self) -> SignUpDraft:
        """Pass the account on."""
        device = self.device.to_draft() if self.device else None
        return SignUpDraft(self.username, self.email, self.password, self.display_name, device)


@strawberry.input(description="Who signs in.")
class SignInInput:
    """Input of signIn."""

    login: str = strawberry.field(description="User name or e-mail address; letter case does not matter.")
    password: str = strawberry.field(description="The password.")
    device: DeviceInput | None = strawberry.field(default=None, description="The device you sign in on.")
    transport: TokenTransport | None = strawberry.field(
        default=TokenTransport.BEARER, description="How the session's token reaches you."
    )


@strawberry.type(description="The answer to signUp and signIn.")
class SignInPayload:
    """Payload of a sign-in."""

    token: str | None = strawberry.field(
        default=None, description="Send it as `Authorization: Bearer <token>`. It is shown only now."
    )
    session: Session | None = strawberry.field(default=None, description="The session that began.")
    viewer: Viewer | None = strawberry.field(default=None, description="You.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    def from_signed_in(cls, signed_in: SignedIn, *, token: str | None) -> Self:
        """Present a fresh session; without its token when that goes as a cookie."""
        return cls(
            token=token,
            session=Session.from_model(signed_in.session, signed_in.session.id),
            viewer=Viewer.from_model(signed_in.user),
        )


@strawberry.type(description="The answer to signOut.")
class SignOutPayload:
    """Payload of signOut."""

    user_errors: list[UserError]


@strawberry.input(description="A session to end.")
class RevokeSessionInput:
    """Input of revokeSession."""

    id: strawberry.ID = strawberry.field(description="Which session.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to revokeSession.")
class RevokeSessionPayload:
    """Payload of revokeSession."""

    revoked_session_id: strawberry.ID | None = strawberry.field(description="The session that ended.")
    user_errors: list[UserError]


@strawberry.input(description="An edit of a device; what is left out or null stays.")
class UpdateDeviceInput:
    """Input of updateDevice."""

    id: strawberry.ID = strawberry.field(description="Which device.")
    name: str | None = strawberry.field(default=None, description="What to call it, 1 to 100 characters.")
    sync_highlights: bool | None = strawberry.field(default=None, description="Whether it takes highlights.")
    sync_notes: bool | None = strawberry.field(default=None, description="Whether it takes your notes.")
    client_mutation_id: str | None = None

    def to_patch(self) -> DevicePatch:
        """Pass on what is to change."""
        return DevicePatch(self.name, self.sync_highlights, self.sync_notes)


@strawberry.input(description="A copy of a device that is to be a device of its own.")
class SeparateDeviceInput:
    """Input of separateDevice."""

    device_id: strawberry.ID = strawberry.field(description="The device that this session belongs to.")
    name: str | None = strawberry.field(
        default=None, description="What to call the new one, 1 to 100 characters; else the same with a number."
    )


@strawberry.type(description="The answer to separateDevice.")
class SeparateDevicePayload:
    """Payload of separateDevice."""

    token: str | None = strawberry.field(
        default=None, description="Send it as `Authorization: Bearer <token>` from here on. It is shown only now."
    )
    session: Session | None = strawberry.field(default=None, description="The session that began.")
    device: Device | None = strawberry.field(default=None, description="The new device.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input(description="A device to forget.")
class RemoveDeviceInput:
    """Input of removeDevice."""

    id: strawberry.ID = strawberry.field(description="Which device; its sessions end.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to updateDevice and removeDevice.")
class DevicePayload:
    """Payload with a device."""

    device: Device | None = strawberry.field(default=None, description="The device as it is now.")
    removed_device_id: strawberry.ID | None = strawberry.field(default=None, description="The device that is gone.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input(description="A change of password.")
class ChangePasswordInput:
    """Input of changePassword."""

    current_password: str = strawberry.field(description="The password so far.")
    new_password: str = strawberry.field(description="8 to 256 characters; no other rule.")


@strawberry.type(description="The answer to changePassword; all other sessions have ended.")
class ChangePasswordPayload:
    """Payload of changePassword."""

    user_errors: list[UserError]


@strawberry.input(description="The end of your account.")
class DeleteAccountInput:
    """Input of deleteAccount."""

    password: str = strawberry.field(description="Your password, to be sure.")


@strawberry.type(description="The answer to deleteAccount; everything that was yours is gone.")
class DeleteAccountPayload:
    """Payload of deleteAccount."""

    deleted_user_id: strawberry.ID | None = strawberry.field(description="The id you had.")
    user_errors: list[UserError]
