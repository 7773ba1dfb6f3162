"""Hurt Valkey, the worker and PostgreSQL in five ways each under readers of feeds: what still works, what is left behind."""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import aiohttp
import uvloop
from sqlalchemy import text

from benchmarks import client, report
from benchmarks.client import Client
from benchmarks.faults_load import DONE, Load, make_readers, missing_in_feeds, wrongs
from benchmarks.faults_table import FIRST_SECONDS, HOLDS_MORE, LEGEND, Cell, done, row
from benchmarks.faults_world import Fault, Holdings, Part, World, world_in
from benchmarks.server import data_dir

NORMAL_SECONDS, CALM_SECONDS, PATIENCE = 3.0, 3.0, 60.0
READERS, ASKED_LONGEST = 40, 20.0
TOLD, WARM = 3, 0.98
WAITS = (
    "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) FROM jobs"
    " WHERE state IN ('WAITING', 'RUNNING') AND kind LIKE 'fanout%'"
)


@dataclass
class Table:
    """All cells, one after another, in one world."""

    world: World
    http: aiohttp.ClientSession
    """For looking; readers have connections of their own in each cell, so that those do not count as left behind."""
    readers: Sequence[tuple[str, Client]]
    seconds: float
    rate: float
    seed: int

    async def warm_up(self) -> None:
        """Open what stays open, and let the readers follow each other: gently at first, then as fast as they will be."""
        for number, (rate, seconds) in enumerate(((self.rate / 5, 5.0), (self.rate, 5.0), (self.rate, NORMAL_SECONDS))):
            async with self._loaded(-number, rate) as load:
                await asyncio.sleep(seconds)
        if done(load.asked) < WARM:
            reasons = "; ".join(f"{count} of {len(load.asked)} {why}" for why, count in load.troubles())
            raise SystemExit(f"Without any fault, not all was done: try fewer than --rate {self.rate:.0f}. {reasons}")

    async def cell(self, part: Part, fault: Fault, number: int) -> Cell:
        """Hurt one part in one way, under load, and let it heal."""
        before = await self._at_rest()
        async with self._loaded(number, self.rate) as load:
            began = time.time()
            await asyncio.sleep(NORMAL_SECONDS)
            hurt = time.time()
            await self.world.hurt(part, fault)
            try:
                await asyncio.sleep(self.seconds)
            finally:
                await self.world.heal(part)
            healed = time.time()
            jobs, back = await asyncio.gather(self._jobs_caught_up(healed), self._calm(load, healed))
        await self._jobs_done()
        opened = [turn.at - hurt for turn in self.world.turns() if turn.is_open and hurt <= turn.at < healed]
        wrong = await wrongs(self.world.database, load)
        wrong += ["in a feed"] * await missing_in_feeds(self.world.database, self.readers[:3])
        then = hurt + min(FIRST_SECONDS, self.seconds / 2)
        return Cell(
            part,
            fault,
            load.between(began, hurt),
            load.between(hurt, then),
            load.between(then, healed),
            min(opened, default=None),
            back,
            jobs,
            await self._left(before),
            wrong,
            load.troubles(),
        )

    @contextlib.asynccontextmanager
    async def _loaded(self, number: int, rate: float) -> AsyncIterator[Load]:
        """Let readers ask until the end of the block, and have their last answers."""
        async with client.session(ASKED_LONGEST) as http:
            readers = [(name, replace(reader, http=http)) for name, reader in self.readers]
            load, stop = Load(readers, rate, self.seed * 100 + number), asyncio.Event()
            loading = asyncio.create_task(load.run(stop))
            try:
                yield load
            finally:
                stop.set()
                await loading

    async def _calm(self, load: Load, healed: float) -> float:
        """Wait until everything has gone well for a while; tell since when, from the end of the fault."""
        while True:
            late = [one for one in load.asked if one.began >= healed and (one.outcome != DONE or one.is_degraded)]
            last = max((one.began + one.seconds for one in late), default=healed)
            if time.time() > min(last + CALM_SECONDS, healed + PATIENCE):
                return last - healed
            await asyncio.sleep(0.2)

    async def _jobs_caught_up(self, healed: float) -> float:
        """Wait until fan-out has caught up, for whatever that is good for; tell how long it took."""
        while True:
            async with self.world.database.engine.connect() as connection:
                waits = float(await connection.scalar(text(WAITS)))
            if waits < 1 or time.time() > healed + PATIENCE:
                return time.time() - healed
            await asyncio.sleep(0.2)

    async def _jobs_done(self) -> None:
        """Wait until every entry is in the timelines."""
        deadline = time.monotonic() + PATIENCE
        async with self.world.database.engine.connect() as connection:
            while await connection.scalar(text(WAITS)) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.2)

    async def _at_rest(self) -> Holdings:
        """Count what is held once the connections of an earlier load are gone."""
        deadline, last = time.monotonic() + PATIENCE / 3, await self.world.holdings(self.http)
        while True:
            await asyncio.sleep(1)
            held = await self.world.holdings(self.http)
            if held == last or time.monotonic() > deadline:
                return held
            last = held

    async def _left(self, before: Holdings) -> Holdings:
        """Count what is held more than before, once what ends by itself has ended."""
        deadline = time.monotonic() + PATIENCE / 3
        while True:
            left = (await self.world.holdings(self.http)).beyond(before)
            if max(left.tasks, left.descriptors) <= HOLDS_MORE or time.monotonic() > deadline:
                return left
            await asyncio.sleep(0.5)


async def execute(wanted: argparse.Namespace) -> tuple[list[str], bool]:
    """Fill the table; what is told, and whether all is well."""
    began = time.monotonic()
    cells: list[Cell] = []
    with data_dir() as home:
        async with world_in(home, api_processes=wanted.processes) as world, client.session(ASKED_LONGEST) as http:
            await world.until_ready(http)
            readers = await make_readers(http, world.url, READERS)
            table = Table(world, http, readers, wanted.seconds, wanted.rate, wanted.seed)
            report.progress("warming up …")
            await table.warm_up()
            report.progress(row())
            for part in wanted.parts:
                for fault in wanted.faults:
                    cell = await table.cell(part, fault, len(cells) + 1)
                    cells.append(cell)
                    report.progress(cell.line())
                    for why in (*cell.wrong[:TOLD], *cell.troubles):
                        report.progress(f"    {why}")
    well = all(cell.is_well for cell in cells)
    return [*_lines(wanted, cells, time.monotonic() - began), f"verdict   {'well' if well else 'NOT WELL'}"], well


def _lines(wanted: argparse.Namespace, cells: Sequence[Cell], took: float) -> list[str]:
    asked = sum(cell.count for cell in cells)
    return [
        *report.header(wanted.seed),
        f"counts    {len(cells)} faults of {wanted.seconds:.0f} s each, {asked} requests at {wanted.rate:.0f} a second",
        f"          by {READERS} readers: 50% feeds of 20, 15% posts, 20% likes, 15% follows",
        f"          {wanted.processes} API processes, one worker",
        f"duration  {took:.0f} s",
        "",
        row(),
        *(cell.line() for cell in cells),
        "",
        *LEGEND,
        "",
    ]


def main() -> int:
    """Hurt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each fault lasts")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second")
    parser.add_argument("--processes", type=int, default=2, help="API processes that share the port")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", type=Part, nargs="+", choices=list(Part), default=list(Part))
    parser.add_argument("--faults", type=Fault, nargs="+", choices=list(Fault), default=list(Fault))
    wanted = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines, well = runner.run(execute(wanted))
        report.write("faults_feed", lines)
        return 0 if well else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
