"""The audit log: writing, forgetting whose, letting go."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import sqlstate
from core.errors import Unauthenticated
from models import AuditEntry
from repositories.catalog import FOREIGN_KEY_VIOLATION


class AuditRepository:
    """The audit log, as one session sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, entries: Iterable[AuditEntry]) -> None:
        """Write entries; raise Unauthenticated for a user who is gone, whose session another process still remembers."""
        self._session.add_all(entries)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if sqlstate(error) != FOREIGN_KEY_VIOLATION:
                raise
            raise Unauthenticated("This account is gone.") from None

    async def forget(self, user_id: UUID) -> None:
        """Take out of all entries whose they are, what they were about and where they came from."""
        about = or_(AuditEntry.user_id == user_id, AuditEntry.resource_id == user_id)
        mine = update(AuditEntry).where(AuditEntry.user_id == user_id)
        await self._session.execute(update(AuditEntry).where(about).values(resource_id=None))
        await self._session.execute(mine.values(user_id=None, ip=None, user_agent=None))

    async def purge(self, before: datetime, limit: int) -> int:
        """Delete entries that are old enough, a slice at a time."""
        due = select(AuditEntry.id).where(AuditEntry.timestamp < before).order_by(AuditEntry.timestamp).limit(limit)
        gone = await self._session.execute(delete(AuditEntry).where(AuditEntry.id.in_(due)).returning(AuditEntry.id))
        return len(gone.all())
