"""What hostile documents cost the server: CPU seconds of each, and whether memory stays flat."""

import argparse
import asyncio
import gc
import random
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import orjson

from auth.viewer import Viewer
from benchmarks import report
from benchmarks.hostile_documents import KINDS
from benchmarks.server import PLENTY, data_dir
from clients.bus import FakeBus
from core import logging
from core.database import Database
from core.settings import LogLevel, Settings
from loaders import Loaders
from runtime.container import Container
from runtime.context import Context
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate
from schema.root import closed_schema, schema

BUDGET = 0.1
WARM_UP = 2_000


class Sweeps:
    """What the garbage collector takes: told apart, because it sweeps when it is due, whosever document that hits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.longest = 0.0
        self.full = 0
        self._began = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Be told of a sweep's begin and end."""
        if phase == "start":
            self._began = time.process_time()
            return
        took = time.process_time() - self._began
        self.seconds += took
        self.longest = max(self.longest, took)
        self.full += info["generation"] == 2


Costs = dict[str, list[tuple[float, str]]]
Found = tuple[Costs, list[float], Sweeps]


class Nobody:
    """Who is asked about sessions and bells where there are none."""

    def listen(self, *_: Any) -> Any:
        """Refuse: nothing here subscribes."""
        raise NotImplementedError

    def watch_counts(self, *_: Any) -> Any:
        """Refuse."""
        raise NotImplementedError

    def watch_feed(self, *_: Any) -> Any:
        """Refuse."""
        raise NotImplementedError

    async def pull(self, *_: Any) -> Any:
        """Refuse."""
        raise NotImplementedError

    def note_sent(self, *_: Any) -> None:
        """Refuse."""
        raise NotImplementedError

    def forget(self, *_: Any) -> None:
        """Refuse."""
        raise NotImplementedError


def resident() -> float:
    """Tell how many MB of memory this process has."""
    with open("/proc/self/status") as status:  # noqa: PTH123 - no file
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1_024


def surroundings(container: Container) -> Context:
    """Make what a request of somebody signed out carries."""
    viewer = Viewer()
    return Context(
        container=container,
        listener=Nobody(),
        authenticator=Nobody(),
        viewer=viewer,
        loaders=Loaders(container.database, viewer),
        address="192.0.2.1",
        origin="http://127.0.0.1",
    )


async def run_all(container: Container, seed: int, count: int) -> Found:
    """Execute so many documents; the CPU seconds and the outcome of each by kind, and memory along the way."""
    chance = random.Random(seed)
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    memory = [resident()]
    sweeps = Sweeps()
    gc.callbacks.append(sweeps)
    names = list(KINDS)
    for number in range(count):
        kind = names[number % len(names)]
        document, variables = KINDS[kind](chance)
        chosen = schema if chance.random() < 0.5 else closed_schema
        before, swept = time.process_time(), sweeps.seconds
        outcome = await _outcome(chosen, container, document, variables)
        spent = time.process_time() - before
        found[kind].append((spent - (sweeps.seconds - swept), outcome))
        if number + 1 == WARM_UP or (number + 1) % max(1, count // 5) == 0:
            memory.append(resident())
            report.progress(f"{number + 1:,} documents, {memory[-1]:.0f} MB")
    gc.callbacks.remove(sweeps)
    return found, memory, sweeps


async def _outcome(chosen: Any, container: Container, document: str, variables: Mapping[str, Any]) -> str:
    try:
        result = await chosen.execute(document, variable_values=variables, context_value=surroundings(container))
    except Exception as error:  # noqa: BLE001 - the view answers these, too; which they were is told
        code = (getattr(error, "extensions", None) or {}).get("code")
        return f"refused before it began: {code or type(error).__name__}"
    if not result.errors:
        orjson.dumps(result.data)
        return "answered"
    return f"refused: {(result.errors[0].extensions or {}).get('code', 'NO CODE')}"


async def measure(seed: int, count: int) -> Found:
    """Execute on servers of its own, with an allowance that never ends: what is let through is run."""
    with data_dir() as home:
        servers = await EmbeddedServers.start(home, valkey=False, durable=False)
        try:
            database = Database(servers.database_url or "", pool_size=2)
            await migrate(database.engine)
            settings = Settings(cost_per_minute_signed_out=int(PLENTY))
            container = Container(settings, database, FakeBus())
            await container.refresh_epoch()
            found = await run_all(container, seed, count)
            await database.close()
            return found
        finally:
            await servers.stop()


def lines(outcome: Found, seed: int, took: float) -> list[str]:
    """Tell the costs by kind."""
    found, memory, sweeps = outcome
    everything = [cost for costs in found.values() for cost, _ in costs]
    over = {kind: sum(cost > BUDGET for cost, _ in costs) for kind, costs in found.items()}
    return [
        *report.header(seed),
        f"counts    {len(everything):,} documents of {len(found)} kinds, half of them to the schema without introspection",
        f"duration  {took:.0f} s; CPU seconds by time.process_time around schema.execute, signed out, every document another one",
        f"memory    {memory[0]:.0f} MB before, then {', '.join(f'{size:.0f}' for size in memory[1:])} MB",
        f"          after {WARM_UP:,} documents and at each fifth",
        f"garbage   {sweeps.full} full sweeps, the longest {sweeps.longest * 1_000:.0f} ms, all sweeps {sweeps.seconds:.1f} s; not below",
        "",
        f"{'kind':<34}{'count':>6}{'median ms':>11}{'p99 ms':>9}{'most ms':>9}  outcomes",
        *(_line(kind, costs) for kind, costs in found.items()),
        "",
        f"verdict   {sum(over.values())} of {len(everything):,} took more than {BUDGET * 1_000:.0f} ms of CPU"
        + "".join(f"; {kind}: {count}" for kind, count in over.items() if count),
    ]


def _line(kind: str, costs: list[tuple[float, str]]) -> str:
    seconds = [cost for cost, _ in costs]
    outcomes: dict[str, int] = defaultdict(int)
    for _, outcome in costs:
        outcomes[outcome] += 1
    middle, late, most = (report.quantile(seconds, share) * 1_000 for share in (0.5, 0.99, 1.0))
    told = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.items())
    return f"{kind:<34}{len(costs):>6}{middle:>11.2f}{late:>9.2f}{most:>9.2f}  {told}"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000)
    wanted = parser.parse_args()
    logging.set_up(LogLevel.ERROR)
    began = time.monotonic()
    found = asyncio.run(measure(wanted.seed, wanted.count))
    report.write("hostile", lines(found, wanted.seed, time.monotonic() - began))


if __name__ == "__main__":
    main()
