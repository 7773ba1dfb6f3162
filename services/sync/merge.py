"""Who wins when edits were made apart: pure rules, no I/O.

A highlight has five registers, each stamped with the sequence number, time and writer of its last edit. The server is the only arbiter and
has a total order per reader, so no hybrid clock is needed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from uuid import UUID, uuid5

from models.profiles import Visibility

FORKS = UUID("5d1c4b0a-6f0e-4c63-9f2a-0d6a5b7c1e42")
"""The namespace of forks' ids: a fork's id follows from the operation's, so that the operation is idempotent by itself."""


class Register(StrEnum):
    """What is merged by itself."""

    PASSAGE = "passage"
    NOTE = "note"
    COLOR = "color"
    VISIBILITY = "visibility"
    LIFE = "life"


class Verdict(Enum):
    """How an edit stands against what is there."""

    WINS = "wins"
    LOSES = "loses"
    TIES = "ties"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A register's last edit: when in the reader's order, at what time, by whom."""

    seq: int
    at: datetime
    writer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Hand:
    """Who edits, at what corrected time, and what they were looking at (a sequence number; None: nothing of this epoch)."""

    writer_id: UUID | None
    at: datetime
    based_on: int | None


def judge(standing: Stamp, hand: Hand) -> Verdict:
    """Decide whether an edit of a register wins.

    It does when its maker had seen what stands there, or made it; otherwise the two are concurrent and the later time wins.
    """
    if hand.writer_id is not None and standing.writer_id == hand.writer_id:
        return Verdict.WINS
    if hand.based_on is not None and standing.seq <= hand.based_on:
        return Verdict.WINS
    if hand.at == standing.at:
        return Verdict.TIES
    return Verdict.WINS if hand.at > standing.at else Verdict.LOSES


def color_tie(standing: Stamp, hand: Hand) -> Verdict:
    """Break a tie of colours: the higher device id wins, so that the order of arrival does not matter."""
    return Verdict.WINS if str(hand.writer_id or "") > str(standing.writer_id or "") else Verdict.LOSES


def visibility_tie(standing: Visibility, asked: Visibility) -> Verdict:
    """Break a tie of visibilities: the stricter one wins."""
    return Verdict.WINS if asked.openness < standing.openness else Verdict.LOSES


def corrected(done_at: datetime, sent_at: datetime, now: datetime) -> datetime:
    """Correct a device's time of doing by the error its clock had at sending; never later than now."""
    try:
        return min(now, done_at + (now - sent_at))
    except OverflowError:
        return min(now, done_at)


def fork_id(op_id: UUID) -> UUID:
    """Name the copy that an operation leaves when it cannot be ordered."""
    return uuid5(FORKS, str(op_id))


def restorable_until(moment: datetime, days: int) -> datetime:
    """Tell until when a delete, or a late edit to what was deleted, can be undone."""
    return moment + timedelta(days=days)
