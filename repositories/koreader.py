"""Files that KOReader tells of, and who may tell."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.pagination import Order, Page, PageRequest
from models import Document, User
from repositories import visibility

NEWEST = Order("documents", (datetime, UUID))


class KoreaderRepository:
    """KOReader's files and keys, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # --- keys ---

    async def holds_key(self, user_id: UUID, koreader_hash: str) -> bool:
        """Tell whether an account is there and still has this key; it stays so to the end of the transaction."""
        wanted = select(User.id).where(User.id == user_id, User.koreader_hash == koreader_hash)
        return await self._session.scalar(wanted.with_for_update(read=True, key_share=True)) is not None

    async def register(self, user_id: UUID, koreader_hash: str, now: datetime) -> bool:
        """Note that an account registered its key; False when it had, or has another one by now."""
        first = (User.id == user_id, User.koreader_hash == koreader_hash, User.koreader_since.is_(None))
        changed = await self._session.execute(update(User).where(*first).values(koreader_since=now).returning(User.id))
        return changed.first() is not None

    async def fill_key(self, user_id: UUID, password_hash: str, koreader_hash: str) -> None:
        """Give an account from before KOReader its key, unless its password was changed meanwhile."""
        lacking = (User.id == user_id, User.password_hash == password_hash, User.koreader_hash.is_(None))
        await self._session.execute(update(User).where(*lacking).values(koreader_hash=koreader_hash))

    # --- files ---

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Document]:
        """Read files of the viewer's."""
        wanted = select(Document).where(Document.id.in_(set(ids)), visibility.own(Document, viewer))
        return {row.id: row for row in await self._session.scalars(wanted)}

    async def own_page(self, viewer: Viewer, linked: bool | None, request: PageRequest) -> Page[Document]:
        """List the viewer's files, the one heard of last first."""
        keys = (Document.touched_at, Document.id)
        query = select(Document).where(visibility.own(Document, viewer))
        if linked is not None:
            query = query.where(Document.book_id.is_not(None) if linked else Document.book_id.is_(None))
        if request.after:
            query = query.where(tuple_(*keys) < tuple_(*request.after))
        query = query.order_by(*(key.desc() for key in keys)).limit(request.first + 1)
        rows = (await self._session.scalars(query)).all()
        return NEWEST.page(rows, request, lambda row: (row.touched_at, row.id))

    async def find(self, viewer: Viewer, digest: str, *, lock: bool = False) -> Document | None:
        """Read a file of the viewer's by KOReader's name for it."""
        wanted = select(Document).where(Document.digest == digest, visibility.own(Document, viewer))
        wanted = wanted.with_for_update() if lock else wanted
        return await self._session.scalar(wanted.execution_options(populate_existing=True))

    async def add(self, document_id: UUID, user_id: UUID, digest: str) -> None:
        """Write a new file, unless it is there."""
        values = {"id": document_id, "user_id": user_id, "digest": digest}
        await self._session.execute(insert(Document).values(values).on_conflict_do_nothing())

    async def count(self, viewer: Viewer) -> int:
        """Count the viewer's files."""
        counted = select(func.count()).select_from(Document).where(visibility.own(Document, viewer))
        return await self._session.scalar(counted) or 0

    async def save(self) -> None:
        """Write what has changed."""
        await self._session.flush()
