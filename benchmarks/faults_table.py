"""What a fault did to a part, and how it is told in a line of the table."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import report
from benchmarks.faults_load import DONE, REFUSED, UNKNOWN, Asked
from benchmarks.faults_world import Fault, Holdings, Part

FIRST_SECONDS, BACK_WITHIN = 5.0, 10.0
SERVED = 0.999
SLOW = (Fault.LATENCY, Fault.DRIP)
HOLDS_MORE = 8
"""So many tasks or descriptors more than before are chance, no leak."""
COLUMNS = {
    "part": 9,
    "fault": 11,
    "served": 9,
    "after 5s": 10,
    "answered": 10,
    "normal": 9,
    "hurt": 9,
    "hung": 6,
    "opened": 9,
    "back": 9,
    "jobs": 9,
    "left behind": 13,
    "wrong": 7,
}
LEGEND = (
    "served    done, of all that was asked during the fault; after 5s: of what was asked later than 5 s into it, or in its second half",
    "answered  of the same, done or refused within 5 s; without PostgreSQL nothing else can be asked for",
    "normal    p99 of what was done in the 3 s before; hurt: of what was asked during the fault, from 5 s on",
    "hung      requests that ended without an answer that says what became of them",
    "opened    when the first circuit breaker of the API opened; -: none had to",
    "back      from the end of the fault until the last request that was not done, or feed that was read without Valkey",
    "jobs      from the end of the fault until no entry waited longer than a second to be written into timelines",
    "left      tasks / descriptors / connections to PostgreSQL and Valkey that the API holds more than before; pools keep the latter",
    "wrong     writes lost, doubled or miscounted after all, and posts missing or doubled in three readers' whole feeds",
    f"!         what must work did not: served {SERVED:.1%} after 5 s (without PostgreSQL: answered; while it is slow: none hung),",
    f"          back within {BACK_WITHIN:.0f} s, nothing wrong, nothing left",
)


@dataclass(frozen=True)
class Cell:
    """What one fault did to one part."""

    part: Part
    fault: Fault
    normal: Sequence[Asked]
    first: Sequence[Asked]
    """What was asked in the first seconds of the fault."""
    then: Sequence[Asked]
    """And in the rest of it."""
    opened: float | None
    """Seconds until the first circuit breaker opened; None: none had to."""
    back: float
    """Seconds from the end of the fault until everything was done, and nothing read without Valkey, for good."""
    jobs: float
    """Seconds from there until fan-out had caught up."""
    left: Holdings
    wrong: Sequence[str]
    troubles: Sequence[tuple[str, int]]

    @property
    def is_well(self) -> bool:
        """Whether what must work did."""
        kept = max(self.left.tasks, self.left.descriptors) <= HOLDS_MORE
        return self._is_served and self.back <= BACK_WITHIN and not self.wrong and kept

    @property
    def _is_served(self) -> bool:
        """Whether it did meanwhile. Without PostgreSQL only clean refusals are asked for, and while it is slow, an answer at all."""
        if self.part is not Part.POSTGRES:
            return done(self.then) >= SERVED
        return self.hung == 0 if self.fault in SLOW else answered(self.then) >= SERVED

    @property
    def hung(self) -> int:
        """How many requests of the fault ended without an answer that says what became of them."""
        return sum(one.outcome == UNKNOWN for one in (*self.first, *self.then))

    @property
    def count(self) -> int:
        """How many requests there were until the fault ended."""
        return len(self.normal) + len(self.first) + len(self.then)

    def line(self) -> str:
        """Tell it in the table."""
        told = (
            self.part,
            self.fault,
            _share(done([*self.first, *self.then])),
            _share(done(self.then)),
            _share(answered(self.then)),
            _p99(self.normal),
            _p99(self.then),
            str(self.hung),
            "-" if self.opened is None else f"{self.opened:.1f} s",
            f"{self.back:.1f} s",
            f"{self.jobs:.1f} s",
            f"{self.left.tasks:+}/{self.left.descriptors:+}/{self.left.connections:+}",
            str(len(self.wrong)),
        )
        return row(told) + ("" if self.is_well else "  !")


def done(asked: Sequence[Asked]) -> float:
    """Tell the share that was done."""
    return sum(one.outcome == DONE for one in asked) / len(asked) if asked else float("nan")


def answered(asked: Sequence[Asked]) -> float:
    """Tell the share that was done, or refused within five seconds."""
    quick = sum(one.outcome == DONE or (one.outcome == REFUSED and one.seconds < FIRST_SECONDS) for one in asked)
    return quick / len(asked) if asked else float("nan")


def row(words: Sequence[str] = tuple(COLUMNS)) -> str:
    """Align words below the heads of their columns."""
    return "".join(word.rjust(width) for word, width in zip(words, COLUMNS.values(), strict=True))


def _share(share: float) -> str:
    return f"{share * 100:.2f}%"


def _p99(asked: Sequence[Asked]) -> str:
    return f"{report.quantile([one.seconds for one in asked if one.outcome == DONE], 0.99) * 1000:.0f} ms"
