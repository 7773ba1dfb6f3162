"""Known to be bad: timelines and fan-out as they are often written. What proves the good ones has to notice each of these."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from unittest import mock
from uuid import UUID

from sqlalchemy import true

from auth.viewer import Viewer
from clients import timelines_scripts as scripts
from clients.timelines import ValkeyTimelines
from core.pagination import PageRequest
from models.feeds import FeedEntry, TimelinePart
from repositories.feeds import FeedRepository
from repositories.feeds_pages import FeedPage
from repositories.visibility import Predicate

_READ = ValkeyTimelines.read


def without(script: str, part: str, instead: str = "") -> str:
    """Cut a part out of a script, which must be in it."""
    if part not in script:
        raise ValueError(f"The script does not say {part!r} any more.")
    return script.replace(part, instead)


async def any_epoch(
    self: FeedRepository, viewer: Viewer, request: PageRequest, timeline: TimelinePart
) -> Sequence[FeedEntry]:
    """Read a timeline whatever happened since it was made: who is followed since is missing."""
    page = FeedPage(viewer, request, timeline)
    return await self._entries(page, "above whatever happened", page.above)


async def no_floor(self: ValkeyTimelines, user_id: UUID, before: datetime | None, limit: int) -> TimelinePart | None:
    """Take what a timeline holds for all that there is: the feed ends where it ends."""
    part = await _READ(self, user_id, before, limit)
    return part and replace(part, floor=None)


def by_moment(self: FeedPage, at: Any, post_id: Any) -> Predicate:
    """Go on behind a moment: what else stands at it is skipped."""
    del post_id
    return true() if self._after is None else at < self._after[0]


def without_time(entry: FeedEntry) -> str:
    """Name a repost without its time: a late worker takes out, or moves, the one that has come back since."""
    return f"{entry.post_id}:{entry.reposter_id}" if entry.reposter_id else str(entry.post_id)


@dataclass(frozen=True)
class Variant:
    """A server that does something otherwise than ours."""

    name: str
    attribute: str
    replacement: Callable[..., object] | str
    examples: int = 250
    """So many plays at most until it must have been noticed."""

    def __str__(self) -> str:
        """Name it for the list of tests."""
        return self.name

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put it in place, before a server is made."""
        with mock.patch(self.attribute, self.replacement):
            yield


EASY = (
    Variant(
        "pushes into timelines that are not there",
        "clients.timelines_scripts.PUT",
        without(scripts.PUT, "return put(", "redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) return put("),
    ),
    Variant("does not ask for the epoch", "repositories.feeds.FeedRepository.above", any_epoch),
    Variant("knows no floor", "clients.timelines.ValkeyTimelines.read", no_floor),
    Variant("goes on behind a moment, not an entry", "repositories.feeds_pages.FeedPage._is_behind", by_moment),
)
"""What is noticed within a few plays."""
HARD = (
    Variant(
        "forgets what is pushed while a timeline is made",
        "clients.timelines_scripts.FINISH",
        without(scripts.FINISH, "ipairs(late)", "ipairs({})"),
    ),
    Variant(
        "trusts what an earlier run of Valkey left",
        "clients.timelines_scripts.READ",
        without(scripts.READ, " or string.match(mark, ':(%x+)$') ~= run_id()"),
    ),
    Variant("names a repost without its time", "clients.timelines._member", without_time),
)
"""What needs several steps in the right order."""
