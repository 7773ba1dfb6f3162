"""The statements that read pages of a home feed."""

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    BindParameter,
    DateTime,
    Integer,
    Select,
    TableValuedAlias,
    Uuid,
    and_,
    bindparam,
    cast,
    column,
    exists,
    func,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from core.pagination import PageRequest
from models import Follow, Post, Repost, User
from models.feeds import FeedEntry, TimelinePart
from models.posts import Fanout
from repositories import visibility
from repositories.visibility import Predicate

Rows = Callable[[Any, Any], Select[datetime, UUID, UUID]]
"""The newest entries that one member adds to the feed."""
Counts = Callable[[Any, Any], Predicate]
"""Of an entry's time and the way it goes: whether it is read from the tables."""
_MOMENT = DateTime(timezone=True)
_UUIDS, _MOMENTS = ARRAY(Uuid), ARRAY(_MOMENT)


class FeedPage:
    """The statements of one page.

    A post stands in a feed once, at its newest repost by a member, otherwise at its own time if a member wrote it. Members are the reader
    and those they follow, without whom they muted. With a timeline, what the followed pushed counts above its floor if the timeline tells
    of it; what is pulled, all at or below the floor, and the reader's own doings, which show before any worker ran, are in the tables.

    What differs from reader to reader and from page to page are named parameters, with their values in `values`. So statements of the same
    `shape` are one and the same, and `FeedStatements` puts each together once: that takes longer than PostgreSQL does to answer.
    """

    def __init__(self, viewer: Viewer, request: PageRequest, timeline: TimelinePart | None) -> None:
        self._me: BindParameter[UUID] = bindparam("me", type_=Uuid())
        # The predicates compare with whatever stands in this place.
        self._viewer = replace(viewer, user_id=typing.cast("UUID", self._me))
        self._count: BindParameter[int] = bindparam("count", type_=Integer())
        self._after = (
            (bindparam("after_at", type_=_MOMENT), bindparam("after_id", type_=Uuid())) if request.after else None
        )
        self._floor: BindParameter[datetime] | None = None
        if timeline is not None and timeline.floor is not None:
            self._floor = bindparam("floor", type_=_MOMENT)
        self._has_timeline = timeline is not None
        self._has_told_reposts = bool(timeline and timeline.reposts)
        self.values = _values(viewer.require(), request, timeline)
        self.shape = (viewer.moderates, *sorted(self.values))

    @cached_property
    def _members(self) -> CTE:
        followed = (
            select(User.id)
            .join(Follow, Follow.followed_id == User.id)
            .where(
                Follow.follower_id == self._me,
                visibility.users(self._viewer),
                visibility.unmuted(self._viewer, user_id=User.id),
            )
        )
        return union_all(select(self._me.label("id")), followed).cte("members")

    def pulled(self) -> Select[Any]:
        """Read the page from the tables alone."""
        return self._from_members(lambda *_: true())

    def above(self) -> Select[Any]:
        """Read what the timeline tells of, and what is pulled beside it."""
        floor = self._floor

        def goes(way: Fanout) -> Counts:
            return lambda at, fanout: and_(fanout == way, at > floor if floor is not None else true())

        mine = (rows(goes(Fanout.PUSH), self._me, self._count) for rows in (self._posts, self._reposts))
        sources = (self._from_timeline(), self._from_members(goes(Fanout.PULL)), *mine)
        return self._newest(union_all(*(select(source.subquery()) for source in sources)).subquery())

    def below(self) -> Select[Any]:
        """Read what lies at or below a timeline's floor."""
        return self._from_members(lambda at, _: at <= self._floor)

    # --- sources ---

    def _from_members(self, counts: Counts) -> Select[Any]:
        """Merge what each member adds: the newest entry of each tells whose the page may have, and only of those as many are read.

        So following thousands costs an index probe each, and never a sort of all they ever wrote.
        """
        kinds = (partial(self._posts, counts), partial(self._reposts, counts))
        return self._newest(union_all(*(select(self._merged(rows).subquery()) for rows in kinds)).subquery())

    def _posts(self, counts: Counts, member_id: Any, limit: Any) -> Select[datetime, UUID, UUID]:
        at, post_id = Post.created_at.label("at"), Post.id.label("post_id")
        return (
            select(at, post_id, cast(null(), Uuid).label("reposter_id"))
            .where(Post.user_id == member_id, self._is_behind(Post.created_at, Post.id))
            .where(counts(Post.created_at, Post.fanout), self._is_shown, ~self._is_passed_on)
            .order_by(Post.created_at.desc(), Post.id.desc())
            .limit(limit)
        )

    def _reposts(self, counts: Counts, member_id: Any, limit: Any) -> Select[datetime, UUID, UUID]:
        return (
            select(Repost.created_at.label("at"), Repost.post_id, Repost.user_id.label("reposter_id"))
            .join(Post, Post.id == Repost.post_id)
            .where(Repost.user_id == member_id, self._is_behind(Repost.created_at, Repost.post_id))
            .where(Repost.created_at >= Post.created_at, counts(Repost.created_at, Repost.fanout))
            .where(self._is_shown, ~self._is_passed_on_later)
            .order_by(Repost.created_at.desc(), Repost.post_id.desc())
            .limit(limit)
        )

    def _merged(self, rows: Rows) -> Select[Any]:
        head = rows(self._members.c.id, 1).lateral("head")
        heads = select(self._members.c.id).select_from(self._members.join(head, true()))
        ahead = heads.order_by(head.c.at.desc(), head.c.post_id.desc()).limit(self._count).subquery("ahead")
        row = rows(ahead.c.id, self._count).lateral("row")
        return select(row.c.at, row.c.post_id, row.c.reposter_id).select_from(ahead.join(row, true()))

    def _from_timeline(self) -> Select[Any]:
        """Read what the timeline tells of and is still true, looked at in its order until there is enough."""
        told = _told("entries")
        ordered = select(told).order_by(told.c.at.desc(), told.c.post_id.desc()).subquery("ordered")
        posted = and_(ordered.c.reposter_id.is_(None), Post.created_at == ordered.c.at, self._is_followed(Post.user_id))
        passed_on = and_(
            Repost.created_at == ordered.c.at, Repost.created_at >= Post.created_at, self._is_followed(Repost.user_id)
        )
        return (
            select(ordered.c.at, ordered.c.post_id, ordered.c.reposter_id)
            .join(Post, Post.id == ordered.c.post_id)
            .outerjoin(Repost, and_(Repost.post_id == ordered.c.post_id, Repost.user_id == ordered.c.reposter_id))
            .where(self._is_behind(ordered.c.at, ordered.c.post_id))
            .where(
                or_(and_(posted, Post.fanout == Fanout.PUSH), and_(passed_on, Repost.fanout == Fanout.PUSH)),
                self._is_shown,
                ~self._has_newer(ordered.c.at, ordered.c.reposter_id),
            )
            .order_by(ordered.c.at.desc(), ordered.c.post_id.desc())
            .limit(self._count)
        )

    def _newest(self, found: Any) -> Select[Any]:
        return select(found).order_by(found.c.at.desc(), found.c.post_id.desc()).limit(self._count)

    # --- conditions, each made once and used in each source ---

    def _is_behind(self, at: Any, post_id: Any) -> Predicate:
        return true() if self._after is None else tuple_(at, post_id) < tuple_(*self._after)

    def _is_member(self, user_id: Any) -> Predicate:
        is_member: Predicate = user_id.in_(select(self._members.c.id))
        return is_member

    def _is_followed(self, user_id: Any) -> Predicate:
        return and_(user_id != self._me, self._is_member(user_id))

    @cached_property
    def _is_shown(self) -> Predicate:
        """Posts that may be read and are not muted; nobody's own posts are hidden from them by what they muted."""
        unmuted = visibility.unmuted(
            self._viewer, user_id=Post.user_id, book_id=Post.book_id, post_id=Post.id, words=Post.words
        )
        return and_(visibility.posts(self._viewer), or_(Post.user_id == self._me, unmuted))

    @cached_property
    def _is_passed_on(self) -> Predicate:
        return self._has_newer(None, None)

    @cached_property
    def _is_passed_on_later(self) -> Predicate:
        return self._has_newer(Repost.created_at, Repost.user_id)

    def _has_newer(self, at: Any, reposter_id: Any) -> Predicate:
        """Whether a repost by a member comes before an entry of the same post; the entry is the post's own when there is no reposter."""
        other = aliased(Repost)
        of_member = and_(other.post_id == Post.id, other.created_at >= Post.created_at, self._is_member(other.user_id))
        if reposter_id is not None:
            of_member = and_(
                of_member,
                or_(reposter_id.is_(None), tuple_(other.created_at, other.user_id) > tuple_(at, reposter_id)),
            )
        if not self._has_timeline:
            return exists().where(of_member).correlate_except(other)
        in_tables = (other.fanout == Fanout.PULL, other.user_id == self._me)
        ways = [exists().where(of_member, kind).correlate_except(other) for kind in in_tables]
        if self._has_told_reposts:
            told = _told("reposts")
            same = and_(
                told.c.post_id == other.post_id, told.c.reposter_id == other.user_id, told.c.at == other.created_at
            )
            listed = select(other.user_id).join(told, same).where(of_member)
            ways.append(exists(listed).correlate_except(other, told))
        if self._floor is not None:
            ways.append(exists().where(of_member, other.created_at <= self._floor).correlate_except(other))
        return or_(*ways)


class FeedStatements:
    """The statements of one process, by their name and shape; there are some dozens of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Select[Any]] = {}

    def of(self, page: FeedPage, name: str, make: Callable[[], Select[Any]]) -> Select[Any]:
        """Find a statement of a page, or put it together."""
        key = (name, *page.shape)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = make()
        return known


def _values(me: UUID, request: PageRequest, timeline: TimelinePart | None) -> Mapping[str, Any]:
    values: dict[str, Any] = {"me": me, "count": request.first + 1}
    if request.after:
        values["after_at"], values["after_id"] = request.after
    if timeline is not None:
        values |= _columns("entries", timeline.entries)
        if timeline.floor is not None:
            values["floor"] = timeline.floor
        if timeline.reposts:
            values |= _columns("reposts", timeline.reposts)
    return values


def _columns(name: str, entries: Sequence[FeedEntry]) -> Mapping[str, Any]:
    return {
        f"{name}_posts": [entry.post_id for entry in entries],
        f"{name}_reposters": [entry.reposter_id for entry in entries],
        f"{name}_times": [entry.at for entry in entries],
    }


def _told(name: str) -> TableValuedAlias:
    """Make a table of entries, out of one array a column."""
    kinds: Mapping[str, Any] = {"posts": _UUIDS, "reposters": _UUIDS, "times": _MOMENTS}
    rows = func.unnest(*(bindparam(f"{name}_{part}", type_=kind) for part, kind in kinds.items())).table_valued(
        column("post_id", Uuid), column("reposter_id", Uuid), column("at", _MOMENT)
    )
    return rows.render_derived()
