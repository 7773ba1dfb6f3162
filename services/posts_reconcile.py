"""Recount followers, posts, likes, comments, reposts and replies, a slice at a time, beside whoever changes them."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from models import Comment, Post, User
from repositories.locks import Locks
from repositories.posts_reconcile import Counted, Drift, ReconcileRepository

SLICE = 500
KINDS: tuple[Counted, ...] = (User, Post, Comment)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a recount has come: which table, and behind which row."""

    table: str = KINDS[0].__tablename__
    after: UUID | None = None


@dataclass(frozen=True, slots=True)
class Recounted:
    """What came of a slice, and where the next one begins; None at the end."""

    table: str
    checked: int
    mended: int
    next: Mark | None


class ReconcileService:
    """The recount of one transaction."""

    def __init__(self, reconcile: ReconcileRepository, locks: Locks) -> None:
        self._reconcile = reconcile
        self._locks = locks

    async def step(self, mark: Mark) -> Recounted:
        """Recount one slice; nothing is locked unless a count is wrong."""
        tables = [kind.__tablename__ for kind in KINDS]
        place = tables.index(mark.table)
        keys = await self._reconcile.following(KINDS[place], mark.after, SLICE)
        suspect = await self._reconcile.drifts(KINDS[place], keys)
        mended = await self._mend(KINDS[place], {drift.key for drift in suspect}) if suspect else 0
        if len(keys) == SLICE:
            following: Mark | None = Mark(mark.table, keys[-1])
        else:
            following = Mark(tables[place + 1]) if place + 1 < len(tables) else None
        return Recounted(mark.table, len(keys), mended, following)

    async def _mend(self, kind: Counted, keys: set[UUID]) -> int:
        await self._lock(kind, keys)
        wrong = await self._reconcile.drifts(kind, keys)
        await self._reconcile.mend(kind, wrong)
        for drift in wrong:
            _tell(kind, drift)
        return len(wrong)

    async def _lock(self, kind: Counted, keys: set[UUID]) -> None:
        if kind is User:
            await self._locks.accounts(keys)
        elif kind is Post:
            await self._locks.posts(keys)
        else:
            await self._locks.posts(await self._reconcile.posts_of(keys))
            await self._locks.comments(keys)


def _tell(kind: Counted, drift: Drift) -> None:
    log.warning(
        "count_mended",
        table=kind.__tablename__,
        id=str(drift.key),
        column=drift.column,
        old=drift.counted,
        new=drift.actual,
    )
