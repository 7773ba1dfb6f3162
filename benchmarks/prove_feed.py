"""Play the state machine of home feeds many times, and let it notice each server that is known to be bad.

The same seed draws the same steps. What it finds in ours ends the run, and the result says so; so does a bad one that it does not notice.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from benchmarks import report
from benchmarks.prove_sync import Watch, start
from benchmarks.server import data_dir
from core import logging
from core.settings import LogLevel
from tests.support.feed_bad import EASY, HARD, Variant
from tests.support.feed_check import WrongFeed
from tests.support.feed_machine import DECK, Stage, prove, staged
from tests.support.feed_people import NAMES
from tests.support.feed_server import CHUNK, LENGTH, THRESHOLD

LOOKED = (
    "pages: exact",
    "pages: jobs wait",
    "pages: without Valkey",
    "pages: workers away",
    "pages read in the middle of something",
    "feeds read",
    "came back after long",
    "settle",
)


@dataclass(frozen=True)
class Play:
    """What was played, and what came of it."""

    stage: Stage
    seconds: float
    found: str | None


def play(urls: tuple[str, str], arguments: argparse.Namespace, variant: Variant | None = None) -> Play:
    """Play against our server, or against one that is known to be bad."""
    began, found = time.monotonic(), None
    with variant.in_place() if variant else nullcontext(), staged(urls) as stage:
        examples = variant.examples if variant else arguments.examples
        stage.on_example = Watch(stage, examples)
        try:
            prove(stage, examples=examples, steps=arguments.steps, seed_=arguments.seed)
        except WrongFeed as error:
            found = "\n  ".join([str(error), *getattr(error, "__notes__", [])])
    return Play(stage, time.monotonic() - began, found)


def lines(arguments: argparse.Namespace, ours: Play, bad: Sequence[tuple[Variant, Play]]) -> Iterator[str]:
    """Tell what was played, and what it showed."""
    counts = ours.stage.counts
    acts = {name: counts[name] for name in DECK if counts[name]}
    held = {name: count for name, count in sorted(counts.items()) if name.startswith("held: ")}
    yield from report.header(arguments.seed)
    yield ""
    yield f"played    {counts['example']} examples of {arguments.steps} steps in {ours.seconds:.0f} s: {len(NAMES)} readers,"
    yield f"          timelines of {LENGTH} entries, pull above {THRESHOLD} followers, {CHUNK} followers a job"
    yield f"steps     {sum(acts.values()):,} that had an effect"
    yield f"found     {ours.found or 'nothing: 0 missing, 0 extra, 0 doubled, 0 out of place'}"
    yield ""
    yield "looked at"
    yield from (f"  {counts[name]:6,}  {name}" for name in LOOKED)
    yield from (f"  {count:6,}  {name}" for name, count in held.items())
    yield ""
    yield "steps"
    yield from (f"  {count:6,}  {name}" for name, count in acts.items())
    yield ""
    yield "known to be bad, and when it was noticed"
    for variant, one in bad:
        told = (one.found or "").partition("\n")[0].strip()
        noticed = f"in example {one.stage.found_in:3}: {told}" if one.found else "NOT NOTICED"
        yield f"  {variant.name:<48} {noticed}"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    logging.set_up(LogLevel.ERROR)
    report.progress(f"{arguments.examples} examples of {arguments.steps} steps, seed {arguments.seed}")
    loop = asyncio.new_event_loop()
    with data_dir() as home:
        servers = loop.run_until_complete(start(home, valkey=True))
        urls = servers.database_url or "", servers.redis_url or ""
        try:
            ours = play(urls, arguments)
            bad = []
            for variant in (*EASY, *HARD):
                bad.append((variant, play(urls, arguments, variant)))
                report.progress(f"{variant}: {'noticed' if bad[-1][1].found else 'NOT NOTICED'}")
        finally:
            loop.run_until_complete(servers.stop())
    report.write("prove_feed", lines(arguments, ours, bad))
    return 1 if ours.found or not all(one.found for _, one in bad) else 0


if __name__ == "__main__":
    sys.exit(main())
