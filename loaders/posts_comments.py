"""Comments, by themselves, under posts, and as replies."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.pagination import Page, PageRequest
from loaders.batch import BatchLoader
from repositories.posts_comments import CommentRepository, SeenComment
from repositories.posts_comments_lists import CommentListRepository, CommentSort


@dataclass(frozen=True, slots=True)
class CommentPage:
    """One page of the comments on a post."""

    post_id: UUID
    sort: CommentSort
    request: PageRequest


@dataclass(frozen=True, slots=True)
class ReplyPage:
    """One page of the replies to a comment."""

    comment_id: UUID
    request: PageRequest


class CommentByIdLoader(BatchLoader[UUID, SeenComment]):
    """Comments that the viewer may see."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, SeenComment]:
        """Read comments by id."""
        return await CommentRepository(session).visible(viewer, keys)


class CommentsByPostIdLoader(BatchLoader[CommentPage, Page[SeenComment]]):
    """Pages of the comments on posts: one statement for each set of arguments, however many posts."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[CommentPage]
    ) -> Mapping[CommentPage, Page[SeenComment]]:
        """Read a page for each post."""
        groups: dict[tuple[CommentSort, PageRequest], list[UUID]] = defaultdict(list)
        for key in keys:
            groups[key.sort, key.request].append(key.post_id)
        found: dict[CommentPage, Page[SeenComment]] = {}
        for (sort, request), post_ids in groups.items():
            pages = await CommentListRepository(session).under_posts(viewer, post_ids, sort, request)
            found |= {CommentPage(post_id, sort, request): page for post_id, page in pages.items()}
        return found


class RepliesByCommentIdLoader(BatchLoader[ReplyPage, Page[SeenComment]]):
    """Pages of the replies to comments: one statement for each set of arguments, however many comments."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[ReplyPage]
    ) -> Mapping[ReplyPage, Page[SeenComment]]:
        """Read a page for each comment."""
        groups: dict[PageRequest, list[UUID]] = defaultdict(list)
        for key in keys:
            groups[key.request].append(key.comment_id)
        found: dict[ReplyPage, Page[SeenComment]] = {}
        for request, comment_ids in groups.items():
            pages = await CommentListRepository(session).replies(viewer, comment_ids, request)
            found |= {ReplyPage(comment_id, request): page for comment_id, page in pages.items()}
        return found
