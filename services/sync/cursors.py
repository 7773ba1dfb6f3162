"""Pull cursors and versions: opaque to clients, read only here.

A cursor is (owner, epoch, base, seq). `base` is the owner's counter when the run of pulls began at nothing; a purged
tombstone below it cannot have been missed. A version is (epoch, seq): what an edit says it was based on.
"""

from dataclasses import dataclass
from uuid import UUID

from core import opaque
from core.errors import Invalid
from models.sync import ResyncReason
from repositories.sync import SyncState

_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a run of pulls has come."""

    epoch: str
    base: int
    seq: int

    def spell(self, user_id: UUID) -> str:
        """Write the cursor for its owner."""
        return opaque.pack("sync", _tag(user_id), self.epoch, self.base, self.seq)


def read_cursor(text: str, user_id: UUID, state: SyncState) -> Cursor | ResyncReason:
    """Read a cursor, or tell why pulling has to begin anew."""
    parts = opaque.unpack("sync", text, 4)
    if parts is None or parts[0] != _tag(user_id) or not all(_is_seq(part) for part in parts[2:]):
        return ResyncReason.CURSOR_INVALID
    cursor = Cursor(str(parts[1]), parts[2], parts[3])
    if cursor.epoch != state.epoch or max(cursor.seq, cursor.base) > state.seq:
        return ResyncReason.EPOCH_CHANGED
    if state.floor > max(cursor.base, cursor.seq):
        return ResyncReason.CURSOR_TOO_OLD
    return cursor


def place_of(text: str | None) -> int:
    """Tell after which number a cursor reads, before it is known whether it is still good; nothing is after what is no cursor."""
    if text is None:
        return 0
    parts = opaque.unpack("sync", text, 4)
    return parts[3] if parts is not None and _is_seq(parts[3]) else _LAST


def version(epoch: str, seq: int) -> str:
    """Spell the version of a highlight."""
    return opaque.pack("v", epoch, seq)


def read_version(text: str | None, epoch: str, *field: str) -> int | None:
    """Read what an edit was based on; None for nothing and for another epoch's. Raise Invalid for what is no version."""
    if text is None:
        return None
    parts = opaque.unpack("v", text, 2)
    if parts is None or not _is_seq(parts[1]):
        raise Invalid("`basedOn` is not a version: take it from `Highlight.version`.", *(field or ("basedOn",)))
    return parts[1] if parts[0] == epoch else None


def _is_seq(part: object) -> bool:
    return isinstance(part, int) and not isinstance(part, bool) and 0 <= part < 2**63


def _tag(user_id: UUID) -> str:
    return user_id.hex[-12:]
