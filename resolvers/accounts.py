"""Accounts, sessions, devices."""

import strawberry

from core.errors import Invalid
from core.ids import global_id
from runtime.context import Info
from schema.accounts import Device, Session, Viewer
from schema.accounts_mutations import (
    ChangePasswordInput,
    ChangePasswordPayload,
    DeleteAccountInput,
    DeleteAccountPayload,
    DevicePayload,
    RemoveDeviceInput,
    RevokeSessionInput,
    RevokeSessionPayload,
    SeparateDeviceInput,
    SeparateDevicePayload,
    SignInInput,
    SignInPayload,
    SignOutPayload,
    SignUpInput,
    TokenTransport,
    UpdateDeviceInput,
)
from schema.errors import user_errors
from services.accounts_sessions import SignedIn


def check_transport(info: Info, transport: TokenTransport | None) -> None:
    """Refuse a cookie where none can be set, before anything is done."""
    if transport is TokenTransport.COOKIE and info.context.socket is not None:
        raise Invalid("A socket cannot set a cookie: sign in over HTTP, or ask for BEARER.", "transport")


def signed_in(info: Info, done: SignedIn, transport: TokenTransport | None) -> SignInPayload:
    """Go on as who has signed in, and hand the token over as was asked."""
    info.context.become(done.viewer)
    if transport is TokenTransport.COOKIE:
        info.context.keep_in_cookie(done.token)
        return SignInPayload.from_signed_in(done, token=None)
    return SignInPayload.from_signed_in(done, token=done.token)


@strawberry.type
class AccountQuery:
    """What the viewer may read of the own account."""

    @strawberry.field
    async def viewer(self, info: Info) -> Viewer | None:
        """You; null when signed out."""
        async with info.context.reading() as services:
            row = await services.profiles.me(info.context.viewer)
        return Viewer.from_model(row) if row else None


@strawberry.type
class AccountMutation:
    """Changes of accounts."""

    @strawberry.mutation
    async def sign_up(self, info: Info, input: SignUpInput) -> SignInPayload | None:
        """Make an account, and sign it in."""
        with user_errors() as failed:
            check_transport(info, input.transport)
            done = await info.context.container.gatekeeper.sign_up(input.to_draft(), info.context.viewer)
            return signed_in(info, done, input.transport)
        return SignInPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def sign_in(self, info: Info, input: SignInInput) -> SignInPayload | None:
        """Open a session. Ten wrong passwords in a quarter of an hour close the door for a while."""
        with user_errors() as failed:
            check_transport(info, input.transport)
            device = input.device.to_draft() if input.device else None
            gate = info.context.container.gatekeeper
            done = await gate.sign_in(input.login, input.password, device, info.context.viewer)
            return signed_in(info, done, input.transport)
        return SignInPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def sign_out(self, info: Info) -> SignOutPayload | None:
        """End the session of this request; its sockets close."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                await services.accounts.sign_out(info.context.viewer)
            info.context.forget_sessions()
            info.context.forget_cookie()
        return SignOutPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def revoke_session(self, info: Info, input: RevokeSessionInput) -> RevokeSessionPayload | None:
        """End one of your sessions; its sockets close."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                key = await services.sessions.revoke(info.context.viewer, str(input.id), input.client_mutation_id)
            info.context.forget_sessions()
            ended = strawberry.ID(global_id("Session", key))
            return RevokeSessionPayload(revoked_session_id=ended, user_errors=[])
        return RevokeSessionPayload(revoked_session_id=None, user_errors=failed.errors)

    @strawberry.mutation
    async def update_device(self, info: Info, input: UpdateDeviceInput) -> DevicePayload | None:
        """Rename a device, or set what it takes."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.devices.update(
                    info.context.viewer, str(input.id), input.to_patch(), input.client_mutation_id
                )
            return DevicePayload(device=Device.from_model(row))
        return DevicePayload(user_errors=failed.errors)

    @strawberry.mutation
    async def separate_device(self, info: Info, input: SeparateDeviceInput) -> SeparateDevicePayload | None:
        """Make a copy of a device, as a phone restored from another's backup, a device of its own with a session of its own.

        It goes on where the copied one was; that one keeps its session. Not for cookies: it answers a token.
        """
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done, device = await services.devices.separate(info.context.viewer, str(input.device_id), input.name)
            session = Session.from_model(done.session, info.context.viewer.session_id)
            return SeparateDevicePayload(token=done.token, session=session, device=Device.from_model(device))
        return SeparateDevicePayload(user_errors=failed.errors)

    @strawberry.mutation
    async def remove_device(self, info: Info, input: RemoveDeviceInput) -> DevicePayload | None:
        """Forget a device; its sessions end."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                key = await services.devices.remove(info.context.viewer, str(input.id), input.client_mutation_id)
            info.context.forget_sessions()
            return DevicePayload(removed_device_id=strawberry.ID(global_id("Device", key)))
        return DevicePayload(user_errors=failed.errors)

    @strawberry.mutation
    async def change_password(self, info: Info, input: ChangePasswordInput) -> ChangePasswordPayload | None:
        """Set a new password; all other sessions end."""
        with user_errors() as failed:
            gate = info.context.container.gatekeeper
            await gate.change_password(info.context.viewer, input.current_password, input.new_password)
            info.context.forget_sessions()
        return ChangePasswordPayload(user_errors=failed.errors)

    @strawberry.mutation
    async def delete_account(self, info: Info, input: DeleteAccountInput) -> DeleteAccountPayload | None:
        """Delete your account and everything that is yours, for good."""
        with user_errors() as failed:
            gate = info.context.container.gatekeeper
            key = await gate.delete_account(info.context.viewer, input.password)
            info.context.forget_sessions()
            return DeleteAccountPayload(deleted_user_id=strawberry.ID(global_id("User", key)), user_errors=[])
        return DeleteAccountPayload(deleted_user_id=None, user_errors=failed.errors)
