"""Reports."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from loaders.batch import BatchLoader
from models import Report
from repositories.posts_reports import ReportRepository


class ReportByIdLoader(BatchLoader[UUID, Report]):
    """Reports that the viewer may see."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Report]:
        """Read reports by id."""
        return await ReportRepository(session).visible(viewer, keys)
