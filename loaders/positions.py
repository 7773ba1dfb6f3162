"""Where the viewer, and each of their devices, is in books."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from loaders.batch import BatchLoader
from models import DevicePosition, ReadingPosition
from repositories.positions import PositionRepository


class PositionByIdLoader(BatchLoader[UUID, ReadingPosition]):
    """The viewer's positions."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, ReadingPosition]:
        """Read positions by id."""
        return await PositionRepository(session).visible(viewer, keys)


class DevicePositionsByBookIdLoader(BatchLoader[UUID, list[DevicePosition]]):
    """The latest place of each of the viewer's devices in a book."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]
    ) -> Mapping[UUID, list[DevicePosition]]:
        """Read places by book."""
        found: dict[UUID, list[DevicePosition]] = defaultdict(list)
        for row in await PositionRepository(session).devices(viewer, keys):
            found[row.book_id].append(row)
        return found
