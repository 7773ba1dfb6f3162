"""What goes wrong in a storm: networks, processes and devices, at random moments of a seed."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks import report
from benchmarks.proxy import Proxy, Trouble
from benchmarks.server import App

BETWEEN = (0.3, 3.0)
HOUR, YEAR = 3_600.0, 31_536_000.0
TURNS = (HOUR, -HOUR, YEAR, -YEAR, 0.0)
"""How far off a device's clock is set; 0 sets it right."""


Fault = Callable[[], Coroutine[None, None, None]]
PARTS = {"api": (1.0, 1.5), "worker": (0.7, 0.7), "postgres": (1.2, 1.2), "valkey": (1.2, 1.2)}
"""How often a part is killed, and how often it is stopped for a while, beside 6 of each trouble of a network."""


class Victim(Protocol):
    """A device that can be tormented."""

    name: str

    async def crash(self) -> None:
        """Lose what is in memory, and begin again from what is stored."""

    async def stay_offline(self, seconds: float) -> None:
        """Sync nothing for so long."""

    def turn_clock(self, seconds: float) -> None:
        """Set the clock so far off what is right."""


@dataclass
class Nemesis:
    """Injects faults until told to stop; everything is as it was when `heal` returns."""

    app: App
    proxies: Sequence[Proxy]
    victims: Sequence[Victim]
    seed: int
    clone: Callable[[random.Random], Awaitable[bool]] | None = None
    """Copy a device's store onto another one; False when there are enough."""
    pace: float = 1.0
    """Multiplies the pauses between faults."""
    counts: Counter[str] = field(default_factory=Counter)
    _running: set["asyncio.Task[None]"] = field(default_factory=set)
    _failed: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    async def run(self, stop: asyncio.Event) -> None:
        """Inject one fault after another; several last at the same time."""
        kinds = self._kinds()
        while not stop.is_set():
            pause = self._chance.uniform(*BETWEEN) * self.pace
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
                return
            if self._failed:
                raise self._failed[0]
            name = self._chance.choices(list(kinds), [weight for weight, _ in kinds.values()])[0]
            task = asyncio.create_task(kinds[name][1](), name=name)
            self._running.add(task)
            task.add_done_callback(self._ended)

    async def heal(self) -> None:
        """End all faults."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for proxy in self.proxies:
            proxy.heal()
        if self._failed:
            raise self._failed[0]

    @property
    def total(self) -> int:
        """How many faults there were."""
        return self.counts.total()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed.append(error)

    def _kinds(self) -> dict[str, tuple[float, Fault]]:
        kinds: dict[str, tuple[float, Fault]] = {
            f"network: {trouble}": (6.0, self._network(trouble)) for trouble in Trouble
        }
        kinds["network: all cut"] = (1.5, self._cut_all)
        for part, (kills, stops) in PARTS.items():
            kinds[f"kill {part}"] = (kills, self._kill(part))
            kinds[f"stop {part}"] = (stops, self._halt(part))
        kinds["device crash"] = (9.0, self._crash)
        kinds["device offline"] = (6.0, self._offline)
        kinds["device clock"] = (4.0, self._turn)
        if self.clone is not None:
            kinds["device cloned"] = (1.0, self._clone)
        return kinds

    def _network(self, trouble: Trouble) -> Fault:
        async def hurt() -> None:
            proxy = self._chance.choice(self.proxies)
            self._note(f"network: {trouble}")
            proxy.begin(trouble)
            try:
                await asyncio.sleep(self._chance.uniform(0.3, 4.0))
            finally:
                proxy.heal()

        return hurt

    async def _cut_all(self) -> None:
        self._note("network: all cut")
        for proxy in self.proxies:
            proxy.begin(Trouble.CUT)
        try:
            await asyncio.sleep(self._chance.uniform(0.3, 3.0))
        finally:
            for proxy in self.proxies:
                proxy.heal()

    def _kill(self, part: str) -> Fault:
        async def hurt() -> None:
            pids = self._some(part)
            if pids:
                self._note(f"kill {part}")
            # PostgreSQL's own children first: the postmaster would otherwise end them in its own way.
            for pid in reversed(pids):
                _send(pid, signal.SIGKILL)

        return hurt

    def _halt(self, part: str) -> Fault:
        async def hurt() -> None:
            pids = self._some(part)
            if pids:
                self._note(f"stop {part}")
            for pid in pids:
                _send(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(self._chance.uniform(0.3, 4.0))
            finally:
                for pid in pids:
                    _send(pid, signal.SIGCONT)

        return hurt

    def _some(self, part: str) -> list[int]:
        """Choose one API process, or both; of other parts all that belongs to them."""
        pids = self.app.pids(part)
        if part == "api" and pids and self._chance.random() < 0.7:
            return [self._chance.choice(pids)]
        return pids

    async def _crash(self) -> None:
        self._note("device crash")
        await self._chance.choice(self.victims).crash()

    async def _offline(self) -> None:
        self._note("device offline")
        await self._chance.choice(self.victims).stay_offline(self._chance.uniform(1.0, 12.0))

    async def _turn(self) -> None:
        self._note("device clock")
        self._chance.choice(self.victims).turn_clock(self._chance.choice(TURNS))

    async def _clone(self) -> None:
        assert self.clone is not None  # noqa: S101 - listed only when given
        if await self.clone(self._chance):
            self._note("device cloned")

    def _note(self, kind: str) -> None:
        self.counts[kind] += 1


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


async def until_ready(app: App, ask: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> float:
    """Wait until all parts run and the API answers; how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if (
            len(app.pids("api")) == 2
            and all(app.pids(part) for part in ("worker", "postgres", "valkey"))
            and await ask()
        ):
            return time.monotonic() - began
        await asyncio.sleep(0.05)
    report.progress("the app did not come back")
    raise TimeoutError("The app did not come back.")
