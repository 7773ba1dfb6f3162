"""A storm: reference devices and web clients of three readers against real processes, while everything fails at random.

`python -m benchmarks.storm --seed 7 --ops 5000`. Then the faults end, everything has to become equal, and a judge that
knows what everybody was told looks for what was lost, doubled, resurrected or left different.
"""

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.server import ROOMY, App, running
from benchmarks.storm_check import Finding, check
from benchmarks.storm_ledger import UNKNOWN
from benchmarks.storm_players import Timed
from benchmarks.storm_world import READERS, Plan, Storm, storm_of

BAR = 5.0
COUNTED = ("lost", "doubled", "diverged", "resurrected")


async def execute(plan: Plan, app: App, folder: Path) -> tuple[list[str], bool]:
    """Run a storm; what is told, and whether all is well."""
    began = time.monotonic()
    async with storm_of(plan, app, folder) as storm:
        await storm.blow()
        report.progress("looking at what is left …")
        found = check(await storm.evidence())
        storm.figures["whole"] = time.monotonic() - began
        lines = [*report.header(plan.seed), *_counts(storm), *_requests(), *_verdict(storm, found)]
    return lines, not found and storm.figures["converged"] <= BAR


def _counts(storm: Storm) -> list[str]:
    figures, counts, asked = storm.figures, storm.ledger.counts(), storm.ledger.asked.values()
    tries = sum(one.tries > 1 for one in asked)
    acked, never = sum(one.is_acked for one in asked), sum(one.outcome == UNKNOWN for one in asked)
    twice, swallowed = sum(p.repeated for p in storm.proxies), sum(p.swallowed for p in storm.proxies)
    return [
        f"who       {len(storm.players)} devices ({storm.clones} of them copies) and {len(storm.writers)} web clients of {READERS} readers",
        f"duration  {figures['storm']:.0f} s of storm, {figures['whole']:.0f} s with what comes before and after",
        f"ops       {len(asked):,}: {acked:,} acknowledged, {len(asked) - acked - never:,} refused, {never:,} unknown for good",
        f"faults    {storm.nemesis.total:,}; {twice:,} requests were sent twice by the proxies, {swallowed:,} answers swallowed",
        "",
        "faults by kind",
        *(f"  {kind:<24} {count:6,}" for kind, count in sorted(storm.nemesis.counts.items())),
        "",
        "operations by kind and outcome",
        *(f"  {kind:<8} {outcome:<12} {count:8,}" for (kind, outcome), count in sorted(counts.items())),
        f"  unknown at first, and sent again by web clients: {tries:,}",
    ]


def _requests() -> list[str]:
    return [
        "",
        "requests of devices",
        *(
            f"  {name:<70} {len(times):6,}, median {report.median(times):5.2f} s, longest {max(times):5.2f} s"
            for name, times in sorted(Timed.times.items())
        ),
    ]


def _verdict(storm: Storm, found: Sequence[Finding]) -> list[str]:
    figures, kinds = storm.figures, Counter(finding.kind for finding in found)
    late = "" if figures["converged"] <= BAR else ", converged too late"
    return [
        "",
        f"healed    {figures['waiting']:.0f} operations were waiting then; all processes ran again after {figures['restart']:.2f} s",
        f"converged {figures['converged']:.2f} s after that (bar: {BAR:.0f} s): nothing waits, and every device is where the server is",
        "",
        *(f"{kind:<12} {kinds[kind]:,}" for kind in COUNTED),
        *(f"{kind:<12} {count:,}" for kind, count in kinds.items() if kind not in COUNTED),
        *(f"  {finding.kind}: {finding.what[:400]}" for finding in found[:20]),
        "",
        f"verdict   {'NOT WELL' if found else '0 lost, 0 doubled, 0 diverged'}{late}",
    ]


def main() -> int:
    """Let it blow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ops", type=int, default=100_000, help="how many operations to make")
    parser.add_argument("--faults", type=int, default=0, help="make more operations until there were so many faults")
    parser.add_argument("--minutes", type=float, default=60.0, help="make no more after so long")
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--pace", type=float, default=1.0, help="multiplies the pauses between faults")
    parser.add_argument("--clones", type=int, default=2, help="how many devices are copied at most")
    parser.add_argument("--name", default="storm", help="the name of the result file")
    wanted = parser.parse_args()
    plan = Plan(
        *(wanted.seed, wanted.ops, wanted.minutes, wanted.devices, wanted.pace, wanted.clones), faults=wanted.faults
    )
    report.progress(f"a storm with seed {plan.seed} …")
    folder = Path(tempfile.mkdtemp(prefix="commonplace-storm-"))
    well = False
    try:
        with running([sys.executable, "-m", "benchmarks.storm_app"], **ROOMY) as app:
            lines, well = asyncio.run(execute(plan, app, folder))
        report.write(wanted.name, lines)
    finally:
        if well:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            report.progress(f"the ledger and the devices' stores are kept in {folder}")
    return 0 if well else 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
