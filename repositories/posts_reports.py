"""What readers report to the moderators."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.database import sqlstate
from core.errors import NotFound
from core.ids import uuid7
from core.pagination import Order, Page, PageRequest
from models import Comment, Post, Report, User
from models.posts import ReportReason
from repositories import visibility
from repositories.catalog import FOREIGN_KEY_VIOLATION

REPORTS = Order("reports", (datetime, UUID))
COLUMNS = {"User": "reported_user_id", "Post": "post_id", "Comment": "comment_id"}


@dataclass(frozen=True, slots=True)
class ReportTarget:
    """What is reported: a thing of one of the types in `COLUMNS`."""

    kind: str
    key: UUID


class ReportRepository:
    """Reports, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def owner_of(self, viewer: Viewer, target: ReportTarget) -> UUID | None:
        """Tell whose a thing is that the viewer may see; None when there is none, or nobody's."""
        if target.kind == "User":
            wanted: Select[Any] = select(User.id).where(User.id == target.key, visibility.users(viewer))
        elif target.kind == "Post":
            wanted = select(Post.user_id).where(Post.id == target.key, visibility.posts(viewer))
        else:
            there = (Comment.id == target.key, Comment.deleted_at.is_(None), visibility.comments(viewer))
            wanted = select(Comment.user_id).where(*there)
        owner: UUID | None = await self._session.scalar(wanted)
        return owner

    async def put(self, viewer: Viewer, target: ReportTarget, reason: ReportReason, text: str | None) -> Report:
        """Write a report, or what it now says in the one that stands there; raise NotFound for a thing that has just gone."""
        column = COLUMNS[target.kind]
        row = {"id": uuid7(), "reporter_id": viewer.require(), column: target.key}
        told = {"reason": reason, "text": text}
        written = insert(Report).values(row | told)
        written = written.on_conflict_do_update(index_elements=["reporter_id", column], set_=told)
        try:
            report_id = await self._session.scalar(written.returning(Report.id))
        except IntegrityError as error:
            if sqlstate(error) != FOREIGN_KEY_VIOLATION:
                raise
            raise NotFound("There is nothing of this id to report.", "targetId") from None
        wanted = select(Report).where(Report.id == report_id).execution_options(populate_existing=True)
        return (await self._session.scalars(wanted)).one()

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Report]:
        """Read reports that the viewer may see."""
        rows = await self._session.scalars(select(Report).where(Report.id.in_(set(ids)), visibility.reports(viewer)))
        return {row.id: row for row in rows}

    async def page(self, viewer: Viewer, request: PageRequest) -> Page[Report]:
        """List reports, the latest first."""
        query = select(Report).where(visibility.reports(viewer))
        if request.after:
            query = query.where(tuple_(Report.created_at, Report.id) < tuple_(*request.after))
        latest = query.order_by(Report.created_at.desc(), Report.id.desc()).limit(request.first + 1)
        return REPORTS.page((await self._session.scalars(latest)).all(), request, lambda row: (row.created_at, row.id))
