"""Sessions: opened by signing in, renewed by use, ended by their owner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from auth.tokens import hash_token, new_token
from auth.viewer import Viewer
from core import clock
from core.errors import NotFound
from core.events import Event, SessionsChanged
from core.ids import read_id, uuid7
from models import Device, Session, User
from models.profiles import Role
from repositories.accounts import AccountRepository
from services.audit import AuditService
from services.idempotency import IdempotencyService

SESSION_LIFE = timedelta(days=7)
TOUCH_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session, and the token that only its device ever sees."""

    token: str
    session: Session
    viewer: Viewer
    user: User


class SessionService:
    """Sessions of one transaction."""

    def __init__(
        self,
        accounts: AccountRepository,
        idempotency: IdempotencyService,
        audit: AuditService,
        events: list[Event],
    ) -> None:
        self._accounts = accounts
        self._idempotency = idempotency
        self._audit = audit
        self._events = events

    async def open(self, user: User, device: Device | None, asker: Viewer) -> SignedIn:
        """Begin a session of a user, on a device or on none."""
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

    async def authenticate(self, token: str, address: str) -> Viewer | None:
        """Tell whose token this is; None when nobody's. An expired one is answered with its past `expires_at`."""
        found = await self._accounts.by_token(hash_token(token))
        return viewer_of(found[0], found[1], address) if found else None

    async def touch(self, viewer: Viewer) -> None:
        """Note, at most hourly, that a session is in use, which renews its seven days."""
        now = clock.now()
        if viewer.session_id is not None:
            await self._accounts.touch(viewer.session_id, now=now, expires_at=now + SESSION_LIFE)

    async def own(self, viewer: Viewer) -> Sequence[Session]:
        """List the viewer's sessions, newest first."""
        return await self._accounts.sessions(viewer, clock.now())

    async def alive(self, session_ids: Sequence[UUID]) -> Mapping[UUID, datetime]:
        """Tell which of these sessions still exist, and until when."""
        return await self._accounts.alive(session_ids)

    async def revoke(self, viewer: Viewer, session_id: str, key: str | None) -> UUID:
        """End one of the viewer's sessions."""

        async def work() -> UUID:
            wanted = read_id(session_id, "Session", "id")
            if not await self.end(viewer, "revokeSession", only=wanted):
                raise NotFound("There is no such session of yours.", "id")
            return wanted

        return await self._idempotency.once_by_id(viewer, "revokeSession", key, session_id, work=work)

    async def end(
        self,
        viewer: Viewer,
        by: str,
        *,
        only: UUID | None = None,
        but: UUID | None = None,
        device_id: UUID | None = None,
    ) -> Sequence[UUID]:
        """End sessions of the viewer's, all or the chosen ones; answer which."""
        user_id = viewer.require()
        ended = await self._accounts.end_sessions(user_id, only=only, but=but, device_id=device_id)
        await self._audit.record(viewer, "session.revoked", *(("session", key) for key in ended), by=by)
        self._events.append(SessionsChanged(user_id))
        return ended


def viewer_of(session: Session, role: Role, address: str) -> Viewer:
    """See with the eyes of a session."""
    return Viewer(session.user_id, session.id, session.device_id, role, session.expires_at, address)
