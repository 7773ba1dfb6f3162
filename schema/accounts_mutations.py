"""What account mutations take and answer."""

from enum import Enum
from typing import Self

import strawberry

from schema.accounts import Device, Session, Viewer
from schema.errors import UserError
from services.accounts_devices import DevicePatch
from services.accounts_input import DeviceDraft, SignUpDraft
from services.accounts_sessions import SignedIn


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
