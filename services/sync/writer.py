"""Apply one operation to one highlight: the only code that changes highlights."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Conflict, Gone, NotFound
from core.events import Event, HighlightsChanged
from core.unset import UNSET
from models import Highlight
from models.highlights import HighlightColor
from models.profiles import Visibility
from models.sync import OpOutcome
from repositories.highlights import ID_TAKEN, HighlightRepository
from repositories.sync import SyncRepository
from services.sync import merge
from services.sync.drafts import Create, Edit, HighlightDraft, HighlightPatch, Op, Passage, Restore
from services.sync.merge import Hand, Register, Stamp, Verdict

NO_HIGHLIGHT = "There is no such highlight."


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an operation, and the rows it left."""

    outcome: OpOutcome
    highlight: Highlight | None = None
    fork: Highlight | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a reader's new highlights are like where the draft does not say."""

    visibility: Visibility


@dataclass(frozen=True, slots=True)
class _Turn:
    user_id: UUID
    op: Op
    hand: Hand
    device_id: UUID | None


class HighlightWriter:
    """Apply operations of one viewer in one transaction; the viewer's counter must be locked first."""

    def __init__(
        self, highlights: HighlightRepository, sync: SyncRepository, events: list[Event], *, undo_days: int
    ) -> None:
        self._highlights = highlights
        self._sync = sync
        self._events = events
        self._undo_days = undo_days

    async def apply(
        self,
        viewer: Viewer,
        op: Op,
        *,
        writer_id: UUID | None,
        device_id: UUID | None,
        book_id: UUID | None,
        defaults: Defaults,
    ) -> Applied:
        """Apply an operation. `book_id` is the resolved book of a create. Raise AppError for what is refused."""
        turn = _Turn(viewer.require(), op, Hand(writer_id, op.at, op.based_on), device_id)
        row = await self._highlights.known(op.highlight_id)
        if row is not None and row.user_id != turn.user_id:
            raise Conflict(ID_TAKEN, "highlightUuid")
        if isinstance(op.change, Create):
            if row is None:
                return await self._create(turn, op.change.draft, book_id, defaults)
            return await self._create_known(turn, row, op.change.draft)
        if isinstance(op.change, Edit):
            return await self._edit_known(turn, row, op.change.patch)
        if isinstance(op.change, Restore):
            return await self._restore(turn, row)
        return await self._live(turn, row, alive=False) if row else Applied(OpOutcome.APPLIED)

    async def _create(self, turn: _Turn, draft: HighlightDraft, book_id: UUID | None, defaults: Defaults) -> Applied:
        if book_id is None:
            raise NotFound("There is no such book.", "book")
        row = Highlight(
            id=turn.op.highlight_id,
            user_id=turn.user_id,
            book_id=book_id,
            note=draft.note or None,
            color=HighlightColor(draft.color) if draft.color else HighlightColor.YELLOW,
            visibility=Visibility(draft.visibility) if draft.visibility else defaults.visibility,
            created_at=min(draft.created_at or turn.op.at, clock.now()),
            conflict_of=draft.conflict_of,
        )
        _set_passage(row, draft.passage)
        return Applied(OpOutcome.APPLIED, await self._insert(turn, row, draft.updated_at))

    async def _create_known(self, turn: _Turn, row: Highlight, draft: HighlightDraft) -> Applied:
        if row.deleted_at is not None:
            return Applied(OpOutcome.SUPERSEDED, None if row.erased_at else row)
        # What a create leaves out is no edit: a device that takes no notes offers its highlights without them.
        note = UNSET if draft.note is None else draft.note
        patch = HighlightPatch(draft.passage, note, draft.color or UNSET, draft.visibility or UNSET)
        return await self._edit(turn, row, patch)

    async def _edit_known(self, turn: _Turn, row: Highlight | None, patch: HighlightPatch) -> Applied:
        if row is None:
            raise NotFound(NO_HIGHLIGHT)
        if row.erased_at is None:
            return await self._edit(turn, row, patch)
        if patch.passage is UNSET:
            raise Gone("This highlight was deleted and erased. Send the passage too, and it is kept as a new one.")
        return Applied(OpOutcome.FORKED, None, _unless_erased(await self._fork(turn, row, patch)))

    async def _restore(self, turn: _Turn, row: Highlight | None) -> Applied:
        if row is None:
            raise NotFound(NO_HIGHLIGHT)
        if row.erased_at is not None:
            raise Gone("This highlight was deleted too long ago to be restored.")
        return await self._live(turn, row, alive=True)

    async def _insert(self, turn: _Turn, row: Highlight, updated_at: datetime | None = None) -> Highlight:
        seq = await self._advance(turn, row)
        if updated_at is not None:
            row.updated_at = max(row.created_at, min(updated_at, row.updated_at))
        for register in Register:
            _stamp(row, register, Stamp(seq, turn.hand.at, turn.hand.writer_id))
        return await self._highlights.add(row)

    async def _edit(self, turn: _Turn, row: Highlight, patch: HighlightPatch) -> Applied:
        verdicts = _verdicts(row, turn.hand, patch)
        won = [register for register, verdict in verdicts.items() if verdict is Verdict.WINS]
        # The fork comes first: it may be refused, and is a copy of what stood here before this edit.
        fork = await self._fork(turn, row, patch) if Verdict.TIES in verdicts.values() else None
        for register in [register for register, verdict in verdicts.items() if verdict is None]:
            _agree(row, register, turn.hand)
        if won:
            seq = await self._advance(turn, row)
            for register in won:
                _write(row, register, patch)
                _stamp(row, register, Stamp(seq, turn.hand.at, turn.hand.writer_id))
            if row.deleted_at is not None:
                row.restorable_until = merge.restorable_until(row.updated_at, self._undo_days)
        await self._highlights.save()
        return Applied(_outcome(verdicts, row, forked=fork is not None), row, _unless_erased(fork))

    async def _fork(self, turn: _Turn, row: Highlight, patch: HighlightPatch) -> Highlight:
        fork_id = merge.fork_id(turn.op.op_id)
        known = await self._highlights.known(fork_id)
        if known is not None and known.user_id != turn.user_id:
            raise Conflict("This operation id was used by another reader. Choose a new one.", "opId")
        if known is not None:
            return known
        made_at = min(turn.hand.at, clock.now())
        copy = Highlight(id=fork_id, user_id=turn.user_id, book_id=row.book_id, conflict_of=row.id, created_at=made_at)
        for name in _PASSAGE_COLUMNS:
            setattr(copy, name, getattr(row, name))
        copy.note, copy.color, copy.visibility = row.note, row.color, row.visibility
        for register in _touched(patch):
            _write(copy, register, patch)
        return await self._insert(turn, copy)

    async def _live(self, turn: _Turn, row: Highlight, *, alive: bool) -> Applied:
        if alive == (row.deleted_at is None):
            _agree(row, Register.LIFE, turn.hand)
            await self._highlights.save()
            return Applied(OpOutcome.APPLIED, None if row.erased_at else row)
        verdict = merge.judge(_read(row, Register.LIFE), turn.hand)
        if verdict is Verdict.LOSES or (verdict is Verdict.TIES and not alive):
            return Applied(OpOutcome.SUPERSEDED, row)
        seq = await self._advance(turn, row)
        row.deleted_at = None if alive else row.updated_at
        row.restorable_until = None if alive else merge.restorable_until(row.updated_at, self._undo_days)
        _stamp(row, Register.LIFE, Stamp(seq, turn.hand.at, turn.hand.writer_id))
        await self._highlights.save()
        return Applied(OpOutcome.APPLIED, row)

    async def _advance(self, turn: _Turn, row: Highlight) -> int:
        row.seq = await self._sync.next_seq(turn.user_id)
        row.updated_at = clock.now()
        row.origin_device_id = turn.device_id
        self._events.append(HighlightsChanged(turn.user_id))
        return row.seq


_PASSAGE_COLUMNS = ("text", "location_start", "location_end", "prefix", "suffix", "cfi", "page", "percent")


def _unless_erased(row: Highlight | None) -> Highlight | None:
    return None if row is None or row.erased_at is not None else row


def _touched(patch: HighlightPatch) -> list[Register]:
    parts = {
        Register.PASSAGE: patch.passage,
        Register.NOTE: patch.note,
        Register.COLOR: patch.color,
        Register.VISIBILITY: patch.visibility,
    }
    return [register for register, part in parts.items() if part is not UNSET]


def _verdicts(row: Highlight, hand: Hand, patch: HighlightPatch) -> dict[Register, Verdict | None]:
    """Judge each edited register; None where the edit says what stands there already."""
    verdicts: dict[Register, Verdict | None] = {}
    for register in _touched(patch):
        standing = _read(row, register)
        if _says_the_same(row, register, patch):
            verdicts[register] = None
            continue
        verdict = merge.judge(standing, hand)
        if verdict is Verdict.TIES and register is Register.COLOR:
            verdict = merge.color_tie(standing, hand)
        if verdict is Verdict.TIES and register is Register.VISIBILITY and patch.visibility is not UNSET:
            verdict = merge.visibility_tie(row.visibility, Visibility(patch.visibility))
        verdicts[register] = verdict
    return verdicts


def _outcome(verdicts: dict[Register, Verdict | None], row: Highlight, *, forked: bool) -> OpOutcome:
    if forked:
        return OpOutcome.FORKED
    lost = [verdict for verdict in verdicts.values() if verdict is Verdict.LOSES]
    if verdicts and len(lost) == len(verdicts):
        return OpOutcome.SUPERSEDED
    return OpOutcome.MERGED if lost or row.deleted_at is not None else OpOutcome.APPLIED


def _says_the_same(row: Highlight, register: Register, patch: HighlightPatch) -> bool:
    if register is Register.PASSAGE:
        return patch.passage is not UNSET and _passage_values(patch.passage) == {
            name: getattr(row, name) for name in _PASSAGE_COLUMNS
        }
    if register is Register.NOTE:
        return (patch.note or None) == row.note
    return bool(getattr(patch, register.value) == getattr(row, register.value))


def _passage_values(passage: Passage) -> dict[str, object]:
    return {"text": passage.text} | {name: getattr(passage.anchor, name) for name in _PASSAGE_COLUMNS[1:]}


def _set_passage(row: Highlight, passage: Passage) -> None:
    for name, value in _passage_values(passage).items():
        setattr(row, name, value)


def _write(row: Highlight, register: Register, patch: HighlightPatch) -> None:
    if patch.passage is not UNSET and register is Register.PASSAGE:
        _set_passage(row, patch.passage)
    elif patch.note is not UNSET and register is Register.NOTE:
        row.note = patch.note or None
    elif patch.color is not UNSET and register is Register.COLOR:
        row.color = HighlightColor(patch.color)
    elif patch.visibility is not UNSET and register is Register.VISIBILITY:
        row.visibility = Visibility(patch.visibility)


def _read(row: Highlight, register: Register) -> Stamp:
    name = register.value
    at: datetime = getattr(row, f"{name}_at")
    return Stamp(getattr(row, f"{name}_seq"), at, getattr(row, f"{name}_device_id"))


def _stamp(row: Highlight, register: Register, stamp: Stamp) -> None:
    name = register.value
    setattr(row, f"{name}_seq", stamp.seq)
    setattr(row, f"{name}_at", stamp.at)
    setattr(row, f"{name}_device_id", stamp.writer_id)


def _agree(row: Highlight, register: Register, hand: Hand) -> None:
    """Let an edit that says what stands there keep the later time, or at the same time the higher writer, which breaks ties.

    Nobody has anything new to pull, so the sequence number stays.
    """
    standing = _read(row, register)
    if (hand.at, str(hand.writer_id or "")) > (standing.at, str(standing.writer_id or "")):
        _stamp(row, register, Stamp(standing.seq, hand.at, hand.writer_id))
