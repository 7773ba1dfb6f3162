"""Registered operations."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models import PersistedDocument


class DocumentRepository:
    """Registered operations, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def text(self, document_id: str) -> str | None:
        """Read an operation."""
        return await self._session.scalar(select(PersistedDocument.text).where(PersistedDocument.id == document_id))

    async def register(self, documents: Mapping[str, str]) -> int:
        """Write operations; those that are there stay as they are. Tell how many are new."""
        rows = [{"id": key, "text": text} for key, text in documents.items()]
        if not rows:
            return 0
        made = insert(PersistedDocument).values(rows).on_conflict_do_nothing().returning(PersistedDocument.id)
        return len((await self._session.scalars(made)).all())
