"""What a device asks of its server, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from device.store import Json, Op, Told

OPS_MOST = 100
PAGE = 500


@dataclass(frozen=True)
class Position:
    """Where a device stands: how far it has pulled, in which run of pulls."""

    generation: int
    cursor: str | None


@dataclass(frozen=True)
class PushRequest:
    """Some operations to send, and where the device stood."""

    position: Position
    ops: tuple[Op, ...]
    device_id: str
    sent_at: datetime
    previous_op_id: str | None

    @property
    def variables(self) -> Json:
        """The variables of the mutation."""
        sent = {
            "deviceId": self.device_id,
            "after": self.position.cursor,
            "previousOpId": self.previous_op_id,
            "sentAt": self.sent_at.isoformat(),
            "ops": [_op_input(op) for op in self.ops],
        }
        return {"input": sent}


@dataclass(frozen=True)
class PullRequest:
    """A page to ask for, and where the device stood."""

    position: Position
    device_id: str
    first: int = PAGE

    @property
    def variables(self) -> Json:
        """The variables of the query."""
        return {"deviceId": self.device_id, "after": self.position.cursor, "first": self.first}


@dataclass(frozen=True)
class Taken:
    """What an answer, a page or an event did here."""

    taken: bool
    """False: the device has moved on since it was asked for; nothing was done."""
    changes: Sequence[Json] = ()
    """The changes that were applied."""
    told: Sequence[Told] = ()
    """The outcomes that arrived."""
    has_more: bool = False
    resync: str | None = None
    """Why pulling begins anew from here."""
    copied: bool = False
    """A copy of this device has pushed: ask for an identity of its own, then push again."""


IGNORED = Taken(taken=False)


def _op_input(op: Op) -> Json:
    return {
        "opId": op.op_id,
        "highlightUuid": op.uuid,
        "doneAt": op.done_at,
        "basedOn": op.based_on,
        "change": op.change,
    }
