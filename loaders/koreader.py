"""Files that the viewer's KOReader devices tell of."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from loaders.batch import BatchLoader
from models import Document
from repositories.koreader import KoreaderRepository


class DocumentByIdLoader(BatchLoader[UUID, Document]):
    """The viewer's documents."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Document]:
        """Read documents by id."""
        return await KoreaderRepository(session).visible(viewer, keys)
