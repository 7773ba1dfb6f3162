"""Fan-out: what somebody wrote or passed on goes into the timelines of those who follow them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from clients.timelines import Timelines, TimelinesLost
from core import clock, metrics
from core.errors import Unavailable
from models import Job
from models.feeds import FeedEntry
from models.posts import Fanout
from repositories.feeds_fanout import FanoutRepository, Truth
from repositories.locks import Locks
from services.jobs import JobService

PATIENCE = 2
"""So many tries to reach Valkey; then the readers' timelines are made anew when they are next read, and nothing is left to write."""
ROUNDS = 3
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Range:
    """An entry, and the ids of those followers that one job writes it to; None: from the first, to the last."""

    post_id: UUID
    reposter_id: UUID | None
    behind: UUID | None = None
    upto: UUID | None = None

    @classmethod
    def of(cls, payload: dict[str, Any]) -> "Range":
        """Read the payload of a job."""
        ids = (payload.get(name) for name in ("user_id", "behind", "upto"))
        return cls(UUID(payload["post_id"]), *(UUID(value) if value else None for value in ids))

    def payload(self) -> dict[str, str | None]:
        """Write the payload of a job."""
        told = {"post_id": self.post_id, "user_id": self.reposter_id, "behind": self.behind, "upto": self.upto}
        return {name: str(value) if value else None for name, value in told.items()}


class FanoutService:
    """Fan-out in one transaction.

    A job carries ids and looks at what is true: an entry that is there is put, one that is gone is taken. So it does not matter which of
    two jobs for an entry comes last, or twice.
    """

    def __init__(
        self,
        *,
        fanout: FanoutRepository,
        locks: Locks,
        jobs: JobService,
        timelines: Timelines,
        chunk: int,
        pull_threshold: int,
    ) -> None:
        self._fanout = fanout
        self._locks = locks
        self._jobs = jobs
        self._timelines = timelines
        self._chunk = chunk
        self._pull_threshold = pull_threshold

    async def plan(self, job: Job) -> bool:
        """Cut the followers into ranges, a job each; few are written to at once. True when nothing is left to do."""
        whole = Range.of(job.payload)
        truth = await self._fanout.truth(whole.post_id, whole.reposter_id)
        if truth is None or not await self._is_pushed(truth):
            return True
        ends = await self._fanout.bounds(truth.actor_id, self._chunk)
        if not ends:
            return await self._write(job, whole, truth)
        for behind, upto in zip((None, *ends), (*ends, None), strict=True):
            part = Range(whole.post_id, whole.reposter_id, behind, upto)
            await self._jobs.add("fanout_chunk", **part.payload())
        return True

    async def write(self, job: Job) -> bool:
        """Write one range; True when what was written is what is true."""
        part = Range.of(job.payload)
        truth = await self._fanout.truth(part.post_id, part.reposter_id)
        return truth is None or await self._write(job, part, truth)

    async def give_up(self, job: Job) -> None:
        """Have the timelines that lack this entry made anew."""
        part = Range.of(job.payload)
        truth = await self._fanout.truth(part.post_id, part.reposter_id)
        if truth is not None:
            await self._outdate(await self._readers(truth, part))

    async def _write(self, job: Job, part: Range, truth: Truth) -> bool:
        readers = await self._readers(truth, part)
        try:
            for _ in range(ROUNDS):
                await self._settle(part, truth, readers)
                after = await self._fanout.truth(part.post_id, part.reposter_id)
                if after is None or after == truth:
                    return True
                # It changed while it was written, and the job of that change may have come first: once more.
                truth = after
        except TimelinesLost as error:
            if job.interruptions < PATIENCE:
                raise Unavailable("The timelines cannot be reached.") from error
            await self._outdate(readers)
            return True
        return False

    async def _settle(self, part: Range, truth: Truth, readers: Sequence[UUID]) -> None:
        if truth.at is not None and truth.fanout is Fanout.PUSH:
            entry = FeedEntry(part.post_id, part.reposter_id, truth.at)
            count = await self._timelines.put(readers, entry)
            metrics.delivered(count, (clock.now() - truth.at).total_seconds())
        else:
            count = await self._timelines.take(readers, part.post_id, part.reposter_id)
        log.info("fanout_written", post_id=str(part.post_id), readers=len(readers), timelines=count)

    async def _is_pushed(self, truth: Truth) -> bool:
        if truth.fanout is None:
            # Where a repost of somebody followed by many lay is not known; reading leaves out what is gone.
            return await self._fanout.follower_count(truth.actor_id) <= self._pull_threshold
        return truth.fanout is Fanout.PUSH

    async def _readers(self, truth: Truth, part: Range) -> Sequence[UUID]:
        return await self._fanout.followers(truth.actor_id, part.behind, part.upto)

    async def _outdate(self, readers: Sequence[UUID]) -> None:
        there = await self._locks.presences(readers)
        await self._fanout.outdate(sorted(there))
        log.warning("timelines_outdated", readers=len(there))
