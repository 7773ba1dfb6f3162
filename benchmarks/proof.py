"""What the proofs share: their arguments, servers to play with, a sign of life, and what is known to be bad."""

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from benchmarks import report
from benchmarks.server import data_dir
from core import logging
from core.database import Database
from core.settings import LogLevel
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate


class Counts(Protocol):
    """What counts the examples it plays."""

    counts: Counter[str]


Variant = TypeVar("Variant")


@dataclass(frozen=True)
class Play:
    """What was played, and what came of it."""

    stage: Any
    """The `Stage` of the machine that was played."""
    seconds: float
    found: str | None


class Watch:
    """Shows that something happens."""

    def __init__(self, stage: Counts, examples: int) -> None:
        self._stage = stage
        self._examples = examples
        self._began = time.monotonic()

    def __call__(self) -> None:
        """Note that an example begins."""
        done = self._stage.counts["example"] - 1
        if done and done % 25 == 0:
            spent = time.monotonic() - self._began
            left = spent / done * (self._examples - done)
            report.progress(f"  {done:5} of {self._examples} examples, {spent:5.0f} s, about {left:.0f} s to go")


def chosen(description: str | None, *, examples: int, steps: int) -> argparse.Namespace:
    """Read the command line, and say what is going to be played."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--examples", type=int, default=examples)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    logging.set_up(LogLevel.ERROR)
    report.progress(f"{arguments.examples} examples of {arguments.steps} steps, seed {arguments.seed}")
    return arguments


@contextmanager
def servers(*, valkey: bool = False) -> Iterator[tuple[str, str]]:
    """Run a PostgreSQL with our tables, and a Valkey if need be, for the block; their addresses."""
    loop = asyncio.new_event_loop()
    with data_dir() as home:
        started = loop.run_until_complete(EmbeddedServers.start(home, valkey=valkey, durable=False))
        try:
            if started.database_url is None:
                raise RuntimeError("The embedded PostgreSQL did not say where it answers.")
            loop.run_until_complete(_migrated(started.database_url))
            yield started.database_url, started.redis_url or ""
        finally:
            loop.run_until_complete(started.stop())
            loop.close()


async def _migrated(database_url: str) -> None:
    database = Database(database_url, pool_size=2)
    await migrate(database.engine)
    await database.close()


def played(stage: Any, examples: int, prove: Callable[[], None], wrong: type[AssertionError]) -> Play:
    """Play on a stage, with signs of life; keep what is found, with its story."""
    began, found = time.monotonic(), None
    stage.on_example = Watch(stage, examples)
    try:
        prove()
    except wrong as error:
        found = "\n  ".join([str(error), *getattr(error, "__notes__", [])])
    return Play(stage, time.monotonic() - began, found)


def each_noticed(variants: Iterable[Variant], play: Callable[[Variant], Play]) -> list[tuple[Variant, Play]]:
    """Play against each of those that are known to be bad."""
    bad = []
    for variant in variants:
        bad.append((variant, play(variant)))
        report.progress(f"{variant}: {'noticed' if bad[-1][1].found else 'NOT NOTICED'}")
    return bad


def told(bad: Iterable[tuple[object, Play]], example: Callable[[Any], int]) -> Iterator[str]:
    """Tell when each that is known to be bad was noticed, and by what."""
    yield "known to be bad, and when it was noticed"
    for variant, one in bad:
        what = (one.found or "").partition("\n")[0].strip()
        noticed = f"in example {example(one.stage):3}: {what}" if one.found else "NOT NOTICED"
        yield f"  {variant!s:<60} {noticed}"
