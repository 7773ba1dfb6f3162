"""Kill a part of the app at random, and tell how long it was until work went on."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks import client, report
from benchmarks.client import LOST, Client, apply
from benchmarks.kill_ledger import Ledger
from benchmarks.server import App

BETWEEN = (0.3, 3.0)
BACK_WITHIN = 60.0


@dataclass
class LiveDevice:
    """A device that follows its reader's changes, and comes back with its last cursor whenever it is cut off."""

    client: Client
    held: dict[str, str] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    reconnects: int = -1
    cursor: str | None = None

    async def follow(self) -> None:
        """Listen until cancelled."""
        while True:
            self.reconnects += 1
            with contextlib.suppress(*LOST):
                async with self.client.socket(after=self.cursor) as ws:
                    async for event in client.events(ws):
                        self._take(event)
            await asyncio.sleep(0.1)

    def _take(self, event: dict[str, Any]) -> None:
        apply(self.held, event)
        self.cursor = event["cursor"]
        if event["__typename"] == "HighlightUpserted":
            self.texts.add(event["highlight"]["text"])


@dataclass
class Kills:
    """When what was killed, and how long each took."""

    app: App
    part: str
    seed: int
    back: list[float] = field(default_factory=list)
    """Seconds until a new process had taken over, and a piece of work begun after that was done."""
    heard: list[float] = field(default_factory=list)
    """Seconds until the live device had heard of such work, too."""
    count: int = 0

    async def run(
        self, seconds: float, least: int, worked: Callable[[float], bool], heard: Callable[[float], bool]
    ) -> None:
        """Kill for so many seconds, and so many times at least."""
        chance = random.Random(self.seed)
        began = time.monotonic()
        while time.monotonic() - began < seconds or self.count < least:
            await asyncio.sleep(chance.uniform(*BETWEEN))
            pid = self.app.pid(self.part)
            if pid is None:
                continue
            os.kill(pid, signal.SIGKILL)
            self.count += 1
            await self._until_back(pid, worked, heard)
            report.progress(
                f"{time.monotonic() - began:5.0f} s  kill {self.count} of the {self.part}: back in {self.back[-1]:.2f} s"
            )

    async def _until_back(self, killed: int, worked: Callable[[float], bool], heard: Callable[[float], bool]) -> None:
        at = time.monotonic()
        while self.app.pid(self.part) in (None, killed):
            await _look(at)
        replaced = time.monotonic()
        while not worked(replaced):
            await _look(at)
        self.back.append(time.monotonic() - at)
        while not heard(replaced):
            await _look(at)
        self.heard.append(time.monotonic() - at)


async def _look(since: float) -> None:
    if time.monotonic() - since > BACK_WITHIN:
        raise TimeoutError("The app did not come back.")
    await asyncio.sleep(0.02)


def heard_by(device: LiveDevice, ledger: Ledger) -> Callable[[float], bool]:
    """Tell whether a device has heard of a write that began after a moment."""
    return lambda moment: any(write.began > moment and write.text in device.texts for write in ledger.acks[-500:])
