"""Lists of people: who follows whom, who asks, who is blocked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, cast, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from core.pagination import Order, Page, PageRequest
from models import Block, Follow, FollowRequest, User
from repositories import visibility
from repositories.profiles import Profile

_UUIDS = ARRAY(Uuid)
PEOPLE = Order("people", (datetime, UUID))


class People(StrEnum):
    """Which people around a reader."""

    FOLLOWERS = "followers"
    FOLLOWING = "following"


class SocialListRepository:
    """Lists of people, as one session sees them; the latest first."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def pages(
        self, viewer: Viewer, which: People, user_ids: Sequence[UUID], request: PageRequest
    ) -> Mapping[UUID, Page[Profile]]:
        """List the followers of several readers, or whom they follow, in one statement."""
        if which is People.FOLLOWERS:
            mine, theirs = Follow.followed_id, Follow.follower_id
        else:
            mine, theirs = Follow.follower_id, Follow.followed_id
        owner = func.unnest(cast(list(user_ids), _UUIDS)).table_valued("id").render_derived(name="owner")
        inner = (
            select(User, visibility.profiles(viewer).label("is_open"), Follow.created_at.label("since"))
            .select_from(Follow)
            .join(User, User.id == theirs)
            .where(mine == owner.c.id, visibility.users(viewer))
        )
        if request.after:
            inner = inner.where(tuple_(Follow.created_at, User.id) < tuple_(*request.after))
        latest = inner.order_by(Follow.created_at.desc(), User.id.desc()).limit(request.first + 1)
        people = latest.correlate(owner).lateral("people")
        found: dict[UUID, list[Any]] = {key: [] for key in user_ids}
        columns = (owner.c.id, aliased(User, people), people.c.is_open, people.c.since)
        for row in await self._session.execute(select(*columns).select_from(owner).join(people, true())):
            found[row[0]].append(row)
        return {key: _page(rows, request) for key, rows in found.items()}

    async def waiting(self, viewer: Viewer, request: PageRequest) -> Page[Profile]:
        """List who asks to follow the viewer."""
        asked = select(User, visibility.profiles(viewer), FollowRequest.created_at.label("since"))
        asked = asked.join(FollowRequest, FollowRequest.follower_id == User.id)
        mine = (visibility.own_requests(viewer), visibility.users(viewer))
        return await self._page(asked.where(*mine), FollowRequest.created_at, request)

    async def blocked(self, viewer: Viewer, request: PageRequest) -> Page[Profile]:
        """List whom the viewer blocks; nothing of them but the name is open."""
        shut = select(User, _is_open(viewer), Block.created_at.label("since"))
        shut = shut.join(Block, Block.blocked_id == User.id).where(visibility.own_blocks(viewer))
        return await self._page(shut, Block.created_at, request)

    async def blocked_one(self, viewer: Viewer, user_id: UUID) -> Profile | None:
        """Read one whom the viewer blocks."""
        shut = select(User, _is_open(viewer)).join(Block, Block.blocked_id == User.id)
        found = await self._session.execute(shut.where(User.id == user_id, visibility.own_blocks(viewer)))
        row = found.one_or_none()
        return Profile(*row) if row else None

    async def _page(self, query: Any, since: Any, request: PageRequest) -> Page[Profile]:
        if request.after:
            query = query.where(tuple_(since, User.id) < tuple_(*request.after))
        latest = query.order_by(since.desc(), User.id.desc()).limit(request.first + 1)
        return _page([(None, *row) for row in await self._session.execute(latest)], request)


def _is_open(viewer: Viewer) -> ColumnElement[bool]:
    return and_(visibility.profiles(viewer), visibility.users(viewer))


def _page(rows: Sequence[Any], request: PageRequest) -> Page[Profile]:
    ordered = sorted(rows, key=lambda row: (row[3], row[1].id), reverse=True)
    page = PEOPLE.page(ordered, request, lambda row: (row[3], row[1].id))
    return page.map(lambda row: Profile(row[1], row[2]))
