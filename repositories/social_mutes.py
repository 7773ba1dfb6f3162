"""What readers do not want to meet in lists."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.ids import uuid7
from core.pagination import Order, Page, PageRequest
from models import Book, Mute, Post, User
from repositories import visibility

MUTES = Order("mutes", (datetime, UUID))


@dataclass(frozen=True, slots=True)
class MuteTarget:
    """What is muted: exactly one of these."""

    user_id: UUID | None = None
    book_id: UUID | None = None
    post_id: UUID | None = None
    word: str | None = None

    @property
    def columns(self) -> dict[str, UUID | str | None]:
        """Spell the target as the columns of a mute."""
        return {
            "muted_user_id": self.user_id,
            "muted_book_id": self.book_id,
            "muted_post_id": self.post_id,
            "word": self.word,
        }

    @property
    def column(self) -> str:
        """Name the one column that is set."""
        return next(name for name, value in self.columns.items() if value is not None)


class MuteRepository:
    """Mutes, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def is_there(self, viewer: Viewer, target: MuteTarget) -> bool:
        """Tell whether the viewer can meet what is to be muted; a word always."""
        if target.user_id is not None:
            wanted = select(exists().where(User.id == target.user_id, visibility.users(viewer)))
        elif target.book_id is not None:
            wanted = select(exists().where(Book.id == target.book_id, visibility.met_books(viewer)))
        elif target.post_id is not None:
            wanted = select(exists().where(Post.id == target.post_id, visibility.posts(viewer)))
        else:
            return True
        return bool(await self._session.scalar(wanted))

    async def put(self, viewer: Viewer, target: MuteTarget, until: datetime | None) -> Mute:
        """Write a mute, or move the end of the one that stands there."""
        row = {"id": uuid7(), "user_id": viewer.require(), "until": until, **target.columns}
        written = insert(Mute).values(row)
        written = written.on_conflict_do_update(index_elements=["user_id", target.column], set_={"until": until})
        mute_id = await self._session.scalar(written.returning(Mute.id))
        wanted = select(Mute).where(Mute.id == mute_id).execution_options(populate_existing=True)
        return (await self._session.scalars(wanted)).one()

    async def remove(self, viewer: Viewer, target: MuteTarget) -> Mute | None:
        """Take a mute away; None when there was none."""
        conditions = (getattr(Mute, name) == value for name, value in target.columns.items() if value is not None)
        found = await self._session.scalar(select(Mute).where(visibility.own(Mute, viewer), *conditions))
        if found is not None:
            await self._session.delete(found)
            await self._session.flush()
        return found

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Mute]:
        """Read mutes of the viewer that are in force."""
        rows = await self._session.scalars(select(Mute).where(Mute.id.in_(set(ids)), *_mine(viewer)))
        return {row.id: row for row in rows}

    async def page(self, viewer: Viewer, request: PageRequest) -> Page[Mute]:
        """List the viewer's mutes that are in force, the latest first."""
        query = select(Mute).where(*_mine(viewer))
        if request.after:
            query = query.where(tuple_(Mute.created_at, Mute.id) < tuple_(*request.after))
        latest = query.order_by(Mute.created_at.desc(), Mute.id.desc()).limit(request.first + 1)
        return MUTES.page((await self._session.scalars(latest)).all(), request, lambda row: (row.created_at, row.id))

    async def forget_ended(self, viewer: Viewer) -> None:
        """Delete the viewer's mutes that have ended."""
        await self._session.execute(delete(Mute).where(visibility.own(Mute, viewer), ~visibility.in_force(Mute)))

    async def count_others(self, viewer: Viewer, target: MuteTarget) -> int:
        """Count what else than this the viewer mutes."""
        others = getattr(Mute, target.column).is_distinct_from(target.columns[target.column])
        return await self._session.scalar(select(func.count()).where(visibility.own(Mute, viewer), others)) or 0


def _mine(viewer: Viewer) -> tuple[ColumnElement[bool], ...]:
    return visibility.own(Mute, viewer), visibility.in_force(Mute)
