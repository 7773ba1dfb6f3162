"""Uploaded files: their rows, and the list of what lies in storage."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Media, StoredFile
from models.media import MediaState, UploadPurpose


class MediaRepository:
    """Uploaded files of one session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, row: Media) -> Media:
        """Write a file that was announced."""
        self._session.add(row)
        await self._session.flush()
        return row

    async def by_id(self, media_id: UUID, *, lock: bool = False) -> Media | None:
        """Read one."""
        wanted = select(Media).where(Media.id == media_id)
        if lock:
            wanted = wanted.with_for_update().execution_options(populate_existing=True)
        found: Media | None = await self._session.scalar(wanted)
        return found

    async def save(self) -> None:
        """Write what was changed."""
        await self._session.flush()

    async def unattached(self, user_id: UUID, now: datetime) -> int:
        """Count a reader's files that nothing uses yet, those that can come no more left out."""
        alive = or_(Media.state == MediaState.READY, Media.expires_at > now)
        wanted = select(func.count()).where(Media.user_id == user_id, Media.attached_at.is_(None), alive)
        return int(await self._session.scalar(wanted) or 0)

    async def delete(self, media_id: UUID) -> None:
        """Delete one; its file is nobody's from then on."""
        await self._session.execute(delete(Media).where(Media.id == media_id))

    async def delete_by_file(self, user_id: UUID, key: str) -> None:
        """Delete a reader's, named by its file."""
        await self._session.execute(delete(Media).where(Media.user_id == user_id, Media.file_key == key))

    async def delete_unused(self, before: datetime, imports_before: datetime, limit: int) -> int:
        """Delete files that nothing came to use, and files of imports that are long over; tell how many."""
        unused = and_(Media.attached_at.is_(None), Media.created_at < before)
        spent = and_(Media.purpose == UploadPurpose.IMPORT, Media.created_at < imports_before)
        some = select(Media.id).where(or_(unused, spent)).limit(limit).with_for_update(skip_locked=True)
        gone = await self._session.scalars(delete(Media).where(Media.id.in_(some)).returning(Media.id))
        return len(gone.all())

    async def list_file(self, key: str, media_id: UUID) -> None:
        """Write down a file before it is stored."""
        self._session.add(StoredFile(key=key, media_id=media_id))
        await self._session.flush()

    async def let_go(self, media_id: UUID, *, but: str | None) -> None:
        """Give up all files of one, but the one that counts."""
        wanted = update(StoredFile).where(StoredFile.media_id == media_id, StoredFile.key.is_distinct_from(but))
        await self._session.execute(wanted.values(media_id=None))

    async def let_go_of(self, key: str) -> None:
        """Give up one file."""
        await self._session.execute(update(StoredFile).where(StoredFile.key == key).values(media_id=None))

    async def strays(self, before: datetime, limit: int) -> Sequence[str]:
        """Lock and list files that are nobody's."""
        wanted = select(StoredFile.key).where(StoredFile.media_id.is_(None), StoredFile.created_at < before)
        found = await self._session.scalars(wanted.limit(limit).with_for_update(skip_locked=True))
        return found.all()

    async def forget_files(self, keys: Sequence[str]) -> None:
        """Strike files off that are deleted."""
        await self._session.execute(delete(StoredFile).where(StoredFile.key.in_(keys)))
