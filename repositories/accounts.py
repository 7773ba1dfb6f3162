"""Accounts: users to write to, sessions, devices, attempts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, and_, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.errors import AlreadyExists, ErrorCode, Problem
from models import AuthAttempt, Device, Session, SyncCounter, User
from models.profiles import Role
from repositories import visibility


class AccountRepository:
    """Accounts, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # --- users ---

    async def add(self, user: User) -> User:
        """Write a new user; raise AlreadyExists when the name or the address was taken meanwhile."""
        try:
            async with self._session.begin_nested():
                self._session.add(user)
                self._session.add(SyncCounter(user_id=user.id))
        except IntegrityError:
            await self.refuse_taken(user.username, user.email)
            raise
        return user

    async def refuse_taken(self, username: str, email: str) -> None:
        """Raise AlreadyExists, with every problem, for a name and an address that have accounts, whatever their case."""
        name_taken, email_taken = (
            await self._session.execute(
                select(
                    exists().where(func.lower(User.username) == func.lower(username)),
                    exists().where(func.lower(User.email) == func.lower(email)),
                )
            )
        ).one()
        problems = []
        if name_taken:
            problems.append(Problem("That username is taken.", ErrorCode.ALREADY_EXISTS, ("username",)))
        if email_taken:
            problems.append(
                Problem("That e-mail address already has an account.", ErrorCode.ALREADY_EXISTS, ("email",))
            )
        if problems:
            raise AlreadyExists.of(problems)

    async def by_login(self, login: str) -> User | None:
        """Find a user by name or e-mail address, without regard to case."""
        # Folded by the database, like the indexes: Python lowers some letters into two.
        folded = func.lower(login)
        return await self._session.scalar(
            select(User).where(or_(func.lower(User.username) == folded, func.lower(User.email) == folded))
        )

    async def by_id(self, user_id: UUID, *, lock: bool = False) -> User | None:
        """Read a user to write to."""
        wanted = select(User).where(User.id == user_id)
        return await self._session.scalar(wanted.with_for_update() if lock else wanted)

    async def me(self, viewer: Viewer) -> User | None:
        """Read the viewer's own account."""
        return await self._session.scalar(select(User).where(User.id == viewer.user_id))

    async def set_role(self, user: User, role: Role) -> None:
        """Give a user a role."""
        user.role = role
        await self._session.flush()

    async def remove(self, user: User) -> None:
        """Delete an account; the foreign keys take everything that was the user's with it."""
        await self._session.execute(delete(User).where(User.id == user.id))

    async def save(self) -> None:
        """Write what has changed."""
        await self._session.flush()

    # --- sessions ---

    async def by_token(self, token_hash: bytes) -> Row[Session, Role] | None:
        """Read the session of a token with its user's role: one indexed read."""
        found = await self._session.execute(
            select(Session, User.role).join(User, User.id == Session.user_id).where(Session.token_hash == token_hash)
        )
        return found.one_or_none()

    async def add_session(self, session: Session) -> Session:
        """Write a new session."""
        self._session.add(session)
        await self._session.flush()
        return session

    async def touch(self, session_id: UUID, *, now: datetime, expires_at: datetime) -> None:
        """Note that a session is in use."""
        await self._session.execute(
            update(Session).where(Session.id == session_id).values(last_seen_at=now, expires_at=expires_at)
        )

    async def sessions(self, viewer: Viewer, now: datetime) -> Sequence[Session]:
        """List the viewer's living sessions, newest first."""
        wanted = select(Session).where(visibility.own(Session, viewer), Session.expires_at > now)
        return (await self._session.scalars(wanted.order_by(Session.id.desc()))).all()

    async def alive(self, session_ids: Iterable[UUID]) -> Mapping[UUID, datetime]:
        """Tell which of these sessions still exist, and until when, in one statement."""
        rows = await self._session.execute(
            select(Session.id, Session.expires_at).where(Session.id.in_(set(session_ids)))
        )
        return {session_id: expires_at for session_id, expires_at in rows}

    async def end_sessions(
        self, user_id: UUID, *, only: UUID | None = None, but: UUID | None = None, device_id: UUID | None = None
    ) -> Sequence[UUID]:
        """Delete sessions of a user: one, all but one, those of a device, or all; tell which."""
        wanted = [Session.user_id == user_id]
        wanted += [Session.id == only] if only else []
        wanted += [Session.id != but] if but else []
        wanted += [Session.device_id == device_id] if device_id else []
        return (await self._session.scalars(delete(Session).where(and_(*wanted)).returning(Session.id))).all()

    async def purge_sessions(self, now: datetime) -> int:
        """Delete sessions that have expired."""
        gone = await self._session.execute(delete(Session).where(Session.expires_at <= now).returning(Session.id))
        return len(gone.all())

    # --- devices ---

    async def devices(self, viewer: Viewer) -> Sequence[Device]:
        """List the viewer's devices, oldest first."""
        return (
            await self._session.scalars(select(Device).where(visibility.own(Device, viewer)).order_by(Device.id))
        ).all()

    async def visible_devices(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Device]:
        """Read devices of the viewer's."""
        rows = await self._session.scalars(
            select(Device).where(Device.id.in_(set(ids)), visibility.own(Device, viewer))
        )
        return {row.id: row for row in rows}

    async def visible_sessions(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Session]:
        """Read living sessions of the viewer's."""
        rows = await self._session.scalars(
            select(Session).where(
                Session.id.in_(set(ids)), visibility.own(Session, viewer), Session.expires_at > func.now()
            )
        )
        return {row.id: row for row in rows}

    async def add_device(self, device: Device) -> Device:
        """Write a new device."""
        self._session.add(device)
        await self._session.flush()
        return device

    async def count_devices(self, user_id: UUID) -> int:
        """Count a user's devices."""
        return await self._session.scalar(select(func.count()).where(Device.user_id == user_id)) or 0

    async def remove_device(self, device: Device) -> None:
        """Forget a device; its sessions go with it."""
        await self._session.delete(device)
        await self._session.flush()

    # --- attempts ---

    async def attempt(self, bucket: str, since: datetime) -> tuple[int, int]:
        """Write an attempt, and tell its id and how many the bucket has seen since a moment, this one included."""
        # Without the lock, a burst of guesses would be counted before any of them is committed.
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"attempt|{bucket}", 0))))
        made = AuthAttempt(bucket=bucket)
        self._session.add(made)
        await self._session.flush()
        counted = select(func.count()).where(AuthAttempt.bucket == bucket, AuthAttempt.at > since)
        return made.id, await self._session.scalar(counted) or 0

    async def forget_attempts(self, ids: Sequence[int]) -> None:
        """Take back attempts that turned out well."""
        await self._session.execute(delete(AuthAttempt).where(AuthAttempt.id.in_(ids)))

    async def forget_bucket(self, bucket: str) -> None:
        """Take back all attempts of a bucket."""
        await self._session.execute(delete(AuthAttempt).where(AuthAttempt.bucket == bucket))

    async def purge_attempts(self, before: datetime) -> int:
        """Delete attempts that count no longer."""
        gone = await self._session.execute(delete(AuthAttempt).where(AuthAttempt.at < before).returning(AuthAttempt.id))
        return len(gone.all())
