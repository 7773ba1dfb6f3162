"""Fan-out: what somebody wrote or passed on goes into the timelines of those who follow them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from clients.timelines import Timelines, TimelinesLost
from core import clock, metrics
from core.errors import Unavailable
from models import Job
from models.feeds import FeedEntry
from models.posts import Fanout
from repositories.feeds_fanout import FanoutRepository
from repositories.locks import Locks
from services.jobs import JobService

PATIENCE = 2
"""So many tries to reach Valkey; then the readers' timelines are made anew when they are next read, and nothing is left to write."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Range:
    """An entry, and the ids of those followers that one job writes it to; None: from the first, to the last."""

    post_id: UUID
    reposter_id: UUID | None
    gone_at: datetime | None = None
    """The time of a repost that was taken back: that entry is to be taken out."""
    behind: UUID | None = None
    upto: UUID | None = None

    @classmethod
    def of(cls, payload: dict[str, Any]) -> "Range":
        """Read the payload of a job."""
        reposter_id, behind, upto = (UUID(v) if (v := payload.get(name)) else None for name in _IDS)
        gone_at = payload.get("gone_at")
        told_at = datetime.fromisoformat(gone_at) if gone_at else None
        return cls(UUID(payload["post_id"]), reposter_id, told_at, behind, upto)

    def payload(self) -> dict[str, str | None]:
        """Write the payload of a job."""
        ids = dict(zip(_IDS, (self.reposter_id, self.behind, self.upto), strict=True))
        told = {name: str(value) if value else None for name, value in ids.items()}
        return {"post_id": str(self.post_id), "gone_at": self.gone_at.isoformat() if self.gone_at else None, **told}


_IDS = ("user_id", "behind", "upto")


@dataclass(frozen=True, slots=True)
class _Change:
    """What is to become of an entry in the timelines of those who follow somebody."""

    actor_id: UUID
    entry: FeedEntry
    is_gone: bool


class FanoutService:
    """Fan-out in one transaction.

    A job carries ids and looks at what is true. Entries never change, and one that was taken out never comes back, so it does not matter
    in which order jobs write, whether twice, or how late: what is there once too often is left out by whoever reads.
    """

    def __init__(
        self, *, fanout: FanoutRepository, locks: Locks, jobs: JobService, timelines: Timelines, chunk: int
    ) -> None:
        self._fanout = fanout
        self._locks = locks
        self._jobs = jobs
        self._timelines = timelines
        self._chunk = chunk

    async def plan(self, job: Job) -> bool:
        """Cut the followers into ranges, a job each; few are written to at once. True when nothing is left to do."""
        whole = Range.of(job.payload)
        change = await self._change(whole)
        if change is None:
            return True
        ends = await self._fanout.bounds(change.actor_id, self._chunk)
        if not ends:
            await self._write(job, whole, change)
            return True
        for behind, upto in zip((None, *ends), (*ends, None), strict=True):
            part = replace(whole, behind=behind, upto=upto)
            await self._jobs.add("fanout_chunk", **part.payload())
        return True

    async def write(self, job: Job) -> bool:
        """Write one range."""
        part = Range.of(job.payload)
        change = await self._change(part)
        if change is not None:
            await self._write(job, part, change)
        return True

    async def give_up(self, job: Job) -> None:
        """Have the timelines that lack this entry made anew."""
        part = Range.of(job.payload)
        change = await self._change(part)
        if change is not None and not change.is_gone:
            await self._outdate(await self._readers(part, change))

    async def _change(self, part: Range) -> _Change | None:
        """Find out what is to be written; None: nothing, since it is pulled, or was taken back."""
        if part.gone_at is not None and part.reposter_id is not None:
            gone = FeedEntry(part.post_id, part.reposter_id, part.gone_at)
            return _Change(part.reposter_id, gone, is_gone=True)
        truth = await self._fanout.truth(part.post_id, part.reposter_id)
        if truth is None or truth.fanout is not Fanout.PUSH:
            return None
        return _Change(truth.actor_id, FeedEntry(part.post_id, part.reposter_id, truth.at), is_gone=False)

    async def _write(self, job: Job, part: Range, change: _Change) -> None:
        readers = await self._readers(part, change)
        try:
            if change.is_gone:
                count = await self._timelines.take(readers, change.entry)
            else:
                count = await self._timelines.put(readers, change.entry)
                metrics.delivered(count, (clock.now() - change.entry.at).total_seconds())
        except TimelinesLost as error:
            if job.interruptions < PATIENCE:
                raise Unavailable("The timelines cannot be reached.") from error
            if not change.is_gone:
                await self._outdate(readers)
        else:
            log.info("fanout_written", post_id=str(part.post_id), readers=len(readers), timelines=count)

    async def _readers(self, part: Range, change: _Change) -> Sequence[UUID]:
        return await self._fanout.followers(change.actor_id, part.behind, part.upto)

    async def _outdate(self, readers: Sequence[UUID]) -> None:
        there = await self._locks.presences(readers)
        await self._fanout.outdate(sorted(there))
        log.warning("timelines_outdated", readers=len(there))
