"""Who takes part in a storm, how it blows and how it ends; what is left is evidence for a judge."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks import client, report
from benchmarks.nemesis import Nemesis, until_ready
from benchmarks.proxy import Proxy
from benchmarks.server import App
from benchmarks.storm_check import Evidence
from benchmarks.storm_evidence import canonical, mark_of, read_diary, read_outcomes, read_rows
from benchmarks.storm_ledger import UNKNOWN, Ledger, open_ledger
from benchmarks.storm_players import Load, Player, copy_of
from benchmarks.storm_web import WebWriter, open_browser
from core import opaque
from core.database import Database
from device.api import PULL

READERS = 3
BROWSER_SECONDS = 8.0
PATIENCE = 240.0
DRAINED = 60
"""The faults go on until no more operations than this wait for an answer."""


@dataclass(frozen=True)
class Plan:
    """How long a storm lasts, and how hard it blows."""

    seed: int
    ops: int
    minutes: float
    devices: int
    pace: float
    clones: int
    faults: int = 0
    """How many faults there have to be at least: until then, more operations are made."""
    drain_seconds: float = PATIENCE
    """How long the faults go on at most when all operations are made, until few of them wait."""


@dataclass
class Storm:
    """One storm under way."""

    plan: Plan
    app: App
    ledger: Ledger
    folder: Path
    database: Database
    http: aiohttp.ClientSession
    """For looking on: patient."""
    browsers: aiohttp.ClientSession
    stack: AsyncExitStack
    load: Load
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    readers: list[str] = field(default_factory=list)
    tokens: dict[str, client.Client] = field(default_factory=dict)
    players: list[Player] = field(default_factory=list)
    writers: list[WebWriter] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    works: list["asyncio.Task[None]"] = field(default_factory=list)
    clones: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.plan.seed)
        self.nemesis = Nemesis(
            *(self.app, self.proxies, self.players, self.plan.seed + 1),
            clone=self.copy if self.plan.clones else None,
            pace=self.plan.pace,
        )
        self.load.goes_on = lambda: self.nemesis.total < self.plan.faults

    # --- who is there ---

    async def gather(self) -> None:
        """Sign everybody up and in."""
        for _ in range(READERS):
            name, known = await client.sign_up(self.http, self.app.url)
            self.tokens[name] = known
            self.readers.append(name)
        for number in range(self.plan.devices):
            await self._add_device(number)
        for number, reader in enumerate(self.readers):
            proxy = await self._proxy()
            seed = self._chance.getrandbits(32)
            browser = await open_browser(self.app.url, self.browsers, reader, self.ledger, seed=seed, number=number)
            self.writers.append(browser.through(proxy.url))

    async def _add_device(self, number: int) -> None:
        name = f"device-{number}"
        reader, proxy = self.readers[number % READERS], await self._proxy()
        path = self.folder / f"{name}.sqlite"
        player = Player(name, reader, path, proxy, self.ledger, self._chance.getrandbits(32))
        player.occasional = number >= READERS
        await player.device.sign_in(proxy.url, reader, client.PASSWORD, name=name)
        self.players.append(player)

    async def _proxy(self) -> Proxy:
        port = int(self.app.url.rpartition(":")[2])
        proxy = await self.stack.enter_async_context(Proxy(port, self._chance.getrandbits(32)))
        self.proxies.append(proxy)
        return proxy

    async def copy(self, chance: random.Random) -> bool:
        """Let a device be restored from another's backup; False when there have been enough copies."""
        if self.clones >= self.plan.clones or self.load.done > self.plan.ops * 0.9:
            return False
        self.clones += 1
        proxy = await self._proxy()
        original = chance.choice(self.players)
        copy = copy_of(original, f"copy-{self.clones}-of-{original.name}", proxy, chance.getrandbits(32))
        self.players.append(copy)
        await copy.start()
        self.works.append(asyncio.create_task(copy.work(self.stop, self.load)))
        return True

    # --- what happens ---

    async def blow(self) -> None:
        """Let everybody work and everything fail; then heal, and wait until all are equal."""
        began = time.monotonic()
        for player in self.players:
            await player.start()
        self.works += [asyncio.create_task(player.work(self.stop, self.load)) for player in self.players]
        self.works += [asyncio.create_task(writer.work(self.stop, self.load)) for writer in self.writers]
        calm = asyncio.Event()
        others = [asyncio.create_task(self.nemesis.run(calm)), asyncio.create_task(self._show(began))]
        try:
            await self._until_made(others[0])
            calm.set()
            await others[0]
            self.figures["storm"] = time.monotonic() - began
            await self._heal()
        finally:
            for task in (*others, *self.works):
                task.cancel()
            await asyncio.gather(*others, *self.works, return_exceptions=True)

    async def _until_made(self, nemesis: "asyncio.Task[None]") -> None:
        deadline = time.monotonic() + self.plan.minutes * 60
        while time.monotonic() < deadline and not all(task.done() for task in self.works):
            _raise_failure([nemesis, *self.works])
            await asyncio.sleep(0.2)
        self.stop.set()
        deadline = time.monotonic() + self.plan.drain_seconds
        while self.waiting > DRAINED and time.monotonic() < deadline:
            _raise_failure([nemesis])
            await asyncio.sleep(0.2)
        await asyncio.gather(*self.works)

    @property
    def waiting(self) -> int:
        """How many operations wait on devices."""
        return sum(player.store.pending() for player in self.players)

    async def _heal(self) -> None:
        self.figures["waiting"] = self.waiting
        began = time.monotonic()
        await self.nemesis.heal()
        self.figures["restart"] = await until_ready(self.app, self._answers)
        settling = [asyncio.create_task(writer.settle()) for writer in self.writers]
        healed = time.monotonic()
        while not await self._is_equal(settling) and time.monotonic() - healed < PATIENCE:  # noqa: ASYNC110 - many are awaited
            await asyncio.sleep(0.05)
        self.figures["converged"] = time.monotonic() - healed
        self.figures["healed"] = time.monotonic() - began
        await asyncio.gather(*settling)

    async def _answers(self) -> bool:
        try:
            async with self.http.get(f"{self.app.url}/ready") as answer:
                return answer.status == 200
        except client.LOST:
            return False

    async def _is_equal(self, settling: Sequence["asyncio.Task[None]"]) -> bool:
        if self.waiting or not all(task.done() for task in settling):
            return False
        # A cursor names its owner by the end of the id.
        marks = {reader[-12:]: seq for reader, seq in (await mark_of(self.database.engine)).items()}
        return all(_reached(player.store.get("cursor"), marks) for player in self.players)

    async def _show(self, began: float) -> None:
        while True:
            await asyncio.sleep(5)
            outcomes = Counter(asked.outcome for asked in self.ledger.asked.values())
            groups = Counter[str]()
            for player in self.players:
                player.listen()
            for kind, count in self.nemesis.counts.items():
                groups[kind.partition(" ")[0].rstrip(":")] += count
            report.progress(
                f"{time.monotonic() - began:5.0f} s  ops {self.load.done:,}, acknowledged "
                f"{outcomes.total() - outcomes[UNKNOWN] - outcomes['REJECTED']:,}, unknown {outcomes[UNKNOWN]:,}, "
                f"waiting {self.waiting:,}; faults {self.nemesis.total} {dict(groups)}"
            )

    # --- what is left ---

    async def evidence(self) -> Evidence:
        """Collect everything that the judge looks at."""
        for player in self.players:
            player.listen()
        held = {player.name: (player.reader, player.holds()) for player in self.players}
        served = {reader: await self._served(self.tokens[reader]) for reader in self.readers}
        engine = self.database.engine
        return Evidence(
            list(self.ledger.asked.values()),
            await read_diary(engine),
            await read_rows(engine),
            await read_outcomes(engine),
            served,
            held,
            [*self.ledger.surprises, *self._strangers()],
        )

    async def _served(self, reader: client.Client) -> dict[str, bytes]:
        held: dict[str, bytes] = {}
        after, more = None, True
        while more:
            page = (await reader.ask(PULL, deviceId=None, after=after, first=500))["highlightChanges"]
            for change in page["changes"]:
                if change["__typename"] == "HighlightUpserted":
                    held[change["highlight"]["uuid"]] = canonical(change["highlight"])
            after, more = page["cursor"], page["hasMore"]
        return held

    def _strangers(self) -> list[str]:
        """Name devices that both worked under one identity, and what apps would have had to show."""
        heard = {player.name: player.heard() for player in self.players}
        shared = [
            f"{one.name} and {other.name} both worked as {one.store.get('device_id')}"
            for one, other in itertools.combinations(self.players, 2)
            if one.store.get("device_id") == other.store.get("device_id")
            and heard[one.name] - heard[other.name]
            and heard[other.name] - heard[one.name]
        ]
        return shared + [f"{player.name}: {what}" for player in self.players for what in player.complaints]


def _reached(cursor: str | None, marks: dict[str, int]) -> bool:
    parts = opaque.unpack("sync", cursor, 4) if cursor else None
    return parts is not None and marks.get(parts[0]) == parts[3]


def _raise_failure(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


@asynccontextmanager
async def storm_of(plan: Plan, app: App, folder: Path) -> AsyncIterator[Storm]:
    """Make a storm, and take everything away again."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(client.session(60))
        browsers = await stack.enter_async_context(client.session(BROWSER_SECONDS))
        database = Database(app.database_url, pool_size=2)
        stack.push_async_callback(database.close)
        ledger = open_ledger(folder / "ledger.jsonl")
        storm = Storm(plan, app, ledger, folder, database, http, browsers, stack, Load(plan.ops))
        try:
            await storm.gather()
            yield storm
        finally:
            for player in storm.players:
                await player.close()
            if ledger.file is not None:
                ledger.file.close()
