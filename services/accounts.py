"""Accounts: signing up and in, sessions, devices, passwords, and the end of an account."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from auth.passwords import Hashes
from auth.tokens import hash_token, new_token
from auth.viewer import Viewer
from core import clock
from core.errors import Forbidden, LimitExceeded, NotFound, Unauthenticated
from core.events import Event, SessionsChanged
from core.ids import read_id, uuid7
from core.text import is_storable
from models import Device, Session, User
from models.profiles import Role
from repositories.accounts import AccountRepository
from repositories.locks import Locks
from repositories.posts_departures import DepartureRepository
from repositories.social import SocialRepository
from services.accounts_copies import copy_of
from services.accounts_input import EMAIL_LENGTH, DeviceDraft, SignUpDraft, check_device_name
from services.audit import AuditService
from services.idempotency import IdempotencyService

SESSION_LIFE = timedelta(days=7)
TOUCH_EVERY = timedelta(hours=1)
DEVICES_MOST = 100
WRONG_CREDENTIALS = "Wrong user name, e-mail address or password."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session, and the token that only its device ever sees."""

    token: str
    session: Session
    viewer: Viewer
    user: User


@dataclass(frozen=True, slots=True)
class DevicePatch:
    """An edit of a device: None stays."""

    name: str | None = None
    sync_highlights: bool | None = None
    sync_notes: bool | None = None


class AccountService:
    """Accounts of one transaction."""

    def __init__(
        self,
        *,
        accounts: AccountRepository,
        social: SocialRepository,
        departures: DepartureRepository,
        locks: Locks,
        idempotency: IdempotencyService,
        audit: AuditService,
        events: list[Event],
    ) -> None:
        self._accounts = accounts
        self._audit = audit
        self._social = social
        self._departures = departures
        self._locks = locks
        self._idempotency = idempotency
        self._events = events

    # --- signing up, in and out ---

    async def refuse_taken(self, draft: SignUpDraft) -> None:
        """Refuse a name and an address that have accounts; raise AlreadyExists with every problem."""
        await self._accounts.refuse_taken(draft.username, draft.email)

    async def sign_up(self, draft: SignUpDraft, hashes: Hashes, asker: Viewer) -> SignedIn:
        """Make an account and sign it in."""
        user = await self._accounts.add(
            User(
                id=uuid7(),
                username=draft.username,
                email=draft.email,
                display_name=draft.display_name.strip(),
                password_hash=hashes.password,
                koreader_hash=hashes.koreader,
                bio="",
            )
        )
        return await self._open(user, draft.device, asker)

    async def by_login(self, login: str) -> User | None:
        """Find whose name or address this is."""
        return await self._accounts.by_login(login) if is_storable(login) and len(login) <= EMAIL_LENGTH else None

    async def sign_in(self, user_id: UUID, device: DeviceDraft | None, asker: Viewer) -> SignedIn:
        """Open a session for a user whose password was right."""
        user = await self._accounts.by_id(user_id)
        if user is None:
            raise Unauthenticated(WRONG_CREDENTIALS)
        return await self._open(user, device, asker)

    async def sign_out(self, viewer: Viewer) -> None:
        """End the session of this request."""
        await self._end(viewer, "signOut", only=viewer.session_id)

    async def _open(self, user: User, draft: DeviceDraft | None, asker: Viewer) -> SignedIn:
        device = await self._device_for(user, draft) if draft else None
        return await self._open_on(user, device, asker)

    async def _open_on(self, user: User, device: Device | None, asker: Viewer) -> SignedIn:
        token, now = new_token(), clock.now()
        session = await self._accounts.add_session(
            Session(
                id=uuid7(),
                user_id=user.id,
                device_id=device.id if device else None,
                token_hash=hash_token(token),
                created_at=now,
                last_seen_at=now,
                expires_at=now + SESSION_LIFE,
            )
        )
        viewer = replace(viewer_of(session, user.role, asker.address), user_agent=asker.user_agent)
        await self._audit.record(viewer, "session.created", ("session", session.id))
        return SignedIn(token, session, viewer, user)

    async def _device_for(self, user: User, draft: DeviceDraft) -> Device:
        known = None
        if draft.id is not None:
            key = read_id(draft.id, "Device", "device", "id")
            known = (await self._accounts.visible_devices(Viewer(user_id=user.id), [key])).get(key)
        if known is not None:
            known.name, known.platform, known.last_seen_at = draft.name.strip(), draft.platform.strip(), clock.now()
            await self._accounts.save()
            return known
        await self._refuse_too_many(user.id, "device")
        return await self._accounts.add_device(
            Device(
                id=uuid7(),
                user_id=user.id,
                name=draft.name.strip(),
                platform=draft.platform.strip(),
                last_seen_at=clock.now(),
            )
        )

    async def _refuse_too_many(self, user_id: UUID, field: str) -> None:
        if await self._accounts.count_devices(user_id) >= DEVICES_MOST:
            raise LimitExceeded(f"You already have {DEVICES_MOST} devices. Remove one first.", field)

    # --- sessions ---

    async def authenticate(self, token: str, address: str) -> Viewer | None:
        """Tell whose token this is; None when nobody's. An expired one is answered with its past `expires_at`."""
        found = await self._accounts.by_token(hash_token(token))
        return viewer_of(found[0], found[1], address) if found else None

    async def touch(self, viewer: Viewer) -> None:
        """Note, at most hourly, that a session is in use, which renews its seven days."""
        now = clock.now()
        if viewer.session_id is not None:
            await self._accounts.touch(viewer.session_id, now=now, expires_at=now + SESSION_LIFE)

    async def sessions(self, viewer: Viewer) -> Sequence[Session]:
        """List the viewer's sessions, newest first."""
        return await self._accounts.sessions(viewer, clock.now())

    async def alive(self, session_ids: Sequence[UUID]) -> Mapping[UUID, datetime]:
        """Tell which of these sessions still exist, and until when."""
        return await self._accounts.alive(session_ids)

    async def revoke(self, viewer: Viewer, session_id: str, key: str | None) -> UUID:
        """End one of the viewer's sessions."""

        async def work() -> UUID:
            wanted = read_id(session_id, "Session", "id")
            if not await self._end(viewer, "revokeSession", only=wanted):
                raise NotFound("There is no such session of yours.", "id")
            return wanted

        return await self._once_by_id(viewer, "revokeSession", key, session_id, work)

    async def _once_by_id(
        self, viewer: Viewer, operation: str, key: str | None, value: object, work: Callable[[], Awaitable[UUID]]
    ) -> UUID:
        async def again(thing_id: UUID) -> UUID:
            return thing_id

        viewer.require()
        return await self._idempotency.once_for(
            viewer, operation, key, value, work=work, id_of=lambda thing_id: thing_id, again=again
        )

    async def _end(
        self,
        viewer: Viewer,
        by: str,
        *,
        only: UUID | None = None,
        but: UUID | None = None,
        device_id: UUID | None = None,
    ) -> Sequence[UUID]:
        user_id = viewer.require()
        ended = await self._accounts.end_sessions(user_id, only=only, but=but, device_id=device_id)
        await self._audit.record(viewer, "session.revoked", *(("session", key) for key in ended), by=by)
        self._events.append(SessionsChanged(user_id))
        return ended

    # --- devices ---

    async def devices(self, viewer: Viewer) -> Sequence[Device]:
        """List the viewer's devices."""
        return await self._accounts.devices(viewer)

    async def update_device(self, viewer: Viewer, device_id: str, patch: DevicePatch, key: str | None) -> Device:
        """Rename a device, or set its switches; turning one on makes the device pull everything again."""

        async def work() -> Device:
            return await self._update_device(await self._device(viewer, device_id), patch)

        async def again(key: UUID) -> Device | None:
            return (await self._accounts.visible_devices(viewer, [key])).get(key)

        viewer.require()
        return await self._idempotency.once_for(
            viewer, "updateDevice", key, [device_id, patch], work=work, id_of=lambda device: device.id, again=again
        )

    async def _update_device(self, device: Device, patch: DevicePatch) -> Device:
        if patch.name is not None:
            check_device_name(patch.name)
            device.name = patch.name.strip()
        turned_on = (patch.sync_highlights and not device.sync_highlights) or (
            patch.sync_notes and not device.sync_notes
        )
        device.must_resync = device.must_resync or bool(turned_on)
        if patch.sync_highlights is not None:
            device.sync_highlights = patch.sync_highlights
        if patch.sync_notes is not None:
            device.sync_notes = patch.sync_notes
        await self._accounts.save()
        self._events.append(SessionsChanged(device.user_id))
        return device

    async def separate_device(self, viewer: Viewer, device_id: str, name: str | None) -> tuple[SignedIn, Device]:
        """Make a device and a session of its own for what asks as a copy of a device; the original keeps its session."""
        original = await self._device(viewer, device_id, "deviceId")
        if viewer.session_id is None or viewer.device_id != original.id:
            raise Forbidden("Only who is signed in as this device can leave it.", "deviceId")
        user = await self._accounts.by_id(viewer.require(), lock=True)
        if user is None:
            raise Unauthenticated("This account is gone.")
        await self._refuse_too_many(user.id, "deviceId")
        names = {device.name for device in await self._accounts.devices(viewer)}
        copy = await self._accounts.add_device(copy_of(original, name, names))
        return await self._open_on(user, copy, viewer), copy

    async def remove_device(self, viewer: Viewer, device_id: str, key: str | None) -> UUID:
        """Forget a device and end its sessions."""

        async def work() -> UUID:
            device = await self._device(viewer, device_id)
            await self._end(viewer, "removeDevice", device_id=device.id)
            await self._accounts.remove_device(device)
            return device.id

        return await self._once_by_id(viewer, "removeDevice", key, device_id, work)

    async def _device(self, viewer: Viewer, device_id: str, field: str = "id") -> Device:
        viewer.require()
        key = read_id(device_id, "Device", field)
        found = (await self._accounts.visible_devices(viewer, [key])).get(key)
        if found is None:
            raise NotFound("There is no such device of yours.", field)
        return found

    # --- passwords and the end ---

    async def password_hash(self, viewer: Viewer) -> str:
        """Read the viewer's password hash, to be checked outside the transaction."""
        user = await self._accounts.by_id(viewer.require())
        if user is None:
            raise Unauthenticated("This account is gone.")
        return user.password_hash

    async def change_password(self, viewer: Viewer, old_hash: str, new: Hashes) -> None:
        """Set a new password and end all other sessions; `old_hash` must still be the one that was checked."""
        user = await self._accounts.by_id(viewer.require(), lock=True)
        if user is None or user.password_hash != old_hash:
            raise Forbidden("The password was changed meanwhile.", "currentPassword")
        user.password_hash, user.koreader_hash = new.password, new.koreader
        await self._accounts.save()
        await self._end(viewer, "changePassword", but=viewer.session_id)

    async def delete(self, viewer: Viewer, checked_hash: str) -> UUID:
        """Delete the viewer's account with everything that is theirs, and lower the counts that they raised."""
        user_id = viewer.require()
        await self._locks.sync_counter(user_id)
        await self._social.take_off_counts(user_id)
        await self._leave_posts(user_id)
        await self._audit.forget(user_id)
        user = await self._accounts.by_id(user_id, lock=True)
        if user is None or user.password_hash != checked_hash:
            raise Forbidden("The password was changed meanwhile.", "password")
        await self._accounts.remove(user)
        self._events.append(SessionsChanged(user_id))
        return user_id

    async def _leave_posts(self, user_id: UUID) -> None:
        await self._locks.posts(await self._departures.touched_posts(user_id))
        comment_ids = await self._departures.touched_comments(user_id)
        await self._locks.comments(comment_ids)
        await self._departures.lower_posts(user_id)
        await self._departures.empty_comments(user_id, clock.now())
        await self._departures.remove_empty(comment_ids)

    async def grant(self, username: str, role: Role) -> None:
        """Give a user a role: for the command line only."""
        user = await self._accounts.by_login(username)
        if user is None:
            raise NotFound(f"There is no user {username}.")
        await self._accounts.set_role(user, role)


def viewer_of(session: Session, role: Role, address: str) -> Viewer:
    """See with the eyes of a session."""
    return Viewer(session.user_id, session.id, session.device_id, role, session.expires_at, address)
