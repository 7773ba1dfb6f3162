"""Tell a device from its copies by the chain of what they have sent: pure rules, no I/O.

Each operation has an id that only its maker, and copies of it made later, can know. A device tells the last operation whose
outcome it was told, and sends what came after it, in order; so whoever does not know the last operation that was taken from
this device is a copy made before it, or the original of a copy that went on.
"""

from collections.abc import Collection, Sequence
from enum import Enum
from uuid import UUID


class Link(Enum):
    """How a batch stands to the chain of its device."""

    GROWS = "grows"
    """It goes on where the chain ends; its last operation is the new end."""
    LATE = "late"
    """All of it was taken before, and the chain has gone on since: only outcomes are to be told again."""
    BROKEN = "broken"
    """It has new operations, and its sender does not know the end of the chain."""


def link(end: UUID | None, previous: UUID | None, ops: Sequence[UUID], known: Collection[UUID]) -> Link:
    """Hang a batch onto a chain that ends in `end`; `known` are those of its operations that were taken before.

    Knowing the end is having it in the batch, or right before it. Where outcomes were forgotten for their age, a repeat of them
    is new but for its end, and passes. A sender without a previous operation is not checked, and moves the end when it brings new ones.
    """
    if end is not None and ops and (end == previous or end in ops):
        return Link.GROWS
    if all(op in known for op in ops):
        return Link.LATE
    return Link.GROWS if end is None or previous is None else Link.BROKEN
