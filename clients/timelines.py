"""Timelines: of each active reader, what was pushed to them of late. All of it can be lost, and is made again from PostgreSQL.

A timeline is a sorted set of entries by time in microseconds, which a double holds exactly until the year 2255. A repost's time is in
its name, too: one that is made anew is another entry, which what happened to the first comes too late for. The first member is the
mark `!epoch:run`, whose score is the floor: the set has every pushed entry above it, and says nothing about the rest. The mark alone is a
timeline that was made and is empty; a key that is gone is not. `run` names the run of the server that made it, because a server that
comes back may have lost the last writes and kept the rest.

While a timeline is made, `timeline-build:{reader}` holds its maker's token, and after it whatever is pushed or taken meanwhile.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from clients import timelines_scripts as scripts
from core.breaker import Breaker, CircuitOpenError
from models.feeds import FeedEntry, Timeline, TimelinePart

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LOST = (RedisError, OSError, TimeoutError)
_PREFIX = "timeline:"
BUILD_SECONDS = 30
"""A maker that is silent for so long is taken for dead; what it makes is then thrown away."""
_READ_WITHIN, _WRITE_WITHIN = 0.3, 2.0
_PIPELINE = 250
Answer = TypeVar("Answer")


class TimelinesLost(Exception):
    """Valkey does not answer, or not in time."""


class Timelines(Protocol):
    """Where timelines are kept. Every method raises TimelinesLost when it cannot be done in time."""

    async def read(self, user_id: UUID, before: datetime | None, limit: int) -> TimelinePart | None:
        """Read up to `limit` entries up to a moment; None when there is no timeline. Reading alone keeps one alive."""

    async def begin(self, user_id: UUID) -> str | None:
        """Begin to make a timeline, before PostgreSQL is read: from here on, nothing that is pushed is missed. None when another does."""

    async def finish(self, user_id: UUID, build: str, made: Timeline, *, keep_age: bool = False) -> bool:
        """Put a timeline in place of what there is, with what was pushed since `begin`; False when that is not known any more.

        `keep_age` lets it die when the one before it would have.
        """

    async def give_up(self, user_id: UUID, build: str) -> None:
        """Let another make the timeline."""

    async def put(self, user_ids: Sequence[UUID], entry: FeedEntry) -> int:
        """Push an entry into those of the timelines that there are; tell how many took it. Again is the same."""

    async def take(self, user_ids: Sequence[UUID], entry: FeedEntry) -> int:
        """Take an entry that will never come back out of timelines; tell how many had it."""

    def active(self) -> AsyncIterator[UUID]:
        """Name the readers who have a timeline; some perhaps twice."""


class ValkeyTimelines:
    """Timelines in Valkey."""

    def __init__(self, url: str, *, length: int = 800, days: float = 7) -> None:
        self._length = length
        self._lives = max(1, round(days * 86_400))
        self._client = Redis.from_url(url, socket_timeout=2, socket_connect_timeout=0.5, decode_responses=True)
        self._read = self._client.register_script(scripts.READ)
        self._begin = self._client.register_script(scripts.BEGIN)
        self._finish = self._client.register_script(scripts.FINISH)
        self._give_up = self._client.register_script(scripts.GIVE_UP)
        self._put = self._client.register_script(scripts.PUT)
        self._take = self._client.register_script(scripts.TAKE)
        self.reads = Breaker("timelines", timeout=_READ_WITHIN, at_once=500, lost=_LOST)
        self.writes = Breaker("fanout", timeout=_WRITE_WITHIN, lost=_LOST)

    async def read(self, user_id: UUID, before: datetime | None, limit: int) -> TimelinePart | None:
        """Read a part of a timeline, and renew it."""
        top = "+inf" if before is None else _score(before)
        told = await _guarded(self.reads, lambda: self._read(keys=[_key(user_id)], args=[self._lives, top, limit]))
        if told is None:
            return None
        mark, floor, page, above = told
        entries, lowest = _entries(page), int(float(floor))
        if len(entries) == limit:
            # What comes after a cut is not known; entries of the very moment may stand on both sides of it.
            lowest = _score(entries[-1].at)
            entries = [entry for entry in entries if _score(entry.at) > lowest]
        reposts = [entry for entry in (*_entries(above), *entries) if entry.reposter_id]
        return TimelinePart(int(mark[1:].partition(":")[0]), entries, reposts, _moment(lowest) if lowest else None)

    async def begin(self, user_id: UUID) -> str | None:
        """Take the reader's build."""
        keys, args = [_build_key(user_id)], [secrets.token_hex(8), BUILD_SECONDS]
        build: str | None = await _guarded(self.reads, lambda: self._begin(keys=keys, args=args))
        return build

    async def finish(self, user_id: UUID, build: str, made: Timeline, *, keep_age: bool = False) -> bool:
        """Replace the timeline in one step."""
        floor = 0 if made.floor is None else _score(made.floor)
        args: list[str | int] = [build, self._lives, int(keep_age), self._length, made.epoch, floor]
        for entry in made.entries:
            args += [_score(entry.at), _member(entry)]
        keys = [_key(user_id), _build_key(user_id)]
        return bool(await _guarded(self.writes, lambda: self._finish(keys=keys, args=args)))

    async def give_up(self, user_id: UUID, build: str) -> None:
        """Give the reader's build back."""
        await _guarded(self.writes, lambda: self._give_up(keys=[_build_key(user_id)], args=[build]))

    async def put(self, user_ids: Sequence[UUID], entry: FeedEntry) -> int:
        """Push an entry, a pipeline at a time."""
        return await self._each(self._put, user_ids, [_member(entry), _score(entry.at), self._length])

    async def take(self, user_ids: Sequence[UUID], entry: FeedEntry) -> int:
        """Take an entry out, a pipeline at a time."""
        return await self._each(self._take, user_ids, [_member(entry)])

    async def active(self) -> AsyncIterator[UUID]:
        """Scan the keys, which blocks nobody."""
        cursor = 0
        while True:
            scan = partial(self._client.scan, cursor, match=f"{_PREFIX}*", count=500)
            cursor, keys = await _guarded(self.writes, scan)
            for key in keys:
                yield UUID(key[len(_PREFIX) + 1 : -1])
            if not cursor:
                return

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _each(self, script: AsyncScript, user_ids: Sequence[UUID], args: list[str | int]) -> int:
        done = 0
        for start in range(0, len(user_ids), _PIPELINE):
            some = user_ids[start : start + _PIPELINE]
            done += sum(await _guarded(self.writes, partial(self._pipelined, script, some, args)))
        return done

    async def _pipelined(self, script: AsyncScript, user_ids: Sequence[UUID], args: list[str | int]) -> list[int]:
        async with self._client.pipeline(transaction=False) as pipe:
            for user_id in user_ids:
                await script(keys=[_key(user_id), _build_key(user_id)], args=args, client=pipe)
            done: list[int] = await pipe.execute()
        return done


async def _guarded(breaker: Breaker, work: Callable[[], Awaitable[Answer]]) -> Any:
    try:
        return await breaker.call(work)
    except (*_LOST, CircuitOpenError) as error:
        raise TimelinesLost(type(error).__name__) from error


def _key(user_id: UUID) -> str:
    return f"{_PREFIX}{{{user_id}}}"


def _build_key(user_id: UUID) -> str:
    return f"timeline-build:{{{user_id}}}"


def _member(entry: FeedEntry) -> str:
    return f"{entry.post_id}:{entry.reposter_id}:{_score(entry.at)}" if entry.reposter_id else str(entry.post_id)


def _score(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _moment(score: int) -> datetime:
    return _EPOCH + score * _MICROSECOND


def _entries(told: Sequence[str]) -> list[FeedEntry]:
    found = []
    for member, score in zip(told[::2], told[1::2], strict=True):
        post, *rest = member.split(":")
        found.append(FeedEntry(UUID(post), UUID(rest[0]) if rest else None, _moment(int(float(score)))))
    return found
