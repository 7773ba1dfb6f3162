"""Posts that many turn to, computed aside and read as they were last computed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Float, Integer, Select, cast, delete, distinct, func, literal, select, true, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import Comment, Like, Post, PostTrend, Repost
from models.posts import TrendWindow
from repositories import visibility

BUCKETS, DECAY = 60, 0.95
BUCKET_SECONDS = {TrendWindow.HOUR: 60, TrendWindow.DAY: 24 * 60, TrendWindow.WEEK: 168 * 60}
WEIGHTS: dict[Any, float] = {Like: 0.3, Comment: 0.4 * 1.5, Repost: 0.5 * 2}
DISTINCT_READERS = 3
KEPT = 1_000
"""How many posts of a window are kept; whoever reads may not see, or have muted, some of them."""


class PostTrendRepository:
    """Trends of posts, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def replace(self, window: TrendWindow, at: datetime) -> None:
        """Compute the list of a window anew, and put it in the place of the one before."""
        columns = ["window", "post_id", "score", "computed_at"]
        written = insert(PostTrend).from_select(columns, _scored(window, at))
        # Updated, not deleted and written again: a run that overlaps with another must not fail on its rows.
        fresh = {"score": written.excluded.score, "computed_at": written.excluded.computed_at}
        await self._session.execute(written.on_conflict_do_update(index_elements=["window", "post_id"], set_=fresh))
        old = delete(PostTrend).where(PostTrend.window == window, PostTrend.computed_at < at)
        await self._session.execute(old)

    async def top(self, viewer: Viewer, window: TrendWindow, first: int) -> Sequence[UUID]:
        """Name the first posts of a window that the viewer may see and has not muted."""
        wanted = (
            select(PostTrend.post_id)
            .join(Post, Post.id == PostTrend.post_id)
            .where(
                PostTrend.window == window,
                visibility.posts(viewer),
                visibility.unmuted(
                    viewer, user_id=Post.user_id, book_id=Post.book_id, post_id=Post.id, words=Post.words
                ),
            )
            .order_by(PostTrend.score.desc(), PostTrend.post_id.desc())
            .limit(first)
        )
        return (await self._session.scalars(wanted)).all()


def _scored(window: TrendWindow, at: datetime) -> Select[Any]:
    """Score what others than the author did with public posts of public accounts; for all that is, signed-out eyes see it."""
    uses = union_all(*(_uses(kind, window, at) for kind in WEIGHTS)).cte("uses")
    used = select(uses.c.post_id).distinct().subquery("used")
    # One by one: the planner does not know how few posts a window uses, and would read them all.
    found = select(Post.user_id).where(Post.id == used.c.post_id, visibility.posts(Viewer())).limit(1).lateral("found")
    seen = select(used.c.post_id, found.c.user_id.label("author_id")).select_from(used.join(found, true())).subquery()
    score = func.sum(uses.c.weight * func.power(literal(DECAY, Float), uses.c.age))
    ranked = (
        select(uses.c.post_id, score.label("score"))
        .join(seen, seen.c.post_id == uses.c.post_id)
        .where(uses.c.user_id != seen.c.author_id)
        .group_by(uses.c.post_id)
        .having(func.count(distinct(uses.c.user_id)) >= DISTINCT_READERS)
        .order_by(score.desc(), uses.c.post_id.desc())
        .limit(KEPT)
        .subquery()
    )
    return select(
        literal(window, PostTrend.window.type),
        ranked.c.post_id,
        ranked.c.score,
        literal(at, PostTrend.computed_at.type),
    ).order_by(ranked.c.post_id)


def _uses(kind: Any, window: TrendWindow, at: datetime) -> Select[Any]:
    """Each use with its age in buckets; of one reader's comments in a bucket, one counts."""
    seconds = BUCKET_SECONDS[window]
    now = int(at.timestamp()) // seconds
    bucket = cast(func.floor(func.extract("epoch", kind.created_at) / seconds), Integer)
    # The clocks of processes differ a little: what is a second ahead happened now.
    age = func.greatest(now - bucket, 0)
    since = datetime.fromtimestamp((now - BUCKETS + 1) * seconds, tz=at.tzinfo)
    found = select(kind.post_id, kind.user_id, age.label("age"), literal(WEIGHTS[kind], Float).label("weight"))
    found = found.where(kind.created_at >= since, kind.created_at < at + timedelta(seconds=seconds))
    return found.where(Comment.deleted_at.is_(None)).distinct() if kind is Comment else found
