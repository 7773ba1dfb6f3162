"""How long until connected devices have a change: with 100 and with 500 of them, of one reader and of many.

Creates come at a fixed pace, from each reader in turn; devices listen in a process of their own. Both processes take
CLOCK_MONOTONIC, which is one for all processes of a machine.
"""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import aiohttp

from benchmarks import client, report
from benchmarks.client import Client
from benchmarks.create_highlight import listen
from benchmarks.server import ROOMY, App, running

RUNS = 3
BUDGET = 250.0
PATIENCE = 120.0
SEPARATE = """mutation($input: SeparateDeviceInput!) { it: separateDevice(input: $input) {
  token device { id } userErrors { code message } } }"""


@dataclass(frozen=True)
class Scene:
    """Who is connected, and how often something happens."""

    readers: int
    devices: int
    """Of each reader."""
    sockets: int
    """Of each device."""
    rate: float
    count: int

    @property
    def connected(self) -> int:
        """How many sockets there are."""
        return self.readers * self.devices * self.sockets

    def __str__(self) -> str:
        more = f" x {self.sockets} sockets" if self.sockets > 1 else ""
        return f"{self.connected} connected: {self.readers} readers x {self.devices} devices{more}"


SCENES = (
    Scene(readers=1, devices=100, sockets=1, rate=0.5, count=15),
    Scene(readers=50, devices=10, sockets=1, rate=4, count=60),
    # A reader has at most 100 devices.
    Scene(readers=1, devices=100, sockets=5, rate=0.25, count=6),
)


@dataclass(frozen=True)
class Run:
    """Seconds from each acknowledgement to each event, and what was missing."""

    late: list[float]
    missing: int
    cpu: float
    """Seconds that the API computed for each create."""

    def at(self, share: float) -> float:
        """The quantile, in milliseconds."""
        return report.quantile(self.late, share) * 1_000


async def connect(http: aiohttp.ClientSession, url: str, scene: Scene) -> tuple[list[Client], list[Client]]:
    """Make the readers, and all devices; each further device by separating it, which costs no password's hash."""
    readers, everyone = [], []
    for _ in range(scene.readers):
        _, reader = await client.sign_up(http, url)
        readers.append(reader)
        devices = [reader]
        for _ in range(scene.devices - 1):
            made = await reader.change(SEPARATE, deviceId=reader.device_id)
            devices.append(Client(http, url, made["token"], made["device"]["id"]))
        everyone += devices * scene.sockets
    return readers, everyone


async def measure(app: App, scene: Scene) -> list[Run]:
    """Connect all, and make all runs."""
    async with client.session(PATIENCE) as http:
        report.progress(f"{scene}: connecting …")
        readers, everyone = await connect(http, app.url, scene)
        spawning = multiprocessing.get_context("spawn")
        pipe, theirs = spawning.Pipe()
        known = [(one.token or "", one.device_id) for one in everyone]
        process = spawning.Process(target=listen, args=(theirs, app.url, known))
        process.start()
        try:
            await asyncio.wait_for(asyncio.to_thread(pipe.recv), PATIENCE)
            await _run(app, readers, pipe, scene, count=min(10, scene.count))
            runs = []
            for number in range(RUNS):
                runs.append(await _run(app, readers, pipe, scene, count=scene.count))
                report.progress(f"run {number + 1}: {_told(runs[-1])}")
            pipe.send(None)
            await asyncio.to_thread(process.join, 10)
            return runs
        finally:
            process.kill()


async def _run(
    app: App, readers: Sequence[Client], pipe: "Connection[object, object]", scene: Scene, *, count: int
) -> Run:
    acknowledged: dict[str, float] = {}
    began, computed = time.monotonic(), app.cpu("api")
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / scene.rate - time.monotonic()))
        uuid = await readers[number % len(readers)].create(f"Tide {number} came in at {time.monotonic()}.")
        acknowledged[uuid] = time.monotonic()
    expected = count * scene.devices * scene.sockets
    pipe.send(expected)
    heard = await asyncio.to_thread(pipe.recv)
    if not isinstance(heard, dict):
        raise TypeError(heard)
    late = [at - acknowledged[uuid] for uuid, times in heard.items() for at in times]
    return Run(late, expected - len(late), (app.cpu("api") - computed) / count)


def _told(run: Run) -> str:
    figures = ", ".join(f"p{share * 100:.0f} {run.at(share):.0f} ms" for share in (0.5, 0.95, 0.99))
    missing = f"{run.missing} of {len(run.late) + run.missing} missing"
    return f"{figures}; {missing}; the API computed {run.cpu * 1_000:.0f} ms a create, its deliveries included"


def lines(scene: Scene, runs: Sequence[Run]) -> list[str]:
    """Tell the runs of a scene and their medians."""
    told = [f"{scene}; {RUNS} runs of {scene.count} creates, {scene.rate:g} a second"]
    told += [f"  run {number}   {_told(run)}" for number, run in enumerate(runs, 1)]
    for share in (0.5, 0.95, 0.99):
        middle = report.median([run.at(share) for run in runs])
        verdict = f"   budget {BUDGET:.0f} ms: {'kept' if middle < BUDGET else 'MISSED'}" if share == 0.95 else ""
        told.append(f"  median  p{share * 100:.0f} {middle:8.1f} ms{verdict if scene is SCENES[0] else ''}")
    return [*told, ""]


def main() -> None:
    """Measure every scene on an app of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="delivery", help="the file in results/")
    wanted = parser.parse_args()
    told: list[str] = []
    for scene in SCENES:
        with running(**ROOMY) as app:
            told += lines(scene, asyncio.run(measure(app, scene)))
    heading = [
        "delivery  from the acknowledgement to the event on a device's socket, over all devices and creates;",
        "          below zero: the device had it before its maker had the answer",
        "settings  SOCKETS_PER_READER=1000, allowances out of the way; one API process",
        "",
    ]
    report.write(wanted.name, [*report.header(), *heading, *told])


if __name__ == "__main__":
    main()
