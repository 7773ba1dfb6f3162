"""Home feeds under fire: many post, workers die every two seconds, Valkey forgets, PostgreSQL is killed; then every feed must be right."""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks import client, fire_check, large, report
from benchmarks.fire_check import Difference, Written
from benchmarks.fire_faults import Fire
from benchmarks.fire_run import Run
from benchmarks.fire_world import Eyes, Plan, Sleepers, populate
from benchmarks.kill_ledger import Outcome
from benchmarks.server import ROOMY, App, running
from core import logging
from core.settings import LogLevel

READERS = 2
POSTS = "SELECT count(*) AS there, count(DISTINCT text) AS texts FROM posts"


@asynccontextmanager
async def beside(*work: Awaitable[None]) -> AsyncIterator[None]:
    """Do something until the block ends; what fails there fails here."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Verdict:
    """What was found in the end."""

    timelines: Difference
    pages: Difference
    written: Written
    strays: int
    writes_to_sleepers: int
    there: int
    texts: int

    def is_well(self, run: Run) -> bool:
        """Whether nothing is missing and nothing too much, and it is really hybrid."""
        pulled, pushed = run.people.stars[2], run.people.stars[:2]
        is_hybrid = not self.written.delivered[pulled] and all(self.written.delivered[star] for star in pushed)
        is_quiet = not (self.strays or self.writes_to_sleepers or self.written.standing[pulled])
        is_exact = self.timelines.is_none and self.pages.is_none and self.there == self.texts == run.plan.posts
        return is_hybrid and is_quiet and is_exact and not run.doubled and not run.jobs["at the end"].get("DEAD")


async def execute(plan: Plan, app: App) -> tuple[list[str], bool]:
    """Run it; what is told, and whether all is well."""
    clock = _clock()
    people = await populate(app, plan)
    run = Run(plan, app, people)
    watch, ready = Sleepers(app, people.asleep), asyncio.Event()
    async with Eyes(app, plan) as eyes, client.session(10) as http, beside(watch.watch(ready)):
        await ready.wait()
        report.progress(f"{len(people.readers):,} readers; waking {plan.active:,} of them …")
        await eyes.wake(people.active)
        run.took["made ready"] = clock()
        fire = Fire(app, plan.seed, lambda: run.share, plan.threshold - 1, lambda: eyes.wake(people.active))
        stop = asyncio.Event()
        async with beside(*(run.read_on(http, plan.seed + number) for number in range(READERS))):
            burning = asyncio.create_task(fire.burn(stop))
            await run.post_all(http)
            stop.set()
            await burning
        run.took["posted under fire"] = clock()
        await run.drain("drained")
        run.replay()
        await run.drain("at the end")
        clock()
        report.progress("comparing …")
        written = Written()
        kept, strays = await fire_check.timelines(app, people, written)
        await fire_check.told_by_workers(app, written)
        sleepers = watch.writes
        some = random.Random(plan.seed).sample(people.asleep, min(plan.sleepers, len(people.asleep)))
        shown = await fire_check.pages(app, eyes, [*people.active, *some, *people.stars, *people.others])
        run.took["compared"] = clock()
    connection = await large.connect(app)
    there, texts = (await connection.fetchrow(POSTS)).values()
    await connection.close()
    verdict = Verdict(kept, shown, written, strays, sleepers, there, texts)
    return list(lines(run, fire, verdict)), verdict.is_well(run)


def _clock() -> Callable[[], float]:
    last = time.monotonic()

    def lap() -> float:
        nonlocal last
        before, last = last, time.monotonic()
        return last - before

    return lap


def lines(run: Run, fire: Fire, verdict: Verdict) -> Iterator[str]:
    """Tell all of it."""
    plan, people = run.plan, run.people
    below, above = plan.threshold - 1, plan.threshold + 1
    yield from report.header(plan.seed)
    yield f"counts    {plan.posts:,} posts: {plan.each} of each of 3 authors with {below:,}, {plan.threshold:,} and {above:,} followers,"
    yield f"          the rest of {plan.others} others; {len(people.readers):,} readers, {len(people.active):,} of them active;"
    yield f"          {plan.workers} workers, and {READERS} who read all the time"
    yield f"duration  {', '.join(f'{name} {seconds:.0f} s' for name, seconds in run.took.items())}"
    yield ""
    yield f"fire      {', '.join(f'{what}: {count}' for what, count in sorted(fire.counts.items()))}"
    late = sum(write.first is not Outcome.ACKED for write in run.ledger.writes)
    yield f"posts     {len(run.ledger.acks):,} acknowledged, {late} of them not at once; {verdict.there:,} there,"
    yield f"          {verdict.texts:,} different; {run.deleted} deleted again"
    yield f"pages     {run.pages:,} read meanwhile, {run.degraded} of them without Valkey, {run.unanswered} refused or not answered;"
    yield f"          {run.doubled} posts shown twice"
    yield f"jobs      when all was quiet {run.jobs['drained']}; replay-dead: {run.replayed}"
    yield f"          after that {run.jobs['at the end']}"
    yield ""
    yield from _written(run, verdict)
    yield ""
    yield f"timelines {verdict.timelines}"
    yield f"          and {verdict.timelines.outdated} that are told to be outdated, and made anew when they are next read"
    yield f"feeds     {verdict.pages}"
    yield "          page by page: of all active readers, some who do not read, and all authors"
    yield ""
    yield "verdict   " + ("0 missing, 0 extra, and hybrid" if verdict.is_well(run) else "NOT WELL")


def _written(run: Run, verdict: Verdict) -> Iterator[str]:
    people, written = run.people, verdict.written
    for count, star in enumerate(people.stars, run.plan.threshold - 1):
        told = f"{written.delivered[star]:,} entries written into timelines by {written.jobs[star]:,} jobs"
        yield f"author    of {count:,} followers: {told}; {written.standing[star]:,} stand there in the end"
    others = sum(count for author, count in written.delivered.items() if author not in people.stars)
    yield f"others    {others:,} entries written"
    changes = f"{verdict.writes_to_sleepers} changes to their timelines, {verdict.strays} timelines in the end"
    yield f"sleepers  {len(people.asleep):,} who do not read: {changes}"


def main() -> int:
    """Set it on fire."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--threshold", type=int, default=10_000, help="the three authors have one follower less, as many, and one more"
    )
    parser.add_argument("--posts", type=int, default=2_000)
    parser.add_argument("--each", type=int, default=30, help="posts of each of the three")
    parser.add_argument("--others", type=int, default=200)
    parser.add_argument(
        "--active", type=int, default=2_000, help="readers who have a timeline; all their feeds are compared"
    )
    parser.add_argument("--sleepers", type=int, default=300, help="readers without one whose feeds are compared")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--name", default="fire", help="the file in results/")
    wanted = vars(parser.parse_args())
    name = wanted.pop("name")
    plan = Plan(**wanted)
    logging.set_up(LogLevel.ERROR)
    report.progress(f"seed {plan.seed}")
    app_argv = [sys.executable, "-m", "benchmarks.fire_app", str(plan.workers)]
    with running(app_argv, PULL_THRESHOLD=str(plan.threshold), **(ROOMY | {"LOG_LEVEL": "info"})) as app:
        told, is_well = asyncio.run(execute(plan, app))
    report.write(name, told)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
