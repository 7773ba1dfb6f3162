"""Play the state machine of highlight sync many times: devices, web, network and time against a plain model.

The same seed plays the same steps. What it finds ends the run, and the result says so.
"""

import argparse
import sys
from functools import partial

from benchmarks import report
from benchmarks.proof import Play, chosen, played, servers
from tests.support.sync_machine import DECK, prove, staged


def play(database_url: str, arguments: argparse.Namespace) -> Play:
    """Play, and keep what is found."""
    with staged(database_url) as stage:
        proof = partial(prove, stage, examples=arguments.examples, steps=arguments.steps, seed_=arguments.seed)
        return played(stage, arguments.examples, proof, AssertionError)


def lines(arguments: argparse.Namespace, ours: Play) -> list[str]:
    """Tell what was played, and what it showed."""
    counts = ours.stage.counts
    acts = {name: counts[name] for name in DECK if counts[name]}
    return [
        *report.header(arguments.seed),
        "",
        f"played    {counts['example']} examples of {arguments.steps} steps in {ours.seconds:.0f} s, 3 devices and the web",
        f"steps     {sum(acts.values()):,} that had an effect",
        f"compared  the server with the model {counts['check']:,} times, all devices {counts['settle']:,} times",
        f"found     {ours.found or 'nothing: 0 lost, 0 doubled, 0 diverged, 0 resurrected'}",
        "",
        *(f"  {count:6,}  {name}" for name, count in acts.items()),
    ]


def main() -> int:
    """Run from the command line."""
    arguments = chosen(__doc__, examples=1_000, steps=50)
    with servers() as (url, _):
        ours = play(url, arguments)
    report.write("sync-machine", lines(arguments, ours))
    return 1 if ours.found else 0


if __name__ == "__main__":
    sys.exit(main())
