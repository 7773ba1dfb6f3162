"""Highlights, by themselves and by their owners."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.pagination import Page, PageRequest
from loaders.batch import BatchLoader
from models import Highlight
from repositories.highlights import HighlightRepository
from repositories.highlights_followed import FollowedHighlightRepository


@dataclass(frozen=True, slots=True)
class OwnerPage:
    """One page of one reader's highlights."""

    owner_id: UUID
    book_id: UUID | None
    request: PageRequest


@dataclass(frozen=True, slots=True)
class OwnerCount:
    """The number of one reader's highlights that the viewer may see."""

    owner_id: UUID
    book_id: UUID | None


@dataclass(frozen=True, slots=True)
class FollowedPage:
    """One page of what those whom the viewer follows marked in one book."""

    book_id: UUID
    request: PageRequest


class HighlightByIdLoader(BatchLoader[UUID, Highlight]):
    """Highlights that the viewer may see."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Highlight]:
        """Read highlights by id."""
        return await HighlightRepository(session).visible(viewer, keys)


class HighlightsByOwnerLoader(BatchLoader[OwnerPage, Page[Highlight]]):
    """Pages of readers' highlights: one statement for each set of arguments, however many readers."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[OwnerPage]
    ) -> Mapping[OwnerPage, Page[Highlight]]:
        """Read a page of each reader."""
        groups: dict[tuple[UUID | None, PageRequest], list[UUID]] = defaultdict(list)
        for key in keys:
            groups[key.book_id, key.request].append(key.owner_id)
        found: dict[OwnerPage, Page[Highlight]] = {}
        for (book_id, request), owners in groups.items():
            pages = await HighlightRepository(session).pages_by_owner(viewer, owners, book_id, request)
            found |= {OwnerPage(owner, book_id, request): page for owner, page in pages.items()}
        return found


class HighlightCountByOwnerLoader(BatchLoader[OwnerCount, int]):
    """How many of readers' highlights the viewer may see."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[OwnerCount]) -> Mapping[OwnerCount, int]:
        """Count highlights by reader."""
        groups: dict[UUID | None, list[UUID]] = defaultdict(list)
        for key in keys:
            groups[key.book_id].append(key.owner_id)
        found: dict[OwnerCount, int] = {}
        for book_id, owners in groups.items():
            counts = await HighlightRepository(session).counts_by_owner(viewer, owners, book_id)
            found |= {OwnerCount(owner, book_id): count for owner, count in counts.items()}
        return found


class FollowedHighlightsByBookIdLoader(BatchLoader[FollowedPage, Page[Highlight]]):
    """Pages of what those whom the viewer follows marked: one statement for each set of arguments, however many books."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[FollowedPage]
    ) -> Mapping[FollowedPage, Page[Highlight]]:
        """Read a page of each book."""
        groups: dict[PageRequest, list[UUID]] = defaultdict(list)
        for key in keys:
            groups[key.request].append(key.book_id)
        found: dict[FollowedPage, Page[Highlight]] = {}
        for request, book_ids in groups.items():
            pages = await FollowedHighlightRepository(session).pages_by_book(viewer, book_ids, request)
            found |= {FollowedPage(book_id, request): page for book_id, page in pages.items()}
        return found


class FollowedHighlightCountByBookIdLoader(BatchLoader[UUID, int]):
    """How many highlights there are in those pages."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, int]:
        """Count highlights by book."""
        return await FollowedHighlightRepository(session).counts_by_book(viewer, keys)
