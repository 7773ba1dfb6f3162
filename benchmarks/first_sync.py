"""Sync a reader's highlights to new reference devices: how long it takes, and what it costs the API server's memory.

One device makes some offline and pushes them; the database multiplies them. Then, each time with an API process that has served
one small sync before, a new device takes them: by pulling, and over the live socket alone. The server's limits are the usual ones.
"""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks import report
from benchmarks.client import PASSWORD
from benchmarks.server import App, running
from device import Device, Store

BOOKS = 20
NAME, OTHER = "firstsync", "warmup"
WARM, PUSHED = 50, 200
REGISTERS = ("passage", "note", "color", "visibility", "life")
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Run:
    """One sync of everything to one new device."""

    way: str
    seconds: float
    rows: int
    before: int
    peak: int
    after: int

    def line(self) -> str:
        """Tell it in one line."""
        growth = (self.peak - self.before) / MEBIBYTE
        rate = self.rows / self.seconds
        figures = f"{self.seconds:6.1f} s   {rate:6.0f} a second   API {self.before / MEBIBYTE:6.1f} MiB before"
        return f"{self.way:<8} {figures}   {self.peak / MEBIBYTE:6.1f} at most   {growth:+5.1f}   {self.after / MEBIBYTE:6.1f} after"


def memory(pid: int, name: str) -> int:
    """Read a figure of a process: VmRSS (now) or VmHWM (at most, since the last reset)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise RuntimeError(f"No {name} of {pid}.")


def reset_peak(pid: int) -> None:
    """Let VmHWM begin anew at what is held now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def api_of(app: App) -> int:
    """Find the API's process."""
    pid = app.pid("api")
    if pid is None:
        raise RuntimeError("There is no API process.")
    return pid


async def fresh_api(app: App, folder: Path) -> int:
    """Let a new API process take over, and warm it up: what is measured is the sync, not the first request."""
    old = api_of(app)
    os.kill(old, signal.SIGTERM)
    while app.pid("api") in (None, old):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.1)
    name = f"warm-{old}"
    small = Device(Store(folder / f"{name}.db"))
    while True:
        try:
            await small.sign_in(app.url, OTHER, PASSWORD, name=name)
            break
        except Exception:  # noqa: BLE001 - until it serves
            await asyncio.sleep(0.2)
    await small.sync_once()
    await by_socket(small, WARM)
    await small.close()
    return api_of(app)


async def by_pulls(device: Device, count: int) -> None:
    """Take everything as a device does that was opened for a moment."""
    del count
    await device.sync_once()


async def by_socket(device: Device, count: int) -> None:
    """Take everything over the live socket alone."""
    # One commit for all: an fsync an event would time this machine's disk. (A running device pulls before it listens.)
    with device.store.transaction():
        await _heard(device)
    if device.store.count() != count:
        raise RuntimeError(f"{device.store.count()} of {count} came.")


async def _heard(device: Device) -> None:
    async with device.live.open(device.store.get("token")) as feed:
        position = device.engine.position
        await feed.subscribe(device.store.get("device_id"), position.cursor)
        told = {"__typename": ""}
        while told["__typename"] != "SyncCaughtUp":
            told = await feed.next()
            if not device.engine.take_event(position, told).taken:
                raise RuntimeError("The feed and the device went apart.")
            position = device.engine.position


async def measured(app: App, folder: Path, count: int, way: str, take: Callable[[Device, int], Awaitable[None]]) -> Run:
    """Let a new device take everything; what that costs."""
    pid = await fresh_api(app, folder)
    device = Device(Store(folder / f"{way}.db"))
    await device.sign_in(app.url, NAME, PASSWORD, name=f"By {way}")
    reset_peak(pid)
    before, began = memory(pid, "VmRSS"), time.monotonic()
    await take(device, count)
    seconds = time.monotonic() - began
    peak, after = memory(pid, "VmHWM"), memory(pid, "VmRSS")
    if device.store.count() != count or api_of(app) != pid:
        raise RuntimeError(f"{device.store.count()} of {count} came, or the API was replaced meanwhile.")
    await device.close()
    run = Run(way, seconds, count, before, peak, after)
    report.progress(run.line())
    return run


async def filled(app: App, folder: Path, name: str, count: int) -> float:
    """Make highlights offline on a first device, and push them; how long the push took."""
    store = Store(folder / f"{name}.db")
    device = Device(store, on_taken=lambda _: report.progress(f"{count - store.pending()} of {count} pushed"))
    await device.sign_up(app.url, name, f"{name}@example.org", PASSWORD, name="First")
    with store.transaction():
        for number in range(count):
            book = {"named": {"title": f"The Ledger of Small Tides {number % BOOKS}", "authors": ["Ines Haddock"]}}
            words = f"Line {number}: " + "the water keeps its own account of every stone it has turned over. " * 4
            anchor = {
                "locationStart": number * 40,
                "locationEnd": number * 40 + 30,
                "prefix": words[:60],
                "percent": 50.0,
            }
            device.engine.create(book, words, anchor=anchor, note=f"note {number}" if number % 3 == 0 else None)
    began = time.monotonic()
    await device.push()
    await device.close()
    return time.monotonic() - began


async def multiplied(app: App, count: int) -> None:
    """Let the reader have so many highlights: pushing them all is not what is measured."""
    connection = await asyncpg.connect(app.database_url.replace("+asyncpg", ""))
    mine = f"user_id = (SELECT id FROM users WHERE username = '{NAME}')"  # noqa: S608
    await connection.execute(f"CREATE TEMP TABLE more AS SELECT * FROM highlights WHERE {mine}")  # noqa: S608
    for _ in range(count // PUSHED - 1):
        stamps = ", ".join(f"{name}_seq = {name}_seq + {PUSHED}" for name in REGISTERS)
        await connection.execute(f"UPDATE more SET id = gen_random_uuid(), seq = seq + {PUSHED}, {stamps}")  # noqa: S608
        await connection.execute("INSERT INTO highlights SELECT * FROM more")
    await connection.execute(f"UPDATE sync_counters SET seq = {count} WHERE {mine}")  # noqa: S608
    await connection.execute("VACUUM ANALYZE highlights")
    await connection.close()


async def main(count: int) -> None:
    """Measure, and write the result."""
    with running() as app, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await filled(app, folder, OTHER, WARM)
        pushed = await filled(app, folder, NAME, PUSHED)
        await multiplied(app, count)
        runs = [
            await measured(app, folder, count, "pulls", by_pulls),
            await measured(app, folder, count, "socket", by_socket),
        ]
    lines = [
        f"counts    {count} highlights of {BOOKS} books",
        f"pushed    the first {PUSHED} in {pushed:.1f} s by one reference device, 100 operations a push",
        "",
        *(run.line() for run in runs),
        "",
        "Growth is VmHWM, reset right before, less VmRSS right before: the budget is 50 MiB.",
    ]
    report.write("first-sync", [*report.header(), *lines])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    asyncio.run(main(parser.parse_args().count))
