"""Posts, one at a time and what hangs on them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, insert, literal, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import Like, Post, PostHashtag, PostMention, Repost, User
from repositories import visibility
from repositories.prepared import IDS, prepared
from repositories.profiles import Profile


@dataclass(frozen=True, slots=True)
class SeenPost:
    """A post that the viewer may see, and whether its words are hidden from them as a spoiler."""

    post: Post
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Deeds:
    """What the viewer did with a post."""

    liked: bool = False
    reposted: bool = False


def seen(viewer: Viewer) -> Select[Post, bool]:
    """Select posts together with whether they are hidden; which ones is for the caller to say."""
    return select(Post, is_hidden(viewer))


def is_hidden(viewer: Viewer) -> ColumnElement[bool]:
    """Tell of a post whether its words are hidden."""
    return (~visibility.revealed_posts(viewer)).label("is_hidden")


@prepared
def _visible(viewer: Viewer) -> Select[Post, bool]:
    wanted = seen(viewer).where(Post.id.in_(IDS), visibility.posts(viewer))
    return wanted.execution_options(populate_existing=True)


@prepared
def _hashtags(_: Viewer) -> Select[UUID, str]:
    wanted = select(PostHashtag.post_id, PostHashtag.tag).where(PostHashtag.post_id.in_(IDS))
    return wanted.order_by(PostHashtag.post_id, PostHashtag.position)


@prepared
def _mentions(viewer: Viewer) -> Select[UUID, User, bool]:
    return (
        select(PostMention.post_id, User, visibility.profiles(viewer))
        .join(User, User.id == PostMention.user_id)
        .where(PostMention.post_id.in_(IDS), visibility.users(viewer))
        .order_by(PostMention.post_id, PostMention.position)
    )


@prepared
def _deeds(viewer: Viewer) -> CompoundSelect[UUID, bool]:
    done = (
        select(model.post_id.label("post_id"), literal(model is Like).label("is_like")).where(
            model.post_id.in_(IDS), visibility.own(model, viewer)
        )
        for model in (Like, Repost)
    )
    return union_all(*done)


class PostRepository:
    """Posts, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # --- reading ---

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, SeenPost]:
        """Read posts that the viewer may see."""
        rows = await self._session.execute(*_visible(viewer, ids))
        return {post.id: SeenPost(post, hidden) for post, hidden in rows}

    async def hashtags(self, post_ids: Iterable[UUID]) -> Mapping[UUID, Sequence[str]]:
        """List the hashtags of posts, which the viewer must be known to see."""
        found: dict[UUID, list[str]] = defaultdict(list)
        for post_id, tag in await self._session.execute(*_hashtags(Viewer(), post_ids)):
            found[post_id].append(tag)
        return found

    async def mentions(self, viewer: Viewer, post_ids: Iterable[UUID]) -> Mapping[UUID, Sequence[Profile]]:
        """List those whom posts name and of whom the viewer may know."""
        found: dict[UUID, list[Profile]] = defaultdict(list)
        for post_id, user, is_open in await self._session.execute(*_mentions(viewer, post_ids)):
            found[post_id].append(Profile(user, is_open))
        return found

    async def deeds(self, viewer: Viewer, post_ids: Iterable[UUID]) -> Mapping[UUID, Deeds]:
        """Tell what the viewer did with these posts; those with which nothing was done are not among them."""
        found: dict[UUID, set[bool]] = defaultdict(set)
        for post_id, is_like in await self._session.execute(*_deeds(viewer, post_ids)):
            found[post_id].add(is_like)
        return {post_id: Deeds(liked=True in kinds, reposted=False in kinds) for post_id, kinds in found.items()}

    # --- writing ---

    async def known(self, post_id: UUID) -> Post | None:
        """Find a post to write to, whoever may see it, deleted or not."""
        wanted = select(Post).where(Post.id == post_id)
        found: Post | None = await self._session.scalar(wanted.execution_options(populate_existing=True))
        return found

    async def readers_named(self, viewer: Viewer, names: Iterable[str]) -> Mapping[str, UUID]:
        """Find users the viewer may know of by their names in small letters."""
        name = func.lower(User.username)
        rows = await self._session.execute(select(name, User.id).where(name.in_(set(names)), visibility.users(viewer)))
        return {found: user_id for found, user_id in rows}

    async def add(self, post: Post, tags: Sequence[str], named: Sequence[UUID]) -> Post:
        """Write a post, its hashtags and whom it names."""
        self._session.add(post)
        await self._session.flush()
        if tags:
            shared = {"post_id": post.id, "created_at": post.created_at}
            rows = [{"tag": tag, "position": position, **shared} for position, tag in enumerate(tags)]
            await self._session.execute(insert(PostHashtag), rows)
        if named:
            mentioned = [
                {"post_id": post.id, "user_id": user_id, "position": position} for position, user_id in enumerate(named)
            ]
            await self._session.execute(insert(PostMention), mentioned)
        return post

    async def set_deleted(self, post: Post, at: datetime | None) -> None:
        """Delete a post that is locked, or bring it back."""
        post.deleted_at = at
        await self._session.flush()

    async def move_count(self, user_id: UUID, by: int) -> int:
        """Count a reader's post in or out; the reader must be locked. Tell how many follow them."""
        moved = update(User).where(User.id == user_id).values(post_count=User.post_count + by)
        followers: int | None = await self._session.scalar(
            moved.returning(User.follower_count).execution_options(synchronize_session=False)
        )
        return followers or 0
