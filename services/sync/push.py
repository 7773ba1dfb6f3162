"""Take a device's offline work: each operation once, each with an outcome, none able to hold up the next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import (
    AppError,
    Conflict,
    ErrorCode,
    IdempotencyMismatch,
    LimitExceeded,
    Problem,
    StaleVersion,
)
from models import Book, Device, Highlight, SyncOutcome
from models.sync import OpOutcome, ResyncReason
from repositories.highlights import HighlightRepository
from repositories.locks import Locks
from repositories.sync import SyncRepository
from services.catalog import BookRef, CatalogService
from services.idempotency import fingerprint
from services.profiles import ProfileService
from services.sync import chain, merge
from services.sync.cursors import read_version
from services.sync.drafts import Change, Create, Edit, Op, check_draft, check_patch
from services.sync.pull import ChangePage, PullService, Sent
from services.sync.writer import Defaults, HighlightWriter

OPS_MOST = 100
CLONED = (
    "Nothing was applied: another copy of this device has sent work since, as after a restore from a backup. "
    "Become a device of your own with separateDevice, then push again as that one, with the same operation ids."
)


@dataclass(frozen=True, slots=True)
class PushedOp:
    """An operation as a device sends it; its change may be wrong in itself (`refused`), which refuses only this one."""

    op_id: UUID
    highlight_id: UUID
    done_at: datetime
    based_on: str | None
    change: Change | AppError


@dataclass(frozen=True, slots=True)
class OfflineWork:
    """A batch as a device sends it."""

    device_id: str
    after: str | None
    previous_op_id: UUID | None
    """The last operation whose outcome the device was told; None is not checked."""
    sent_at: datetime
    ops: Sequence[PushedOp]


@dataclass(frozen=True, slots=True)
class OpResult:
    """What became of an operation."""

    op_id: UUID
    outcome: OpOutcome
    replayed: bool
    highlight: Highlight | None
    fork: Highlight | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class _Refused:
    """An operation that is wrong in itself."""

    op_id: UUID
    problem: Problem


@dataclass(frozen=True, slots=True)
class Pushed:
    """The outcomes of a batch, and the page after the device's cursor; `refused` when the cursor was stale."""

    results: tuple[OpResult, ...]
    page: ChangePage
    sent: Sent | None
    refused: Problem | None = None


class PushService:
    """Apply a batch in one transaction, a savepoint for each operation."""

    def __init__(
        self,
        *,
        sync: SyncRepository,
        highlights: HighlightRepository,
        locks: Locks,
        catalog: CatalogService,
        profiles: ProfileService,
        pull: PullService,
        writer: HighlightWriter,
    ) -> None:
        self._sync = sync
        self._highlights = highlights
        self._locks = locks
        self._catalog = catalog
        self._profiles = profiles
        self._pull = pull
        self._writer = writer

    async def push(self, viewer: Viewer, work: OfflineWork) -> Pushed:
        """Apply the operations in the order given. A stale `after`, or a copy of the device, refuses all of them before the first."""
        if len(work.ops) > OPS_MOST:
            raise LimitExceeded(f"Send at most {OPS_MOST} operations at a time.", "ops")
        user_id = viewer.require()
        # Before the device is read: its chain of operations grows with each push.
        await self._locks.sync_counter(user_id)
        device = await self._pull.device(viewer, work.device_id)
        state = await self._sync.state(user_id)
        start = self._pull.start(user_id, state, device, work.after)
        if isinstance(start, ResyncReason) and start is not ResyncReason.SWITCHES_CHANGED:
            page = ChangePage((), work.after or "", has_more=False, epoch=state.epoch, resync=start)
            return Pushed((), page, None, _stale(start))
        batch = _Batch(viewer, device, state.epoch, work.sent_at, clock.now())
        results = await self._apply_all(batch, work)
        page, sent = await self._pull.page(viewer, device, work.after, None)
        return Pushed(tuple(results), page, sent)

    async def _apply_all(self, batch: "_Batch", work: OfflineWork) -> list[OpResult]:
        ops = work.ops
        known = dict(await self._sync.outcomes(batch.user_id, (op.op_id for op in ops)))
        await self._link(batch.device, work, known)
        ready = {op.op_id: _ready(batch, op) for op in ops if op.op_id not in known}
        refs = [op.change.draft.book for op in ready.values() if isinstance(op, Op) and isinstance(op.change, Create)]
        books = await self._catalog.resolve(batch.viewer, refs) if refs else {}
        defaults = Defaults(await self._profiles.default_visibility(batch.viewer))
        results: list[OpResult | None] = []
        for op in ops:
            if op.op_id in known:
                results.append(None)
                continue
            result = await self._apply(batch, ready[op.op_id], books, defaults)
            known[op.op_id] = await self._remember(batch, op, result)
            results.append(result)
        again = [(op, known[op.op_id]) for op, result in zip(ops, results, strict=True) if result is None]
        replayed = iter(await self._replay(batch, again))
        return [next(replayed) if result is None else result for result in results]

    async def _link(self, device: Device, work: OfflineWork, known: Collection[UUID]) -> None:
        """Hang the batch onto the device's chain of operations, or refuse what a copy of the device sends."""
        ids = [op.op_id for op in work.ops]
        link = chain.link(device.pushed_op_id, work.previous_op_id, ids, known)
        if link is chain.Link.BROKEN:
            raise Conflict(CLONED, "previousOpId")
        if link is chain.Link.GROWS and ids[-1] != device.pushed_op_id:
            await self._sync.note_pushed(device.id, ids[-1])

    async def _apply(
        self, batch: "_Batch", op: Op | _Refused, books: Mapping[BookRef, Book | AppError], defaults: Defaults
    ) -> OpResult:
        if isinstance(op, _Refused):
            return _rejected(op.op_id, op.problem)
        book = books.get(op.change.draft.book) if isinstance(op.change, Create) else None
        if isinstance(book, AppError):
            return _rejected(op.op_id, _below(book.problems[0], "change", "create", "book"))
        try:
            async with self._sync.savepoint():
                applied = await self._writer.apply(
                    batch.viewer,
                    op,
                    writer_id=batch.device.id,
                    device_id=batch.device.id,
                    book_id=book.id if book else None,
                    defaults=defaults,
                )
        except AppError as error:
            return _rejected(op.op_id, error.problems[0])
        return OpResult(op.op_id, applied.outcome, False, applied.highlight, applied.fork, None)  # noqa: FBT003

    async def _remember(self, batch: "_Batch", op: PushedOp, result: OpResult) -> SyncOutcome:
        problem = result.problem
        outcome = SyncOutcome(
            user_id=batch.user_id,
            op_id=op.op_id,
            device_id=batch.device.id,
            fingerprint=_mark(op),
            outcome=result.outcome,
            highlight_id=op.highlight_id,
            fork_id=result.fork.id if result.fork else None,
            error_code=problem.code.value if problem else None,
            error_message=problem.message if problem else None,
            error_field="/".join(problem.field or ()) if problem else None,
        )
        await self._sync.remember(outcome)
        return outcome

    async def _replay(self, batch: "_Batch", again: Sequence[tuple[PushedOp, SyncOutcome]]) -> list[OpResult]:
        ids = {key for _, known in again for key in (known.highlight_id, known.fork_id) if key is not None}
        rows = await self._highlights.visible(batch.viewer, ids) if ids else {}
        return [_replayed(op, known, rows) for op, known in again]


@dataclass(frozen=True, slots=True)
class _Batch:
    viewer: Viewer
    device: Device
    epoch: str
    sent_at: datetime
    now: datetime

    @property
    def user_id(self) -> UUID:
        return self.viewer.require()

    def time(self, op: PushedOp) -> datetime:
        return merge.corrected(op.done_at, self.sent_at, self.now)


def _stale(reason: ResyncReason) -> Problem:
    message = f"Nothing was applied: `after` is stale ({reason.value}). Pull as `changes.resync` says, then push again."
    return replace(StaleVersion(message).problems[0], field=("after",))


def _replayed(op: PushedOp, known: SyncOutcome, rows: Mapping[UUID, Highlight]) -> OpResult:
    if known.fingerprint != _mark(op):
        error = IdempotencyMismatch("This operation id was used for another operation. Use a new one.", "opId")
        return _rejected(op.op_id, error.problems[0])
    problem = None
    if known.error_code and known.error_message:
        field = tuple(known.error_field.split("/")) if known.error_field else None
        problem = Problem(known.error_message, ErrorCode(known.error_code), field)
    highlight = None if known.outcome is OpOutcome.REJECTED else rows.get(known.highlight_id)
    fork = rows.get(known.fork_id) if known.fork_id else None
    return OpResult(op.op_id, known.outcome, True, highlight, fork, problem)  # noqa: FBT003


def _rejected(op_id: UUID, problem: Problem) -> OpResult:
    return OpResult(op_id, OpOutcome.REJECTED, False, None, None, problem)  # noqa: FBT003


def _mark(op: PushedOp) -> bytes:
    """Hash what an operation does; its refusal stands in for a change that could not be read."""
    change = op.change.problems if isinstance(op.change, AppError) else op.change
    kind = type(op.change).__name__
    return fingerprint([str(op.highlight_id), op.done_at.isoformat(), op.based_on, kind, change])


def _ready(batch: _Batch, op: PushedOp) -> "Op | _Refused":
    """Check an operation before anything is done for the batch: no book is made for one that is refused."""
    kind = type(op.change).__name__.lower()
    try:
        based_on = read_version(op.based_on, batch.epoch)
        if isinstance(op.change, AppError):
            raise op.change
    except AppError as error:
        return _Refused(op.op_id, error.problems[0])
    try:
        if isinstance(op.change, Create):
            check_draft(op.change.draft)
        if isinstance(op.change, Edit):
            check_patch(op.change.patch)
    except AppError as error:
        return _Refused(op.op_id, _below(error.problems[0], "change", kind))
    return Op(op.op_id, op.highlight_id, batch.time(op), based_on, op.change)


def _below(problem: Problem, *path: str) -> Problem:
    return replace(problem, field=(*path, *(problem.field or ())))
