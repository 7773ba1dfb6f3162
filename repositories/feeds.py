"""Home feeds: pages, and what a timeline is made of."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.metrics import FANOUT
from core.pagination import Order, PageRequest
from models import FeedEpoch, Job
from models.feeds import FeedEntry, Timeline, TimelinePart
from models.jobs import JobState
from models.posts import Fanout
from repositories.feeds_pages import FeedPage, FeedStatements
from repositories.feeds_timeline import newest_of_followed

FEED = Order("feed", (datetime, UUID))
"""By the time of the entry, then by the post."""
LATE = timedelta(seconds=30)
"""When nobody has taken up a job of fan-out for so long, timelines lack what everybody else can see."""


class FanoutIsLate(Exception):
    """No worker brings entries into timelines at present."""


class FeedRepository:
    """Home feeds, as one session sees them."""

    def __init__(self, session: AsyncSession, statements: FeedStatements | None = None) -> None:
        self._session = session
        self._statements = statements or FeedStatements()

    async def pull(self, viewer: Viewer, request: PageRequest) -> Sequence[FeedEntry]:
        """Read up to `first + 1` entries from the tables alone."""
        page = FeedPage(viewer, request, None)
        return await self._entries(page, "pulled", page.pulled)

    async def above(self, viewer: Viewer, request: PageRequest, timeline: TimelinePart) -> Sequence[FeedEntry] | None:
        """Read up to `first + 1` entries above a timeline's floor; None when the timeline is of another epoch.

        Raise FanoutIsLate when no timeline can be trusted, because no worker runs.
        """
        page = FeedPage(viewer, request, timeline)
        wanted = self._statements.of(page, "above", lambda: _with_state(page.above()))
        rows = (await self._session.execute(wanted, page.values)).all()
        if rows[0].is_late:
            raise FanoutIsLate("No worker has taken up fan-out for a while.")
        if rows[0].epoch != timeline.epoch:
            return None
        return [FeedEntry(row.post_id, row.reposter_id, row.at) for row in rows if row.post_id is not None]

    async def below(self, viewer: Viewer, request: PageRequest, timeline: TimelinePart) -> Sequence[FeedEntry]:
        """Read up to `first + 1` entries at or below a timeline's floor, which it must have."""
        page = FeedPage(viewer, request, timeline)
        return await self._entries(page, "below", page.below)

    async def timeline(self, user_id: UUID, length: int) -> Timeline:
        """Read what a timeline is made of: of the newest entries of all who are followed, those that are pushed.

        Muted, blocked and deleted ones count too: they may come back without a word. The session must see one moment.
        """
        newest = newest_of_followed(user_id, length + 1).subquery()
        now = select(_epoch(user_id).label("epoch")).subquery()
        wanted = select(now.c.epoch, newest).select_from(now.outerjoin(newest, true()))
        told = (await self._session.execute(wanted.order_by(newest.c.at.desc(), newest.c.post_id.desc()))).all()
        rows = [row for row in told if row.post_id is not None]
        floor = rows[length].at if len(rows) > length else None
        pushed = [
            FeedEntry(row.post_id, row.reposter_id, row.at)
            for row in rows
            if row.fanout == Fanout.PUSH and (floor is None or row.at > floor)
        ]
        return Timeline(told[0].epoch, pushed, floor)

    async def _entries(self, page: FeedPage, name: str, make: Callable[[], Select[Any]]) -> Sequence[FeedEntry]:
        rows = await self._session.execute(self._statements.of(page, name, make), page.values)
        return [FeedEntry(row.post_id, row.reposter_id, row.at) for row in rows]


def _with_state(wanted: Select[Any]) -> Select[Any]:
    """Read the reader's epoch, and whether fan-out is late, with whatever entries there are."""
    page = wanted.subquery()
    now = select(_epoch(bindparam("me", type_=Uuid())).label("epoch"), _is_late().label("is_late")).subquery()
    told = select(now.c.epoch, now.c.is_late, page).select_from(now.outerjoin(page, true()))
    return told.order_by(page.c.at.desc(), page.c.post_id.desc())


def _epoch(user_id: Any) -> ColumnElement[int]:
    known = select(FeedEpoch.epoch).where(FeedEpoch.user_id == user_id).scalar_subquery()
    return func.coalesce(known, 0)


def _is_late() -> ColumnElement[bool]:
    long_ago = func.now() - LATE
    waits = and_(Job.state == JobState.WAITING, Job.run_at < long_ago)
    was_left = and_(Job.state == JobState.RUNNING, Job.lease_until < long_ago)
    return select(Job.id).where(or_(waits, was_left), Job.kind.startswith(FANOUT, autoescape=True)).exists()
