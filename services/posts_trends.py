"""Trending posts."""

from collections.abc import Sequence
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Invalid
from core.pagination import MOST
from models.posts import TrendWindow
from repositories.posts_trends import PostTrendRepository

DEFAULT_FIRST = 10


class PostTrendService:
    """Trends of one session."""

    def __init__(self, trends: PostTrendRepository) -> None:
        self._trends = trends

    async def top(self, viewer: Viewer, window: TrendWindow | None, first: int | None) -> Sequence[UUID]:
        """Name the posts that trend, as last computed; none before the first time."""
        count = DEFAULT_FIRST if first is None else first
        if not 1 <= count <= MOST:
            raise Invalid(f"`first` must be between 1 and {MOST}.", "first")
        return await self._trends.top(viewer, window or TrendWindow.DAY, count)

    async def compute(self) -> None:
        """Compute the lists of all windows anew."""
        at = clock.now()
        for window in TrendWindow:
            await self._trends.replace(window, at)
