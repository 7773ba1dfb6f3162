"""Imports, their reports, and the places that were imported before."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import Import, ImportBook, ImportMark, ImportProblem
from models.imports import ImportState
from repositories import visibility


class ImportRepository:
    """Imports, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, row: Import) -> Import:
        """Write a new import."""
        self._session.add(row)
        await self._session.flush()
        return row

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Import]:
        """Read imports of the viewer's."""
        rows = await self._session.scalars(
            select(Import)
            .where(Import.id.in_(set(ids)), visibility.own(Import, viewer))
            .execution_options(populate_existing=True)
        )
        return {row.id: row for row in rows}

    async def by_id(self, import_id: UUID) -> Import | None:
        """Read an import to write to."""
        return await self._session.get(Import, import_id, populate_existing=True)

    async def unfinished(self, user_id: UUID) -> int:
        """Count a reader's imports that wait or run."""
        counted = select(func.count()).where(
            Import.user_id == user_id, Import.state.in_((ImportState.QUEUED, ImportState.RUNNING))
        )
        return await self._session.scalar(counted) or 0

    async def save(self) -> None:
        """Write what has changed."""
        await self._session.flush()

    async def books(self, viewer: Viewer, import_ids: Iterable[UUID]) -> Sequence[ImportBook]:
        """List the books of the viewer's imports, in the order of their files."""
        mine = select(Import.id).where(visibility.own(Import, viewer), Import.id.in_(set(import_ids)))
        wanted = select(ImportBook).where(ImportBook.import_id.in_(mine))
        return (await self._session.scalars(wanted.order_by(ImportBook.import_id, ImportBook.position))).all()

    async def problems(self, viewer: Viewer, import_ids: Iterable[UUID], limit: int) -> Sequence[ImportProblem]:
        """List up to so many problems of each of the viewer's imports, by line."""
        mine = select(Import.id).where(visibility.own(Import, viewer), Import.id.in_(set(import_ids)))
        place = func.row_number().over(
            partition_by=ImportProblem.import_id, order_by=(ImportProblem.line, ImportProblem.id)
        )
        ranked = select(ImportProblem.id, place.label("place")).where(ImportProblem.import_id.in_(mine)).subquery()
        wanted = select(ImportProblem).join(ranked, ranked.c.id == ImportProblem.id).where(ranked.c.place <= limit)
        return (await self._session.scalars(wanted.order_by(ImportProblem.line, ImportProblem.id))).all()

    async def own_books(self, import_id: UUID) -> Sequence[ImportBook]:
        """Read the books of an import to write to."""
        wanted = select(ImportBook).where(ImportBook.import_id == import_id).order_by(ImportBook.position)
        return (await self._session.scalars(wanted)).all()

    async def report(self, rows: Sequence[ImportBook | ImportProblem]) -> None:
        """Write parts of the report."""
        self._session.add_all(rows)
        await self._session.flush()

    async def marks(self, user_id: UUID, keys: Iterable[str]) -> Mapping[str, ImportMark]:
        """Tell which places a reader imported before."""
        rows = await self._session.scalars(
            select(ImportMark).where(ImportMark.user_id == user_id, ImportMark.key.in_(set(keys)))
        )
        return {row.key: row for row in rows}

    async def mark(self, user_id: UUID, key: str, highlight_id: UUID, content_hash: bytes) -> None:
        """Remember what the file said about a place."""
        made = insert(ImportMark).values(user_id=user_id, key=key, highlight_id=highlight_id, content_hash=content_hash)
        await self._session.execute(
            made.on_conflict_do_update(
                index_elements=[ImportMark.user_id, ImportMark.key],
                set_={"highlight_id": made.excluded.highlight_id, "content_hash": made.excluded.content_hash},
            )
        )

    async def drop_content(self, import_id: UUID) -> None:
        """Forget the file of an import that has ended."""
        await self._session.execute(update(Import).where(Import.id == import_id).values(content=None))

    async def forget_report(self, import_id: UUID) -> None:
        """Delete a report that is about to be written anew."""
        await self._session.execute(delete(ImportBook).where(ImportBook.import_id == import_id))
        await self._session.execute(delete(ImportProblem).where(ImportProblem.import_id == import_id))
