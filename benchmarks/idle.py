"""What an idle socket costs the API in memory: subscribed sockets that hear nothing, on a process that has just started."""

import argparse
import asyncio
import time
from pathlib import Path

from benchmarks import client, report
from benchmarks.client import Client
from benchmarks.server import ROOMY, App, running
from core.tasks import cancel_all

READERS, STEPS, WARM_UP = 10, (500, 1_000), 20
SETTLE = 3.0


def resident(app: App) -> int:
    """Tell how many bytes of the API are in memory and its own."""
    figures = Path(f"/proc/{app.pid('api')}/smaps_rollup").read_text().splitlines()
    kibibytes = [int(line.split()[1]) for line in figures if line.startswith(("Private_Clean", "Private_Dirty"))]
    return sum(kibibytes) * 1024


async def measure(app: App) -> list[tuple[int, int]]:
    """Open sockets step by step; the bytes at each count of sockets."""
    async with client.session(60) as http:
        readers = [(await client.sign_up(http, app.url))[1] for _ in range(READERS)]
        told: list[tuple[int, int]] = []
        sockets: list[asyncio.Task[None]] = []
        for wanted in (WARM_UP, *(WARM_UP + step for step in STEPS)):
            while len(sockets) < wanted:
                caught_up = asyncio.Event()
                sockets.append(asyncio.create_task(_follow(readers[len(sockets) % READERS], caught_up)))
                await caught_up.wait()
            await asyncio.sleep(SETTLE)
            if any(task.done() for task in sockets):
                raise RuntimeError("a socket has closed: they are not idle but gone")
            told.append((len(sockets), resident(app)))
            report.progress(f"{len(sockets)} sockets: {told[-1][1] / 2**20:.1f} MiB")
        await cancel_all(sockets)
        return told


async def _follow(reader: Client, caught_up: asyncio.Event) -> None:
    """Listen until cancelled: who does not answer the server's pings is hung up on."""
    async with reader.socket() as ws:
        async for event in client.events(ws):
            if event["__typename"] == "SyncCaughtUp":
                caught_up.set()


def main() -> None:
    """Measure."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    began = time.monotonic()
    with running(**ROOMY) as app:
        told = asyncio.run(measure(app))
    (few, before), *rest = told
    each = [(count - few, (size - before) / (count - few)) for count, size in rest]
    report.write(
        "idle-sockets",
        [
            *report.header(),
            f"counts    sockets of {READERS} readers, each following highlightChanges, caught up and idle; {few} before",
            f"duration  {time.monotonic() - began:.0f} s",
            "memory    private pages of the API process, which has just started",
            "",
            f"{few:>6} sockets {before / 2**20:8.1f} MiB",
            *(f"{count:>6} sockets {size / 2**20:8.1f} MiB" for count, size in rest),
            "",
            *(f"{size / 1024:6.1f} KiB for each of {count} more idle sockets" for count, size in each),
        ],
    )


if __name__ == "__main__":
    main()
