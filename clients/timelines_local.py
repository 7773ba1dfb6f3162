"""Timelines in memory, by the same rules: for tests, and as unreachable ones where there is no Valkey."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from uuid import UUID

from clients.timelines import TimelinesLost
from models.feeds import FeedEntry, Timeline, TimelinePart


@dataclass
class _Kept:
    epoch: int
    floor: datetime | None
    told: set[FeedEntry]

    def put(self, entry: FeedEntry, most: int) -> bool:
        if self.floor is not None and entry.at <= self.floor:
            return False
        self.told.add(entry)
        if len(self.told) > most:
            self.floor = lowest = self.entries()[most].at
            self.told = {kept for kept in self.told if kept.at > lowest}
        return True

    def take(self, entry: FeedEntry) -> bool:
        had = entry in self.told
        self.told.discard(entry)
        return had

    def entries(self) -> list[FeedEntry]:
        return sorted(
            self.told, key=lambda entry: (entry.at, entry.post_id, str(entry.reposter_id or "")), reverse=True
        )


@dataclass
class _Build:
    token: str
    late: list[Callable[[_Kept], object]] = field(default_factory=list)


class LocalTimelines:
    """Timelines of this process alone."""

    def __init__(self, *, length: int = 800, is_down: bool = False) -> None:
        self._length = length
        self._tokens = count(1)
        self.kept: dict[UUID, _Kept] = {}
        self.builds: dict[UUID, _Build] = {}
        self.is_down = is_down

    async def read(self, user_id: UUID, before: datetime | None, limit: int) -> TimelinePart | None:
        """Read a part of a timeline."""
        self._check()
        kept = self.kept.get(user_id)
        if kept is None:
            return None
        listed, floor = kept.entries(), kept.floor
        entries = [entry for entry in listed if before is None or entry.at <= before][:limit]
        if len(entries) == limit:
            floor = entries[-1].at
            entries = [entry for entry in entries if entry.at > floor]
        above = [entry for entry in listed if before is not None and entry.at > before]
        return TimelinePart(kept.epoch, entries, [e for e in (*above, *entries) if e.reposter_id], floor)

    async def begin(self, user_id: UUID) -> str | None:
        """Take the reader's build."""
        self._check()
        if user_id in self.builds:
            return None
        build = self.builds[user_id] = _Build(str(next(self._tokens)))
        return build.token

    async def finish(self, user_id: UUID, build: str, made: Timeline, *, keep_age: bool = False) -> bool:
        """Replace the timeline; nothing ages here."""
        del keep_age
        self._check()
        begun = self.builds.get(user_id)
        if begun is None or begun.token != build:
            return False
        del self.builds[user_id]
        kept = self.kept[user_id] = _Kept(made.epoch, made.floor, set(made.entries))
        for change in begun.late:
            change(kept)
        return True

    async def give_up(self, user_id: UUID, build: str) -> None:
        """Give the reader's build back."""
        self._check()
        begun = self.builds.get(user_id)
        if begun is not None and begun.token == build:
            del self.builds[user_id]

    async def put(self, user_ids: Sequence[UUID], entry: FeedEntry) -> int:
        """Push an entry."""
        return self._each(user_ids, lambda kept: kept.put(entry, self._length))

    async def take(self, user_ids: Sequence[UUID], entry: FeedEntry) -> int:
        """Take an entry out."""
        return self._each(user_ids, lambda kept: kept.take(entry))

    async def active(self) -> AsyncIterator[UUID]:
        """Name the readers who have a timeline."""
        self._check()
        for user_id in list(self.kept):
            yield user_id

    def _each(self, user_ids: Sequence[UUID], change: Callable[[_Kept], bool]) -> int:
        self._check()
        for user_id in user_ids:
            if user_id in self.builds:
                self.builds[user_id].late.append(change)
        return sum(change(self.kept[user_id]) for user_id in user_ids if user_id in self.kept)

    def _check(self) -> None:
        if self.is_down:
            raise TimelinesLost
