"""Imports, their reports, and the places that were imported before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import Highlight, Import, ImportBook, ImportMark, ImportProblem
from models.imports import ImportState
from repositories import visibility


@dataclass(frozen=True, slots=True)
class Met:
    """A highlight that a file told of: under which keys, its own first, and in which words."""

    keys: tuple[str, ...]
    highlight_id: UUID
    content_hash: bytes


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

    async def still_here(self) -> None:
        """Say something to the database."""
        await self._session.execute(select(1))

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

    async def own_books(self, import_id: UUID, positions: Iterable[int]) -> Sequence[ImportBook]:
        """Read some of the books of an import to write to."""
        wanted = select(ImportBook).where(ImportBook.import_id == import_id, ImportBook.position.in_(set(positions)))
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

    async def highlights(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Highlight]:
        """Read the viewer's own highlights, deleted ones included, erased ones not."""
        rows = await self._session.scalars(
            select(Highlight).where(
                Highlight.id.in_(set(ids)), visibility.own(Highlight, viewer), Highlight.erased_at.is_(None)
            )
        )
        return {row.id: row for row in rows}

    async def equals(self, viewer: Viewer, book_ids: Iterable[UUID], texts: Iterable[str]) -> Sequence[Highlight]:
        """Find the viewer's highlights, deleted ones included, that have one of these texts; living ones, and of those the oldest, last."""
        rows = await self._session.scalars(
            select(Highlight)
            .where(
                visibility.own(Highlight, viewer),
                Highlight.book_id.in_(set(book_ids)),
                Highlight.text.in_(set(texts)),
                Highlight.erased_at.is_(None),
            )
            .order_by(Highlight.deleted_at.is_not(None).desc(), Highlight.id.desc())
        )
        return rows.all()

    async def owners(self, ids: Iterable[UUID]) -> Mapping[UUID, UUID]:
        """Tell whose highlights these are, of whichever reader; for deciding about ids only."""
        rows = await self._session.execute(select(Highlight.id, Highlight.user_id).where(Highlight.id.in_(set(ids))))
        return {key: user_id for key, user_id in rows}

    async def remember(self, user_id: UUID, until: datetime | None, records: int, met: Sequence[Met]) -> None:
        """Remember what a file said about places, and how far it reached. Other keys lead where they led before."""
        reach = {"user_id": user_id, "file_until": until, "file_records": records}
        own = [
            {"key": one.keys[0], "highlight_id": one.highlight_id, "content_hash": one.content_hash, **reach}
            for one in met
        ]
        others = [{**row, "key": key} for row, one in zip(own, met, strict=True) for key in one.keys[1:]]
        made = insert(ImportMark)
        key = [ImportMark.user_id, ImportMark.key]
        said = {name: made.excluded[name] for name in ("highlight_id", "content_hash", "file_until", "file_records")}
        if own:
            await self._session.execute(made.on_conflict_do_update(index_elements=key, set_=said), own)
        if others:
            same = ImportMark.highlight_id == made.excluded.highlight_id
            await self._session.execute(made.on_conflict_do_update(index_elements=key, set_=said, where=same), others)

    async def content(self, import_id: UUID) -> str | None:
        """Read the file of an import that has not ended."""
        return await self._session.scalar(select(Import.content).where(Import.id == import_id))

    async def drop_content(self, import_id: UUID) -> None:
        """Forget the file of an import that has ended."""
        await self._session.execute(update(Import).where(Import.id == import_id).values(content=None))

    async def purge(self, before: datetime, limit: int) -> int:
        """Delete imports that ended before a moment, their reports with them; what they brought in stays."""
        due = select(Import.id).where(Import.finished_at < before).limit(limit)
        gone = await self._session.execute(delete(Import).where(Import.id.in_(due)).returning(Import.id))
        return len(gone.all())
