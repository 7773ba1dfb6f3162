"""What is drawn: how much of everything, from which seed, up to which moment."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from core.database import Base

SPAN = timedelta(days=60)
"""How far back anything was done; the accounts are older."""
ACCOUNTS = timedelta(days=600)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANDOM_BITS = 74
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Plan:
    """One data set; equal plans make equal rows."""

    seed: int
    until: datetime
    pull_above: int
    """An author with more followers than this is not written into timelines."""
    public_from: int
    """A book without ISBN is public from so many holders on."""
    scale: float = 1.0

    def count(self, full: int) -> int:
        """Tell how many there are of what there are so many of at full scale."""
        return max(1, round(full * self.scale))

    def random(self, part: str) -> Random:
        """Make a part's own source of chance, so that a change to one part leaves the others as they were."""
        return Random(f"{self.seed}/{part}")  # noqa: S311 - a game of dice, no secret

    def moment(self, chance: Random, since: datetime | None = None) -> datetime:
        """Draw a moment of the span; of what answers something earlier, sooner more often than later."""
        if since is None:
            return self.until - SPAN * (1 - chance.random())
        return since + (self.until - since) * chance.random() ** 4


@dataclass(frozen=True)
class Load:
    """The rows of one table, made as they are taken."""

    model: type[Base]
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    count: int


def listed(model: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Load:
    """Make a load of rows that are few enough to count."""
    held = list(rows)
    return Load(model, columns, held, len(held))


def key_at(chance: Random, at: datetime) -> UUID:
    """Make the UUIDv7 of a moment."""
    bits = chance.getrandbits(_RANDOM_BITS)
    milliseconds = (at - _EPOCH) // _MILLISECOND
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0x2 << 62 | bits & (1 << 62) - 1)


class Lots:
    """Draw from the first n numbers, the lower ones more often: number r has the weight 1 / (r + offset) ** steepness."""

    def __init__(self, n: int, *, steepness: float, offset: float = 1.0) -> None:
        self._numbers = range(n)
        self._sums = list(itertools.accumulate((r + offset) ** -steepness for r in self._numbers))

    def draw(self, chance: Random, count: int) -> list[int]:
        """Draw so many, some more than once."""
        return chance.choices(self._numbers, cum_weights=self._sums, k=count)

    def distinct(self, chance: Random, count: int, but: int | None = None) -> list[int]:
        """Draw so many different ones, or all there are; never `but`."""
        count = min(count, len(self._numbers) - (but is not None))
        found: dict[int, None] = {}
        while len(found) < count:
            found |= dict.fromkeys(self.draw(chance, count - len(found)))
            if but is not None:
                found.pop(but, None)
        return list(found)

    def spread(self, chance: Random, count: int) -> list[int]:
        """Deal out so many; how many each number got."""
        dealt = [0] * len(self._numbers)
        for number in self.draw(chance, count):
            dealt[number] += 1
        return dealt


def shuffled(chance: Random, n: int) -> list[int]:
    """Put the first n numbers in some order."""
    numbers = list(range(n))
    chance.shuffle(numbers)
    return numbers
