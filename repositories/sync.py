"""The change counter, the epoch, pulls by sequence number, and remembered outcomes."""

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Uuid,
    cast,
    column,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import Device, Highlight, SyncCounter, SyncEpoch, SyncOutcome
from repositories import visibility

_FINGERPRINT = """
SELECT (SELECT system_identifier FROM pg_control_system()) || '/'
    || (SELECT timeline_id FROM pg_control_checkpoint()) || '/'
    || (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class SyncState:
    """Where a reader's changes stand, in one snapshot with what is read next."""

    seq: int
    floor: int
    epoch: str


class SyncRepository:
    """Sync state, as one session sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def state(self, user_id: UUID) -> SyncState:
        """Read a reader's counter and the epoch."""
        row = (
            await self._session.execute(
                select(
                    func.coalesce(select(SyncCounter.seq).where(SyncCounter.user_id == user_id).scalar_subquery(), 0),
                    func.coalesce(select(SyncCounter.floor).where(SyncCounter.user_id == user_id).scalar_subquery(), 0),
                    SyncEpoch.epoch,
                )
            )
        ).one()
        return SyncState(*row)

    async def next_seq(self, user_id: UUID) -> int:
        """Take the next number; the counter must be locked."""
        advanced = update(SyncCounter).where(SyncCounter.user_id == user_id).values(seq=SyncCounter.seq + 1)
        return (await self._session.scalars(advanced.returning(SyncCounter.seq))).one()

    async def counters(self, user_ids: Iterable[UUID]) -> Mapping[UUID, int]:
        """Read many readers' counters in one statement, for the sweep that makes up for lost bells."""
        rows = await self._session.execute(
            select(SyncCounter.user_id, SyncCounter.seq).where(SyncCounter.user_id.in_(set(user_ids)))
        )
        return {user_id: seq for user_id, seq in rows}

    async def changes(self, viewer: Viewer, after: int, limit: int) -> Sequence[Highlight]:
        """Read the viewer's rows, tombstones included, that changed after a sequence number, in order."""
        wanted = select(Highlight).where(visibility.own(Highlight, viewer), Highlight.seq > after)
        ordered = wanted.order_by(Highlight.seq).limit(limit).execution_options(populate_existing=True)
        return (await self._session.scalars(ordered)).all()

    async def device(self, viewer: Viewer, device_id: UUID) -> Device | None:
        """Read one of the viewer's devices."""
        wanted = select(Device).where(Device.id == device_id, visibility.own(Device, viewer))
        return await self._session.scalar(wanted.execution_options(populate_existing=True))

    async def devices(self, viewer: Viewer) -> Mapping[UUID, Device]:
        """Read all of the viewer's devices."""
        wanted = select(Device).where(visibility.own(Device, viewer)).execution_options(populate_existing=True)
        return {device.id: device for device in await self._session.scalars(wanted)}

    async def note_progress(self, sent: Mapping[UUID, tuple[int, datetime]]) -> None:
        """Write how far devices have been sent; the latest answer counts, so that one begun again from nothing goes back."""
        if not sent:
            return
        # In the order of their ids: another process may be writing some of the same.
        locked = select(Device.id).where(Device.id.in_(sent)).order_by(Device.id)
        await self._session.execute(locked.with_for_update(key_share=True))
        ids, places = list(sent), list(sent.values())
        told = (
            func.unnest(
                cast(ids, ARRAY(Uuid)),
                cast([seq for seq, _ in places], ARRAY(BigInteger)),
                cast([at for _, at in places], ARRAY(DateTime(timezone=True))),
            )
            .table_valued(column("id", Uuid), column("seq", BigInteger), column("at", DateTime(timezone=True)))
            .render_derived(name="told")
        )
        older = or_(Device.synced_at.is_(None), Device.synced_at <= told.c.at)
        await self._session.execute(
            update(Device)
            .where(Device.id == told.c.id, older)
            .values(synced_seq=told.c.seq, synced_at=told.c.at, last_seen_at=told.c.at)
            .execution_options(synchronize_session=False)
        )

    async def resynced(self, device_id: UUID, *, highlights: bool, notes: bool) -> None:
        """Note that a device began again from nothing, as it was told to, with these switches; not if they moved meanwhile."""
        as_read = (Device.id == device_id, Device.sync_highlights == highlights, Device.sync_notes == notes)
        await self._session.execute(update(Device).where(*as_read).values(must_resync=False))

    async def note_pushed(self, device_id: UUID, op_id: UUID) -> None:
        """Note the last operation that was taken from a device; the reader's counter must be locked."""
        await self._session.execute(update(Device).where(Device.id == device_id).values(pushed_op_id=op_id))

    async def pending(self, viewer: Viewer, device_ids: Sequence[UUID], *, most: int) -> Mapping[UUID, int]:
        """Count, up to a limit, the changes after each device's last cursor, in one statement."""
        behind = (
            select(Highlight.id)
            .where(Highlight.user_id == Device.user_id, Highlight.seq > Device.synced_seq)
            .limit(most)
            .correlate(Device)
            .lateral()
        )
        counted = (
            select(Device.id, func.count(behind.c.id))
            .outerjoin(behind, text("true"))
            .where(Device.id.in_(device_ids), visibility.own(Device, viewer))
            .group_by(Device.id)
        )
        return {device_id: count for device_id, count in await self._session.execute(counted)}

    # --- outcomes ---

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what is inside, and only that, when it raises."""
        async with self._session.begin_nested():
            yield

    async def outcomes(self, user_id: UUID, op_ids: Iterable[UUID]) -> Mapping[UUID, SyncOutcome]:
        """Read the remembered outcomes of operations."""
        rows = await self._session.scalars(
            select(SyncOutcome).where(SyncOutcome.user_id == user_id, SyncOutcome.op_id.in_(set(op_ids)))
        )
        return {row.op_id: row for row in rows}

    async def remember(self, outcome: SyncOutcome) -> None:
        """Keep an outcome."""
        self._session.add(outcome)
        await self._session.flush()

    # --- epoch ---

    async def refresh_epoch(self) -> str:
        """Read the epoch; begin a new one when this is not the database it was recorded in (a restored backup)."""
        fingerprint = await self._session.scalar(text(_FINGERPRINT))
        known = await self._session.scalar(select(SyncEpoch.epoch).where(SyncEpoch.fingerprint == fingerprint))
        if known is not None:
            return known
        begun = await self._session.execute(
            insert(SyncEpoch)
            .values(epoch=secrets.token_hex(8), fingerprint=fingerprint)
            .on_conflict_do_update(
                index_elements=[SyncEpoch.singleton],
                set_={"epoch": secrets.token_hex(8), "fingerprint": fingerprint, "began_at": func.now()},
                where=SyncEpoch.fingerprint != fingerprint,
            )
            .returning(SyncEpoch.epoch)
        )
        if begun.first() is not None:
            await self._forget_chains()
        return (await self._session.scalars(select(SyncEpoch.epoch))).one()

    async def new_epoch(self) -> str:
        """Begin a new epoch: every device offers what it holds, and pulls from the beginning."""
        renewed = update(SyncEpoch).values(epoch=secrets.token_hex(8), began_at=func.now())
        await self._forget_chains()
        return (await self._session.scalars(renewed.returning(SyncEpoch.epoch))).one()

    async def _forget_chains(self) -> None:
        """Forget the last operation of each device: they know of later ones, and are no copies for that."""
        linked = update(Device).where(Device.pushed_op_id.is_not(None))
        await self._session.execute(linked.values(pushed_op_id=None))

    # --- what time takes away ---

    async def users_with_erasable(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Name readers with deleted highlights that can no longer be restored."""
        due = select(Highlight.user_id).where(Highlight.restorable_until <= now, Highlight.erased_at.is_(None))
        return (await self._session.scalars(due.distinct().limit(limit))).all()

    async def erase(self, user_id: UUID, now: datetime, limit: int) -> int:
        """Erase the content of a reader's deleted highlights whose time to undo is over; the ids stay."""
        due = (
            select(Highlight.id)
            .where(Highlight.user_id == user_id, Highlight.restorable_until <= now, Highlight.erased_at.is_(None))
            .limit(limit)
        )
        blank = {"text": "", "note": None, "prefix": None, "suffix": None, "cfi": None, "page": None, "erased_at": now}
        done = await self._session.execute(
            update(Highlight).where(Highlight.id.in_(due.scalar_subquery())).values(**blank).returning(Highlight.id)
        )
        return len(done.all())

    async def users_with_purgeable(self, erased_before: datetime, limit: int) -> Sequence[UUID]:
        """Name readers with tombstones that have been remembered long enough."""
        due = select(Highlight.user_id).where(Highlight.deleted_at <= erased_before, Highlight.erased_at.is_not(None))
        return (await self._session.scalars(due.distinct().limit(limit))).all()

    async def purge(self, user_id: UUID, deleted_before: datetime, limit: int) -> int:
        """Forget a reader's oldest tombstones, and raise the floor in the same transaction; the counter must be locked."""
        due = (
            select(Highlight.user_id, Highlight.id)
            .where(
                Highlight.user_id == user_id,
                Highlight.erased_at.is_not(None),
                Highlight.deleted_at <= deleted_before,
            )
            .limit(limit)
        )
        gone = await self._session.scalars(
            delete(Highlight).where(tuple_(Highlight.user_id, Highlight.id).in_(due)).returning(Highlight.seq)
        )
        seqs = gone.all()
        if seqs:
            await self._session.execute(
                update(SyncCounter)
                .where(SyncCounter.user_id == user_id)
                .values(floor=func.greatest(SyncCounter.floor, max(seqs)))
            )
        return len(seqs)

    async def forget_outcomes(self, before: datetime, limit: int) -> int:
        """Forget outcomes that are old enough."""
        due = select(SyncOutcome.user_id, SyncOutcome.op_id).where(SyncOutcome.created_at < before).limit(limit)
        done = await self._session.execute(
            delete(SyncOutcome)
            .where(tuple_(SyncOutcome.user_id, SyncOutcome.op_id).in_(due))
            .returning(SyncOutcome.op_id)
        )
        return len(done.all())
