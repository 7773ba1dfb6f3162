"""Books, and how much the viewer marked in them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from loaders.batch import BatchLoader
from models import Book
from repositories.catalog import BookRepository


class BookByIdLoader(BatchLoader[UUID, Book]):
    """Books asked for by themselves."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Book]:
        """Read books that the viewer may ask for."""
        return await BookRepository(session).visible(viewer, keys)


class ShownBookByIdLoader(BatchLoader[UUID, Book]):
    """Books reached through something the viewer may see."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Book]:
        """Read books that something visible leads to."""
        return await BookRepository(session).shown(viewer, keys)


class HighlightCountByBookIdLoader(BatchLoader[UUID, int]):
    """The number of the viewer's highlights in a book."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, int]:
        """Count highlights by book."""
        return await BookRepository(session).my_highlight_counts(viewer, keys)
