"""Posts, and what hangs on them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.pagination import Page, PageRequest
from loaders.batch import BatchLoader
from repositories.posts import Deeds, PostRepository, SeenPost
from repositories.posts_lists import PostListRepository
from repositories.profiles import Profile


@dataclass(frozen=True, slots=True)
class AuthorPage:
    """One page of one reader's posts."""

    author_id: UUID
    request: PageRequest


class PostByIdLoader(BatchLoader[UUID, SeenPost]):
    """Posts that the viewer may see."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, SeenPost]:
        """Read posts by id."""
        return await PostRepository(session).visible(viewer, keys)


class PostsByAuthorLoader(BatchLoader[AuthorPage, Page[SeenPost]]):
    """Pages of readers' posts: one statement for each set of arguments, however many readers."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[AuthorPage]
    ) -> Mapping[AuthorPage, Page[SeenPost]]:
        """Read a page of each reader."""
        groups: dict[PageRequest, list[UUID]] = defaultdict(list)
        for key in keys:
            groups[key.request].append(key.author_id)
        found: dict[AuthorPage, Page[SeenPost]] = {}
        for request, authors in groups.items():
            pages = await PostListRepository(session).pages_by_author(viewer, authors, request)
            found |= {AuthorPage(author, request): page for author, page in pages.items()}
        return found


class HashtagsByPostIdLoader(BatchLoader[UUID, Sequence[str]]):
    """Hashtags of posts that the viewer may see."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Sequence[str]]:
        """Read hashtags by post."""
        del viewer
        return await PostRepository(session).hashtags(keys)


class MentionsByPostIdLoader(BatchLoader[UUID, Sequence[Profile]]):
    """Whom posts name, as far as the viewer may know of them."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]
    ) -> Mapping[UUID, Sequence[Profile]]:
        """Read mentions by post."""
        return await PostRepository(session).mentions(viewer, keys)


class DeedsByPostIdLoader(BatchLoader[UUID, Deeds]):
    """What the viewer, who is signed in, did with posts; None where that is nothing."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Deeds]:
        """Read likes and reposts by post."""
        return await PostRepository(session).deeds(viewer, keys)
