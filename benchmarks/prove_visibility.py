"""Play the state machine of who may see what many times, and let it notice each predicate that is known to be bad.

The same seed plays the same steps. What it finds in ours ends the run, and the result says so; so does a bad one that it does not notice.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial

from benchmarks import report
from benchmarks.proof import Play, chosen, each_noticed, played, servers, told
from tests.support.who_sees_what_bad import BAD, Variant
from tests.support.who_sees_what_compare import Differs
from tests.support.who_sees_what_machine import DECK, prove, staged
from tests.support.who_sees_what_server import NAMES

MOST_FOR_BAD = 300


def play(url: str, arguments: argparse.Namespace, variant: Variant | None = None) -> Play:
    """Play with our predicates, or with one that is known to be bad."""
    examples = MOST_FOR_BAD if variant else arguments.examples
    with variant.in_place() if variant else nullcontext(), staged(url) as stage:
        proof = partial(prove, stage, examples=examples, steps=arguments.steps, seed_=arguments.seed)
        return played(stage, examples, proof, Differs)


def lines(arguments: argparse.Namespace, ours: Play, bad: Sequence[tuple[Variant, Play]]) -> Iterator[str]:
    """Tell what was played, and what it showed."""
    counts = ours.stage.counts
    acts = {name: counts[name] for name in DECK if counts[name]}
    yield from report.header(arguments.seed)
    yield ""
    yield f"played    {counts['example']} examples of {arguments.steps} steps in {ours.seconds:.0f} s, {len(NAMES)} readers and nobody"
    yield f"steps     {sum(acts.values()):,} that had an effect"
    yield f"compared  {counts['compared']:,} answers to who sees what, {counts['compared lists']:,} lists"
    yield f"found     {ours.found or 'nothing: nobody saw too much or too little'}"
    yield ""
    yield from (f"  {count:6,}  {name}" for name, count in acts.items())
    yield ""
    yield from told(bad, lambda stage: stage.counts["example"])


def main() -> int:
    """Run from the command line."""
    arguments = chosen(__doc__, examples=500, steps=30)
    with servers() as (url, _):
        ours = play(url, arguments)
        bad = each_noticed(BAD, partial(play, url, arguments))
    report.write("prove-visibility", lines(arguments, ours, bad))
    return 1 if ours.found or not all(one.found for _, one in bad) else 0


if __name__ == "__main__":
    sys.exit(main())
