"""Who likes what."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.pagination import Page, PageRequest
from loaders.batch import BatchLoader
from models import Comment
from repositories.posts_likes import LikeRepository
from repositories.profiles import Profile


@dataclass(frozen=True, slots=True)
class LikersPage:
    """One page of those who like a post."""

    post_id: UUID
    request: PageRequest


class LikedByCommentIdLoader(BatchLoader[UUID, bool]):
    """Whether the viewer likes comments."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, bool]:
        """Read by comment."""
        return await LikeRepository(session).liked_among(viewer, Comment, keys)


class LikersByPostIdLoader(BatchLoader[LikersPage, Page[Profile]]):
    """Pages of those who like posts: one statement for each set of arguments, however many posts."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[LikersPage]
    ) -> Mapping[LikersPage, Page[Profile]]:
        """Read a page for each post."""
        groups: dict[PageRequest, list[UUID]] = defaultdict(list)
        for key in keys:
            groups[key.request].append(key.post_id)
        found: dict[LikersPage, Page[Profile]] = {}
        for request, post_ids in groups.items():
            pages = await LikeRepository(session).likers(viewer, post_ids, request)
            found |= {LikersPage(post_id, request): page for post_id, page in pages.items()}
        return found
