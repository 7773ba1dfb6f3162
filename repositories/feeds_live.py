"""Who gets an entry into their live home feed: one statement for all who watch, with the eyes of each."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Select,
    Uuid,
    and_,
    cast,
    column,
    false,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from core.events import FeedEntryAdded
from models import Follow, Post, Repost, User
from models.feeds import FeedEntry
from repositories import visibility
from repositories.posts_counts import Eyes

Delivery = tuple[Eyes, FeedEntry]
"""Who gets what."""
_NOBODY = UUID(int=0)


class LiveFeedRepository:
    """Entries for those who watch, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def receivers(self, entry: FeedEntryAdded, eyes: Collection[Eyes]) -> Sequence[Delivery]:
        """Read who of these has an entry in their home feed now."""
        return await self._received(_of(entry.post_id, entry.author_id if entry.is_repost else None), eyes)

    async def again(self, entry: FeedEntry, eyes: Collection[Eyes]) -> Sequence[Delivery]:
        """Read an entry once more."""
        return await self._received(_of(entry.post_id, entry.reposter_id), eyes)

    async def recent(
        self, age: timedelta, eyes: Collection[Eyes], limit: int, after: Delivery | None
    ) -> Sequence[Delivery]:
        """Read what has come into the home feeds of these of late, oldest first, from behind one of them on."""
        since = func.now() - age
        posts, reposts = _posts().where(Post.created_at > since), _reposts().where(Repost.created_at > since)
        return await self._received(union_all(posts, reposts), eyes, limit, after)

    async def _received(
        self, entries: Any, eyes: Collection[Eyes], limit: int | None = None, after: Delivery | None = None
    ) -> Sequence[Delivery]:
        entry, viewers = entries.subquery("entry"), _table_of(eyes)
        member = _members(viewers).subquery("member")
        kinds = {one.moderates: one for one in eyes}
        gets = (
            and_(member.c.moderates == moderates, _has(one.viewer(member.c.user_id), member.c.user_id))
            for moderates, one in sorted(kinds.items())
        )
        reposter = func.coalesce(entry.c.reposter_id, literal(_NOBODY))
        place = (entry.c.at, entry.c.post_id, reposter, member.c.user_id, member.c.moderates)
        wanted = (
            select(member.c.user_id, member.c.moderates, entry.c.post_id, entry.c.reposter_id, entry.c.at)
            .join_from(member, entry, entry.c.sharer_id == member.c.member_id)
            .join(Post, Post.id == entry.c.post_id)
            .join(User, User.id == entry.c.sharer_id)
            .where(or_(false(), *gets))
            .order_by(*place)
            .limit(limit)
        )
        if after is not None:
            one, told = after
            last = (told.at, told.post_id, told.reposter_id or _NOBODY, one.user_id, one.moderates)
            wanted = wanted.where(tuple_(*place) > tuple_(*map(literal, last)))
        rows = await self._session.execute(wanted)
        return [(Eyes(user_id, moderates), FeedEntry(*entry)) for user_id, moderates, *entry in rows]


def _posts() -> Select[Any]:
    reposter = cast(null(), Uuid).label("reposter_id")
    return select(Post.id.label("post_id"), reposter, Post.created_at.label("at"), Post.user_id.label("sharer_id"))


def _reposts() -> Select[Any]:
    """Reposts that count: one that is older than its post, which was restored since, does not."""
    by: Any = Repost.user_id
    made = select(Repost.post_id, by.label("reposter_id"), Repost.created_at.label("at"), by.label("sharer_id"))
    return made.join(Post, and_(Post.id == Repost.post_id, Repost.created_at >= Post.created_at))


def _of(post_id: UUID, reposter_id: UUID | None) -> Select[Any]:
    if reposter_id is None:
        return _posts().where(Post.id == post_id)
    return _reposts().where(Repost.post_id == post_id, Repost.user_id == reposter_id)


def _table_of(eyes: Collection[Eyes]) -> Any:
    return (
        func.unnest(
            literal([one.user_id for one in eyes], ARRAY(Uuid)),
            literal([one.moderates for one in eyes], ARRAY(Boolean)),
        )
        .table_valued(column("user_id", Uuid), column("moderates", Boolean))
        .render_derived("viewer")
    )


def _members(viewers: Any) -> Any:
    """Pair each viewer with those whose entries are theirs: themselves, and whom they follow."""
    themselves = select(viewers.c.user_id, viewers.c.moderates, viewers.c.user_id.label("member_id"))
    followed = select(viewers.c.user_id, viewers.c.moderates, Follow.followed_id).join(
        Follow, Follow.follower_id == viewers.c.user_id
    )
    return union_all(themselves, followed)


def _has(viewer: Any, me: Any) -> visibility.Predicate:
    """Whether a viewer's home feed shows it: the same predicates as for a page of it."""
    unmuted = visibility.unmuted(viewer, user_id=Post.user_id, book_id=Post.book_id, post_id=Post.id, words=Post.words)
    of_member = and_(visibility.users(viewer), visibility.unmuted(viewer, user_id=User.id))
    return and_(visibility.posts(viewer), or_(Post.user_id == me, unmuted), or_(User.id == me, of_member))
