"""Counts of posts, for those who watch them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from core.errors import Invalid
from core.ids import read_id
from repositories.posts_counts import Counts, PostCountsRepository, Sight

WATCHED_MOST = 50


class PostCountsService:
    """Counts of one session."""

    def __init__(self, counts: PostCountsRepository) -> None:
        self._counts = counts

    async def seen(self, wanted: Collection[Sight]) -> Mapping[Sight, Counts]:
        """Read the counts of posts for those who may see them."""
        return await self._counts.seen(wanted)

    async def current(self, post_ids: Iterable[UUID]) -> Mapping[UUID, Counts]:
        """Read the counts of posts, to find out which have changed."""
        return await self._counts.current(post_ids)


def read_post_ids(values: Sequence[str]) -> Collection[UUID]:
    """Read which posts to watch, each once; raise Invalid."""
    if not 1 <= len(values) <= WATCHED_MOST:
        raise Invalid(f"Watch 1 to {WATCHED_MOST} posts with one subscription.", "postIds")
    return dict.fromkeys(read_id(value, "Post", "postIds") for value in values)
