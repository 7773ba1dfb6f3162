"""Play the state machine of highlight sync many times: devices, web, network and time against a plain model.

The same seed plays the same steps. What it finds ends the run, and the result says so.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Protocol

from benchmarks import report
from benchmarks.server import data_dir
from core import logging
from core.database import Database
from core.settings import LogLevel
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate
from tests.support.sync_machine import DECK, prove, staged


async def start(home: Path, *, valkey: bool = False) -> EmbeddedServers:
    """Start a PostgreSQL with our tables, and a Valkey if need be."""
    servers = await EmbeddedServers.start(home, valkey=valkey, durable=False)
    if servers.database_url is None:
        raise RuntimeError("The embedded PostgreSQL did not say where it answers.")
    database = Database(servers.database_url, pool_size=2)
    await migrate(database.engine)
    await database.close()
    return servers


class Counts(Protocol):
    """What counts the examples it plays."""

    counts: Counter[str]


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


def play(database_url: str, arguments: argparse.Namespace) -> tuple[Counter[str], float, str | None]:
    """Play; the steps counted, how long it took, and what was found."""
    began, found = time.monotonic(), None
    with staged(database_url) as stage:
        stage.on_example = Watch(stage, arguments.examples)
        try:
            prove(stage, examples=arguments.examples, steps=arguments.steps, seed_=arguments.seed)
        except AssertionError as error:
            found = "\n  ".join([str(error), "after", *stage.story])
    return stage.counts, time.monotonic() - began, found


def lines(arguments: argparse.Namespace, counts: Counter[str], seconds: float, found: str | None) -> list[str]:
    """Tell what was played, and what it showed."""
    acts = {name: counts[name] for name in DECK if counts[name]}
    return [
        *report.header(arguments.seed),
        "",
        f"played    {counts['example']} examples of {arguments.steps} steps in {seconds:.0f} s, 3 devices and the web",
        f"steps     {sum(acts.values()):,} that had an effect",
        f"compared  the server with the model {counts['check']:,} times, all devices {counts['settle']:,} times",
        f"found     {found or 'nothing: 0 lost, 0 doubled, 0 diverged, 0 resurrected'}",
        "",
        *(f"  {count:6,}  {name}" for name, count in acts.items()),
    ]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=1_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    logging.set_up(LogLevel.ERROR)
    report.progress(f"{arguments.examples} examples of {arguments.steps} steps, seed {arguments.seed}")
    loop = asyncio.new_event_loop()
    with data_dir() as home:
        servers = loop.run_until_complete(start(home))
        try:
            counts, seconds, found = play(servers.database_url or "", arguments)
        finally:
            loop.run_until_complete(servers.stop())
    report.write("sync-machine", lines(arguments, counts, seconds, found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
