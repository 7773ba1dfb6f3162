"""Kill the API, the worker, PostgreSQL or Valkey at random while clients write, then count what was lost and doubled."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import client, report
from benchmarks.client import Client
from benchmarks.kill_check import Verdict, compare, files_of, held_by, jobs_by_state, look_at_unknown, told
from benchmarks.kill_imports import RECORDS, Importer, Steps
from benchmarks.kill_ledger import Ledger, Outcome, create_until, settle
from benchmarks.kill_watch import Kills, LiveDevice, heard_by
from benchmarks.server import ROOMY, App, running
from core.database import Database

IMPORTERS = 6
HEARS_WITHIN = 30.0


@dataclass(frozen=True)
class Plan:
    """What is killed, how often, under how many writers."""

    part: str
    seconds: float
    kills: int
    clients: int
    seed: int


@dataclass
class Run:
    """One run under way: the app, its database seen past the API, the reader who writes, and what is known."""

    plan: Plan
    app: App
    database: Database
    name: str
    reader: Client
    device: LiveDevice
    ledger: Ledger
    importers: list[Importer]
    kills: Kills

    async def load(self) -> float:
        """Write and kill, then let everything come to rest; how long it took."""
        began = time.monotonic()
        stop = asyncio.Event()
        steps = Steps(self.database.engine)
        heard = heard_by(self.device, self.ledger)
        worked = steps.since() if self.importers else lambda moment: self.ledger.acked_since(moment) is not None
        ends = [
            asyncio.create_task(create_until(stop, self.ledger, self.reader, number, self.plan.seed))
            for number in range(self.plan.clients)
        ] + [asyncio.create_task(importer.run(stop)) for importer in self.importers]
        others = [asyncio.create_task(self.device.follow())]
        others += [asyncio.create_task(steps.watch())] if self.importers else []
        try:
            await self.kills.run(self.plan.seconds, self.plan.kills, worked, heard)
            stop.set()
            await asyncio.gather(*ends)
            await look_at_unknown(self.database.engine, self.name, self.ledger)
            await settle(self.ledger, self.reader)
            await self._device_has_all()
        finally:
            for task in (*ends, *others):
                task.cancel()
            await asyncio.gather(*ends, *others, return_exceptions=True)
        return time.monotonic() - began

    async def _device_has_all(self) -> None:
        deadline = time.monotonic() + HEARS_WITHIN
        while len(self.device.held) < len(self.ledger.of(Outcome.ACKED)) and time.monotonic() < deadline:  # noqa: ASYNC110 - many are awaited
            await asyncio.sleep(0.1)

    async def verdicts(self) -> list[Verdict]:
        """Compare, everywhere that somebody may look."""
        acked = [write.text for write in self.ledger.of(Outcome.ACKED)]
        found = [
            compare("creates: database", acked, await held_by(self.database.engine, self.name)),
            compare("creates: a device that pulls all", acked, (await self.reader.pull_all()).values()),
            compare("creates: a device on its socket", acked, self.device.held.values()),
        ]
        for importer in self.importers:
            texts = [words for file in importer.files for words in file.texts]
            where = f"imports {importer.number}"
            found.append(compare(f"{where}: database", texts, await held_by(self.database.engine, importer.name)))
            found.append(
                compare(f"{where}: a device that pulls all", texts, (await importer.client.pull_all()).values())
            )
        return found


async def execute(plan: Plan, app: App) -> tuple[list[str], bool]:
    """Run it; what is told, and whether all is well."""
    database = Database(app.database_url, pool_size=2)
    async with client.session() as http, client.session(60) as patient:
        name, reader = await client.sign_up(http, app.url)
        live = await client.sign_in(patient, app.url, name, "live")
        readers = [await client.sign_up(http, app.url) for _ in range(IMPORTERS if plan.part == "worker" else 0)]
        importers = [Importer(who, one, number, plan.seed) for number, (who, one) in enumerate(readers)]
        kills = Kills(app, plan.part, plan.seed)
        run = Run(plan, app, database, name, reader, LiveDevice(live), Ledger(), importers, kills)
        took = await run.load()
        found = await run.verdicts()
        imports, right = await _imports(run)
    await database.close()
    well = right and all(verdict.is_exact for verdict in found) and not run.ledger.of(Outcome.UNKNOWN)
    return _lines(run, took, found, imports, well=well), well


async def _imports(run: Run) -> tuple[list[str], bool]:
    if not run.importers:
        return [], True
    files = [file for importer in run.importers for file in importer.files]
    rows = sum([await files_of(run.database.engine, importer.name) for importer in run.importers])
    jobs = await jobs_by_state(run.database.engine)
    right = sum(file.is_right for file in files)
    took = [file.took for file in files]
    return [
        f"imports   {len(files)} files of {RECORDS} records acknowledged, {rows} there; jobs {dict(jobs)};",
        f"          {right} reports say that all of it was new and went in",
        f"          from start to end: median {report.median(took):.1f} s, longest {max(took):.1f} s;",
        "          what a killed worker was at waits for the end of its lease, 15 s",
    ], right == rows == len(files) == jobs.get("DONE")


def _lines(run: Run, took: float, found: Sequence[Verdict], imports: Sequence[str], *, well: bool) -> list[str]:
    plan, kills = run.plan, run.kills
    return [
        *report.header(plan.seed),
        f"counts    {kills.count} kills (SIGKILL) of the {plan.part}; {plan.clients} clients create at once"
        + (f", {len(run.importers)} readers import" if run.importers else ""),
        f"duration  {took:.1f} s, the last retries included",
        "",
        *told(run.ledger),
        *imports,
        f"back      the killed part replaced and new work done: {_times(kills.back)}",
        f"heard     a live device heard of it: {_times(kills.heard)}; it tried to reconnect {run.device.reconnects} times",
        "",
        *(str(verdict) for verdict in found),
        "",
        "verdict   " + ("0 lost, 0 doubled, 0 extra" if well else "NOT WELL"),
    ]


def _times(seconds: Sequence[float]) -> str:
    return f"median {report.median(seconds):.2f} s, longest {max(seconds):.2f} s"


def main() -> int:
    """Kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["api", "worker", "postgres", "valkey"])
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to kill at least")
    parser.add_argument("--kills", type=int, default=10, help="how often to kill at least")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    plan = Plan(wanted.part, wanted.seconds, wanted.kills, wanted.clients, wanted.seed)
    report.progress(f"killing the {plan.part} with seed {plan.seed} …")
    with running(**ROOMY) as app:
        lines, well = asyncio.run(execute(plan, app))
    report.write(f"kill-{plan.part}", lines)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
