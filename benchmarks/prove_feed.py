"""Play the state machine of home feeds many times, and let it notice each server that is known to be bad.

The same seed draws the same steps. What it finds in ours ends the run, and the result says so; so does a bad one that it does not notice.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial

from benchmarks import report
from benchmarks.proof import Play, chosen, each_noticed, played, servers, told
from tests.support.feed_bad import EASY, HARD, Variant
from tests.support.feed_check import WrongFeed
from tests.support.feed_machine import DECK, prove, staged
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


def play(urls: tuple[str, str], arguments: argparse.Namespace, variant: Variant | None = None) -> Play:
    """Play against our server, or against one that is known to be bad."""
    examples = variant.examples if variant else arguments.examples
    with variant.in_place() if variant else nullcontext(), staged(urls) as stage:
        proof = partial(prove, stage, examples=examples, steps=arguments.steps, seed_=arguments.seed)
        return played(stage, examples, proof, WrongFeed)


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
    yield from told(bad, lambda stage: stage.found_in)


def main() -> int:
    """Run from the command line."""
    arguments = chosen(__doc__, examples=300, steps=40)
    with servers(valkey=True) as urls:
        ours = play(urls, arguments)
        bad = each_noticed((*EASY, *HARD), partial(play, urls, arguments))
    report.write("prove_feed", lines(arguments, ours, bad))
    return 1 if ours.found or not all(one.found for _, one in bad) else 0


if __name__ == "__main__":
    sys.exit(main())
