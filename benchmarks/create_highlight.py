"""How long a create takes over HTTP, and how long until the reader's connected devices have it.

The creates come one after another over one connection; the devices listen in a third process, so that neither the app
nor the creates wait for them. Both take CLOCK_MONOTONIC, which is one for all processes of a machine.
"""

import argparse
import asyncio
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from benchmarks import client, report
from benchmarks.client import Client
from benchmarks.server import ROOMY, App, running

Heard = Mapping[str, Sequence[float]]
RUNS, WARM_UP = 3, 50
BUDGETS = {"create p99": 100.0, "delivery p95": 250.0}
PATIENCE = 60.0
CONNECTING = 20
"""Devices that connect at once: how a herd of them fares is not measured here."""


@dataclass(frozen=True)
class Load:
    """What is asked of the app: `rate` creates a second, or 0: one after another; at most `seconds` of them."""

    devices: int
    count: int
    rate: float
    seconds: float


@dataclass(frozen=True)
class Run:
    """The figures of one run: seconds of each create, and of each delivery after the acknowledgement."""

    seconds: float
    creates: list[float]
    deliveries: list[float]
    missing: int
    cpu: float
    """Seconds that the API process computed: what a busy machine does not change."""

    @property
    def figures(self) -> dict[str, float]:
        """The run in milliseconds."""
        return {
            "create p50": report.quantile(self.creates, 0.50) * 1_000,
            "create p99": report.quantile(self.creates, 0.99) * 1_000,
            "delivery p50": report.quantile(self.deliveries, 0.50) * 1_000,
            "delivery p95": report.quantile(self.deliveries, 0.95) * 1_000,
        }


def listen(pipe: "Connection[object, object]", url: str, devices: list[tuple[str, str]]) -> None:
    """Be all devices, in a process of their own."""
    asyncio.run(_listen(pipe, url, devices))


async def _listen(pipe: "Connection[object, object]", url: str, devices: list[tuple[str, str]]) -> None:
    heard: dict[str, list[float]] = defaultdict(list)
    ready = asyncio.Semaphore(0)
    turn = asyncio.Semaphore(CONNECTING)

    async def one(device: Client) -> None:
        await turn.acquire()
        async with device.socket() as ws:
            async for event in client.events(ws):
                if event["__typename"] == "SyncCaughtUp":
                    turn.release()
                    ready.release()
                elif event["__typename"] == "HighlightUpserted":
                    heard[event["highlight"]["uuid"]].append(time.monotonic())

    async with client.session(PATIENCE) as http:
        tasks = [asyncio.create_task(one(Client(http, url, token, device_id))) for token, device_id in devices]
        for _ in devices:
            await ready.acquire()
        pipe.send("ready")
        while (expected := await asyncio.to_thread(pipe.recv)) is not None:
            await _until_heard(heard, int(str(expected)))
            pipe.send(dict(heard))
            heard.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_heard(heard: Heard, expected: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while sum(map(len, heard.values())) < expected and time.monotonic() < deadline:  # noqa: ASYNC110 - many are awaited
        await asyncio.sleep(0.05)


async def measure(app: App, load: Load) -> list[Run]:
    """Connect the devices, and make all runs."""
    async with client.session(PATIENCE) as http:
        name, reader = await client.sign_up(http, app.url)
        report.progress(f"signing in on {load.devices} devices …")
        others = [reader, *await client.connect_devices(http, app.url, name, load.devices - 1)]
        pipe, theirs = multiprocessing.get_context("spawn").Pipe()
        known = [(device.token or "", device.device_id) for device in others]
        process = multiprocessing.get_context("spawn").Process(target=listen, args=(theirs, app.url, known))
        process.start()
        try:
            await asyncio.wait_for(asyncio.to_thread(pipe.recv), PATIENCE)
            await _run(app, reader, pipe, replace(load, count=min(WARM_UP, load.count)))
            runs = []
            for number in range(RUNS):
                runs.append(await _run(app, reader, pipe, load))
                report.progress(f"run {number + 1}: {_told(runs[-1])}")
            pipe.send(None)
            await asyncio.to_thread(process.join, 10)
            return runs
        finally:
            process.kill()


async def _run(app: App, reader: Client, pipe: "Connection[object, object]", load: Load) -> Run:
    creates: list[float] = []
    acknowledged: dict[str, float] = {}
    began, computed = time.monotonic(), app.cpu("api")
    for number in range(load.count):
        if time.monotonic() - began > load.seconds:
            break
        if load.rate:
            await asyncio.sleep(max(0.0, began + number / load.rate - time.monotonic()))
        before = time.monotonic()
        uuid = await reader.create(f"Passage {number}: the tide writes it twice, and forgets it once. {before}")
        acknowledged[uuid] = time.monotonic()
        creates.append(acknowledged[uuid] - before)
    seconds = time.monotonic() - began
    expected = len(creates) * load.devices
    pipe.send(expected)
    heard = await asyncio.to_thread(pipe.recv)
    if not isinstance(heard, dict):
        raise TypeError(heard)
    cpu = app.cpu("api") - computed
    late = [at - acknowledged[uuid] for uuid, times in heard.items() for at in times]
    return Run(seconds, creates, late, expected - len(late), cpu)


def _told(run: Run) -> str:
    figures = ", ".join(f"{name} {value:.1f} ms" for name, value in run.figures.items())
    count = len(run.creates)
    return (
        f"{figures}; {count} creates in {run.seconds:.1f} s ({count / run.seconds:.0f}/s), "
        f"{run.missing} of {len(run.deliveries) + run.missing} deliveries missing; "
        f"the API computed {run.cpu / count * 1_000:.1f} ms a create, its deliveries included"
    )


def lines(runs: Sequence[Run], load: Load) -> list[str]:
    """Tell the runs and their medians."""
    pace = f"{load.rate:g} a second" if load.rate else "one after another, without a pause"
    told = [
        *report.header(),
        f"counts    {RUNS} runs of {load.count:,} creates, or of as many as go into {load.seconds:g} s, {pace},",
        f"          after up to {WARM_UP} to warm up; {load.devices} connected devices",
        f"duration  {sum(run.seconds for run in runs):.1f} s of load",
        "delivery  from the acknowledgement to the event on a device's socket, over all devices and creates;",
        "          below zero: the device had it before its maker had the answer",
        "",
        *(f"run {number}     {_told(run)}" for number, run in enumerate(runs, 1)),
        "",
    ]
    for name in runs[0].figures:
        middle = report.median([run.figures[name] for run in runs])
        told.append(f"median    {name:<13} {middle:8.1f} ms{_verdict(name, middle)}")
    return told


def _verdict(name: str, value: float) -> str:
    if name not in BUDGETS:
        return ""
    return f"   budget {BUDGETS[name]:.0f} ms: {'kept' if value < BUDGETS[name] else 'MISSED'}"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=0.0, help="creates a second; 0: one after another")
    parser.add_argument("--seconds", type=float, default=60.0, help="the longest that one run may take")
    parser.add_argument("--name", default="create-highlight", help="the file in results/")
    wanted = parser.parse_args()
    load = Load(wanted.devices, wanted.count, wanted.rate, wanted.seconds)
    with running(**ROOMY) as app:
        runs = asyncio.run(measure(app, load))
    report.write(wanted.name, lines(runs, load))


if __name__ == "__main__":
    main()
