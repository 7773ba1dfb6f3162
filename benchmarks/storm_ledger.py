"""What everybody asked for in a storm, and what they were told: kept outside the system that is tested.

Words and notes are each said once in a run, so that what is found names who said it.
"""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

UNKNOWN = "UNKNOWN"
REFUSED = "REJECTED"
WON = frozenset({"APPLIED", "MERGED"})
"""Outcomes of operations of which something took effect."""
TOLD = frozenset({*WON, "SUPERSEDED", "FORKED", "REJECTED"})


@dataclass(eq=False)
class Asked:
    """One operation, as its maker knows it."""

    key: str
    """The operation's id, or of a web client the idempotency key."""
    user: str
    writer: str
    """Who is asked for in the merge: a device's id; of a web client its session, which clients do not know."""
    kind: str
    highlight: str
    says: dict[str, Any]
    """Register to value: `text`, `note`, `color`, `visibility`, `alive`."""
    based_on: str | None
    at: float
    """When it was done, by a clock that is right."""
    known_offset: bool = True
    """Whether the server could correct its time: the device's clock was not changed before it was sent."""
    outcome: str = UNKNOWN
    why: str = ""
    fork: str | None = None
    told_at: float = 0.0
    tries: int = 0

    @property
    def is_acked(self) -> bool:
        """Whether its maker was told that it has been taken."""
        return self.outcome in TOLD - {REFUSED}


@dataclass
class Ledger:
    """All operations of a run, in the order made; written down line by line where a file is given."""

    asked: dict[str, Asked] = field(default_factory=dict)
    file: IO[bytes] | None = None
    surprises: list[str] = field(default_factory=list)
    """What contradicts itself while it is written down: two outcomes of one operation, say."""
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def unique(self) -> int:
        """Number the next thing said."""
        return next(self._count)

    def invoke(self, asked: Asked) -> Asked:
        """Note an operation before it can have any effect."""
        self.asked[asked.key] = asked
        self._write({"asked": asdict(asked)})
        return asked

    def tell(self, key: str, outcome: str, *, why: str = "", fork: str | None = None) -> None:
        """Note an answer; the first counts, and a later one has to be the same."""
        asked = self.asked.get(key)
        self._write({"told": key, "outcome": outcome, "why": why, "fork": fork})
        if asked is None:
            self.surprises.append(f"an outcome of an operation that nobody asked for: {key} {outcome}")
        elif asked.outcome == UNKNOWN:
            asked.outcome, asked.why, asked.fork, asked.told_at = outcome, why, fork, time.time()
        elif asked.outcome != outcome:
            self.surprises.append(f"two outcomes of {key}: {asked.outcome}, then {outcome} ({why})")

    def counts(self) -> Counter[tuple[str, str]]:
        """Count operations by kind and outcome."""
        return Counter((asked.kind, asked.outcome) for asked in self.asked.values())

    def _write(self, line: dict[str, Any]) -> None:
        if self.file is not None:
            self.file.write(orjson.dumps({"time": time.time(), **line}) + b"\n")


def open_ledger(path: Path) -> Ledger:
    """Make a ledger that is also written to a file."""
    return Ledger(file=path.open("ab"))
