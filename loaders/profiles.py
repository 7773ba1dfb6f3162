"""Users as the viewer may see them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from loaders.batch import BatchLoader
from repositories.profiles import Profile, ProfileRepository


class ProfileByIdLoader(BatchLoader[UUID, Profile]):
    """Users that the viewer may know of."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Profile]:
        """Read users by id."""
        return await ProfileRepository(session).visible(viewer, keys)
