"""The devices of a storm: reference devices whose readers never rest, and which crash, go offline and have wrong clocks."""

import asyncio
import contextlib
import random
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from benchmarks import report
from benchmarks.proxy import Proxy
from benchmarks.storm_evidence import canonical
from benchmarks.storm_ledger import Asked, Ledger
from core.ids import read_global_id
from device.api import HttpTransport
from device.changes import passage
from device.engine import Engine
from device.errors import DeviceError, Unknown, Unreachable
from device.live import Live
from device.store import Op, Store
from device.sync import Device

BOOKS = [
    {"named": {"title": f"Weather Log, Volume {n}", "authors": ["Ines Haddock", "Orla Venn"]}} for n in range(1, 6)
]
COLORS = ("YELLOW", "BLUE", "PINK", "ORANGE", "GREEN")
VISIBILITIES = ("PRIVATE", "FOLLOWERS", "PUBLIC")
ANSWER_SECONDS, QUIET_SECONDS, WAIT_SECONDS = 12.0, 2.0, 2.0
"""A storm's devices are less patient than others: a fault lasts seconds here."""
BURST = (1, 90)
MOST_WAITING = 250
HOT = 12
"""How many highlights of a reader all devices fight for."""


class Witnessed(Store):
    """A store that shows the last operation queued."""

    last: Op | None = None

    def append(self, op: Op) -> None:
        """Put an operation at the end of the queue."""
        super().append(op)
        self.last = op

    def tidy(self, now: datetime) -> None:
        """Keep every outcome for the judge: to a clock that is a year off, those of a minute ago are old."""


class Timed(HttpTransport):
    """A transport that writes down how long requests take, and which are not answered."""

    times: ClassVar[dict[str, list[float]]] = defaultdict(list)

    async def execute(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Send an operation; its data."""
        began, end = time.monotonic(), "not answered"
        try:
            data = await super().execute(document, variables)
        except DeviceError as error:
            end = f"{type(error).__name__}: {str(error).rpartition(': ')[2]}"[:60]
            raise
        else:
            end = "answered"
            return data
        finally:
            self.times[f"{document.split('(', maxsplit=1)[0].rsplit(maxsplit=1)[-1].lower()} {end}"].append(
                time.monotonic() - began
            )


@dataclass
class Load:
    """How many operations are made, and wanted, of all together."""

    wanted: int
    done: int = 0
    goes_on: Callable[[], bool] = lambda: False
    """Whether to make more than wanted, because something else is still missing."""

    @property
    def is_over(self) -> bool:
        """Whether all have been made."""
        return self.done >= self.wanted and not self.goes_on()


@dataclass(eq=False)
class Player:
    """One device, from its store's file up."""

    name: str
    reader: str
    path: Path
    proxy: Proxy
    ledger: Ledger
    seed: int
    offset: float = 0.0
    """How far its clock is off, in seconds."""
    occasional: bool = False
    """Whether it syncs now and then, as an e-reader does, and hears nothing between."""
    busy: bool = True
    """Whether its reader still works."""
    suspected: bool = False
    """Whether it has been copied, or is a copy: who it is then depends on who pushes first."""
    complaints: list[str] = field(default_factory=list)
    """What its app would have had to show: ends of sessions and refusals."""
    _heard: int = 0
    _run: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._turn = asyncio.Lock()
        self._open()

    # --- its life ---

    def _open(self) -> None:
        self.store = Witnessed(self.path)
        transport = Timed(self.proxy.url, self.store.get("token"), seconds=ANSWER_SECONDS)
        live = Live(self.proxy.url, quiet_seconds=QUIET_SECONDS)
        self.engine = Engine(self.store, now=self._now)
        self.device = Device(self.store, engine=self.engine, transport=transport, live=live, wait_seconds=WAIT_SECONDS)

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    async def start(self) -> None:
        """Begin to stay in sync."""
        self._run = asyncio.create_task(self._stay(), name=self.name)

    async def _stay(self) -> None:
        while True:
            try:
                await (self._sync_now_and_then() if self.occasional else self.device.run())
            except DeviceError as error:
                # An app would show it, and try again when asked to.
                report.progress(f"{self.name}: {type(error).__name__}: {error}")
                self.complaints.append(f"{type(error).__name__}: {error}")
                await asyncio.sleep(1)

    async def _sync_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(1.0, 6.0) if self.busy else 0.3)
            with contextlib.suppress(Unreachable):
                await self.device.sync_once()

    async def stop(self) -> None:
        """Stop to sync, wherever it is."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)
            self._run = None

    async def close(self) -> None:
        """Let everything go."""
        await self.stop()
        await self.device.close()
        self.store.close()

    async def crash(self) -> None:
        """Lose what is in memory, and begin again from what is stored."""
        async with self._turn:
            await self.stop()
            await self.device.close()  # what the system does for a process that died
            self._open()
            await self.start()

    async def stay_offline(self, seconds: float) -> None:
        """Sync nothing for so long."""
        async with self._turn:
            await self.stop()
            try:
                await asyncio.sleep(seconds)
            finally:
                await self.start()

    def turn_clock(self, seconds: float) -> None:
        """Set the clock so far off what is right."""
        self.offset = seconds
        for op in self.store.queue():
            if op.op_id in self.ledger.asked:
                self.ledger.asked[op.op_id].known_offset = False

    def copy_to(self, path: Path) -> None:
        """Copy the store as a backup of the phone would, and from then on be suspected."""
        with contextlib.closing(sqlite3.connect(self.path)) as old, contextlib.closing(sqlite3.connect(path)) as new:
            old.backup(new)
        self.suspected = True
        for op in self.store.queue():
            if op.op_id in self.ledger.asked:
                self.ledger.asked[op.op_id].writer = ""

    # --- its reader ---

    async def work(self, stop: asyncio.Event, load: Load) -> None:
        """Make operations in bursts until told to stop, or until all are made."""
        try:
            await self._work(stop, load)
        finally:
            self.busy = False

    async def _work(self, stop: asyncio.Event, load: Load) -> None:
        while not stop.is_set():
            await asyncio.sleep(self._chance.uniform(0.05, 1.2))
            if self.store.pending() > MOST_WAITING:
                continue
            alive, dead = self._known()
            # In one transaction now and then, as an import on the device would.
            together = self.store.transaction() if self._chance.random() < 0.7 else contextlib.nullcontext()
            with together:
                for _ in range(self._chance.randint(*BURST)):
                    if load.is_over:
                        return
                    load.done += self._act(alive, dead)

    def _known(self) -> tuple[list[str], list[str]]:
        """List some highlights to work on, the contested first, and some that can be restored."""
        alive = [row[0] for row in self._sql("SELECT uuid FROM highlights ORDER BY uuid LIMIT ?", HOT)]
        more = "SELECT uuid FROM highlights ORDER BY uuid DESC LIMIT ?"
        alive += [row[0] for row in self._sql(more, HOT * 3)]
        dead = "SELECT uuid FROM tombstones WHERE body IS NOT NULL ORDER BY removed_at DESC LIMIT ?"
        return alive, [row[0] for row in self._sql(dead, HOT)]

    def _sql(self, query: str, *values: object) -> list[tuple[str, ...]]:
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as own:
            return own.execute(query, values).fetchall()

    def _act(self, alive: list[str], dead: list[str]) -> bool:
        wish = self._chance.random()
        try:
            if wish < 0.16 or len(alive) < HOT:
                alive.append(self._create())
            elif wish < 0.24:
                self._say("delete", alive.pop(self._chance.randrange(len(alive))), {"alive": False})
            elif wish < 0.30 and dead:
                self._say("restore", dead.pop(self._chance.randrange(len(dead))), {"alive": True})
            else:
                self._edit(self._chance.choice(alive))
        except Unknown:
            # It was deleted by an operation that waits; its reader would not see it.
            return False
        return True

    def _create(self) -> str:
        number = self.ledger.unique()
        says: dict[str, Any] = {
            "text": f"Line {number} of the log.",
            "note": f"note {number}",
            "color": self._chance.choice(COLORS),
        }
        uuid = self.engine.create(
            self._chance.choice(BOOKS),
            says["text"],
            note=says["note"],
            color=says["color"],
            visibility=None,
            anchor={"locationStart": number, "locationEnd": number + 7},
        )
        self._note("create", uuid, says)
        return uuid

    def _edit(self, uuid: str) -> None:
        number = self.ledger.unique()
        offers: dict[str, Any] = {
            "text": f"Line {number}, corrected.",
            "note": f"note {number}",
            "color": self._chance.choice(COLORS),
            "visibility": self._chance.choice(VISIBILITIES),
        }
        says = {name: offers[name] for name in self._chance.sample(sorted(offers), self._chance.choice((1, 1, 2, 3)))}
        patch = {name: value for name, value in says.items() if name != "text"}
        if "text" in says:
            place = {"locationStart": number, "locationEnd": number + 3}
            self.engine.edit(uuid, passage=passage(says["text"], place), **patch)
        else:
            self.engine.edit(uuid, **patch)
        self._note("edit", uuid, says)

    def _say(self, kind: str, uuid: str, says: Mapping[str, bool]) -> None:
        getattr(self.engine, kind)(uuid)
        self._note(kind, uuid, dict(says))

    def _note(self, kind: str, uuid: str, says: dict[str, Any]) -> None:
        op = self.store.last
        assert op is not None  # noqa: S101 - something was queued just now
        writer = "" if self.suspected else str(read_global_id(self.store.get("device_id"))[1])
        self.ledger.invoke(Asked(op.op_id, self.reader, writer, kind, uuid, says, op.based_on, time.time()))

    # --- what it knows ---

    def listen(self) -> None:
        """Write down the outcomes that have arrived."""
        query = "SELECT op_id, outcome, fork, error, rowid FROM told WHERE rowid > ? ORDER BY rowid"
        for op_id, outcome, fork, error, rowid in self._sql(query, self._heard):
            self.ledger.tell(op_id, outcome, why=error or "", fork=fork)
            self._heard = int(rowid)

    def heard(self) -> set[str]:
        """Name the operations whose outcome this device has been told, as itself or as what it is a copy of."""
        return {op_id for (op_id,) in self._sql("SELECT op_id FROM told")}

    def holds(self) -> dict[str, bytes]:
        """Read all highlights, spelled for comparing."""
        return {row.uuid: canonical(row.body) for row in self.store.rows()}


def copy_of(player: Player, name: str, proxy: Proxy, seed: int) -> Player:
    """Make another device from a copy of this one's store, its clock off as far."""
    path = player.path.with_name(f"{name}.sqlite")
    player.copy_to(path)
    return Player(name, player.reader, path, proxy, player.ledger, seed, player.offset, suspected=True)
