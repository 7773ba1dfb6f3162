"""The statement that reads what a timeline is made of."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Uuid,
    func,
    literal,
    null,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.sql.selectable import LateralFromClause

from models import Follow, Post, Repost

_PROBED = 20


def newest_of_members(user_id: UUID, count: int) -> Select[Any]:
    """Read the newest entries of a reader and all they follow, whoever may see them.

    A few of each member tell from when on there are surely enough; older ones are not read, however many members there are.
    """
    followed = select(Follow.followed_id).where(Follow.follower_id == user_id)
    members = union_all(select(literal(user_id, Uuid).label("id")), followed).cte("members")
    probe = _of_each(members, _PROBED, ())
    probed = select(probe.c.at).select_from(members.join(probe, true())).order_by(probe.c.at.desc())
    since = func.coalesce(probed.offset(count - 1).limit(1).scalar_subquery(), text("'-infinity'::timestamptz"))
    found = _of_each(members, count, (Post.created_at >= since, Repost.created_at >= since))
    newest = select(found).select_from(members.join(found, true()))
    return newest.order_by(found.c.at.desc(), found.c.post_id.desc()).limit(count)


def _of_each(members: CTE, count: int, since: tuple[ColumnElement[bool], ...]) -> LateralFromClause:
    """Take the newest posts and reposts of one member, by the index alone."""
    posts = select(
        Post.created_at.label("at"), Post.id.label("post_id"), null().cast(Uuid).label("reposter_id"), Post.fanout
    ).where(Post.user_id == members.c.id, *since[:1])
    reposts = select(Repost.created_at, Repost.post_id, Repost.user_id, Repost.fanout).where(
        Repost.user_id == members.c.id, *since[1:]
    )
    halves = (
        posts.order_by(Post.created_at.desc(), Post.id.desc()).limit(count),
        reposts.order_by(Repost.created_at.desc(), Repost.post_id.desc()).limit(count),
    )
    return union_all(*(select(half.correlate(members).subquery()) for half in halves)).lateral()
