"""Lists of posts, newest first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, cast, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from core.pagination import Order, Page, PageRequest
from models import Post, PostHashtag
from repositories import visibility
from repositories.posts import SeenPost, seen

POSTS = Order("posts", (datetime, UUID))
DELETED_POSTS = Order("deleted-posts", (datetime, UUID))
_UUIDS = ARRAY(Uuid)


class PostListRepository:
    """Lists of posts, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def pages_by_author(
        self, viewer: Viewer, authors: Sequence[UUID], request: PageRequest
    ) -> Mapping[UUID, Page[SeenPost]]:
        """List what the viewer may see of several readers' posts, in one statement; mutes are for lists that gather."""
        author = func.unnest(cast(list(authors), _UUIDS)).table_valued("id").render_derived(name="author_of")
        inner = seen(viewer).where(Post.user_id == author.c.id, visibility.posts(viewer))
        newest = _newest(inner, request).correlate(author).lateral("newest")
        columns = (aliased(Post, newest), newest.c.is_hidden)
        found: dict[UUID, list[SeenPost]] = {key: [] for key in authors}
        for post, hidden in await self._session.execute(select(*columns).select_from(author).join(newest, true())):
            found[post.user_id].append(SeenPost(post, hidden))
        return {key: _page(rows, request) for key, rows in found.items()}

    async def by_hashtag(self, viewer: Viewer, tag: str, request: PageRequest) -> Page[SeenPost]:
        """List the posts under a hashtag. One whose words are hidden is left out: its place in the list would tell a word of it."""
        conditions = (
            PostHashtag.tag == tag,
            visibility.posts(viewer),
            visibility.revealed_posts(viewer),
            visibility.unmuted(viewer, user_id=Post.user_id, book_id=Post.book_id, post_id=Post.id, words=Post.words),
        )
        wanted = seen(viewer).join(PostHashtag, PostHashtag.post_id == Post.id).where(*conditions)
        place = (PostHashtag.created_at, PostHashtag.post_id)
        return _page(await self._rows(_newest(wanted, request, place)), request)

    async def own_deleted(self, viewer: Viewer, since: datetime, request: PageRequest) -> Page[SeenPost]:
        """List what the viewer deleted and may still restore, the last deleted first."""
        wanted = seen(viewer).where(visibility.own_deleted_posts(viewer), Post.deleted_at > since)
        rows = await self._rows(_newest(wanted, request, (Post.deleted_at, Post.id)))
        return DELETED_POSTS.page(rows, request, lambda row: (row.post.deleted_at, row.post.id))

    async def _rows(self, wanted: Any) -> list[SeenPost]:
        return [SeenPost(post, hidden) for post, hidden in await self._session.execute(wanted)]


def _newest(wanted: Any, request: PageRequest, place: Any = (Post.created_at, Post.id)) -> Any:
    if request.after:
        wanted = wanted.where(tuple_(*place) < tuple_(*request.after))
    return wanted.order_by(*(key.desc() for key in place)).limit(request.first + 1)


def _page(rows: Sequence[SeenPost], request: PageRequest) -> Page[SeenPost]:
    ordered = sorted(rows, key=lambda row: (row.post.created_at, row.post.id), reverse=True)
    return POSTS.page(ordered, request, lambda row: (row.post.created_at, row.post.id))
