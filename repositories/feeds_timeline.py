"""The statement that reads what a timeline is made of."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Uuid,
    func,
    null,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.sql.selectable import LateralFromClause

from models import Follow, Post, Repost

_PROBED = 20


def newest_of_followed(user_id: UUID, count: int) -> Select[Any]:
    """Read the newest entries of all whom a reader follows, whoever may see them.

    A few of each tell from when on there are surely enough; older ones are not read, however many are followed.
    """
    followed = select(Follow.followed_id.label("id")).where(Follow.follower_id == user_id).cte("followed")
    probe = _of_each(followed, _PROBED, ())
    probed = select(probe.c.at).select_from(followed.join(probe, true())).order_by(probe.c.at.desc())
    since = func.coalesce(probed.offset(count - 1).limit(1).scalar_subquery(), text("'-infinity'::timestamptz"))
    found = _of_each(followed, count, (Post.created_at >= since, Repost.created_at >= since))
    newest = select(found).select_from(followed.join(found, true()))
    return newest.order_by(found.c.at.desc(), found.c.post_id.desc()).limit(count)


def _of_each(actors: CTE, count: int, since: tuple[ColumnElement[bool], ...]) -> LateralFromClause:
    """Take the newest posts and reposts of one actor, by the index alone."""
    posts = select(
        Post.created_at.label("at"), Post.id.label("post_id"), null().cast(Uuid).label("reposter_id"), Post.fanout
    ).where(Post.user_id == actors.c.id, *since[:1])
    reposts = select(Repost.created_at, Repost.post_id, Repost.user_id, Repost.fanout).where(
        Repost.user_id == actors.c.id, *since[1:]
    )
    halves = (
        posts.order_by(Post.created_at.desc(), Post.id.desc()).limit(count),
        reposts.order_by(Repost.created_at.desc(), Repost.post_id.desc()).limit(count),
    )
    return union_all(*(select(half.correlate(actors).subquery()) for half in halves)).lateral()
