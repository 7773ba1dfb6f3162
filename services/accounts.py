"""Accounts: signing up, in and out, passwords, and the end of an account."""

from uuid import UUID

from auth.passwords import Hashes
from auth.viewer import Viewer
from core import clock
from core.errors import Forbidden, NotFound, Unauthenticated
from core.events import Event, SessionsChanged
from core.ids import uuid7
from core.text import is_storable
from models import User
from models.profiles import Role
from repositories.accounts import AccountRepository
from repositories.locks import Locks
from repositories.posts_departures import DepartureRepository
from repositories.social import SocialRepository
from services.accounts_devices import DeviceService
from services.accounts_input import EMAIL_LENGTH, DeviceDraft, SignUpDraft
from services.accounts_sessions import SessionService, SignedIn
from services.audit import AuditService

WRONG_CREDENTIALS = "Wrong user name, e-mail address or password."


class AccountService:
    """Accounts of one transaction."""

    def __init__(
        self,
        *,
        accounts: AccountRepository,
        social: SocialRepository,
        departures: DepartureRepository,
        locks: Locks,
        devices: DeviceService,
        sessions: SessionService,
        audit: AuditService,
        events: list[Event],
    ) -> None:
        self._accounts = accounts
        self._audit = audit
        self._social = social
        self._departures = departures
        self._locks = locks
        self._devices = devices
        self._sessions = sessions
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
        await self._sessions.end(viewer, "signOut", only=viewer.session_id)

    async def _open(self, user: User, draft: DeviceDraft | None, asker: Viewer) -> SignedIn:
        device = await self._devices.of_sign_in(user, draft) if draft else None
        return await self._sessions.open(user, device, asker)

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
        await self._sessions.end(viewer, "changePassword", but=viewer.session_id)

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
