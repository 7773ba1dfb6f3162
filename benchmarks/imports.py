"""Import large files: how long it takes, how much memory, and how long the event loop is kept from anything else.

API and worker share one process here, so that what the worker does to its loop is what a request would feel. Large files are
read in a process of their own, whose memory is told apart.
"""

import argparse
import asyncio
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import orjson
from aiohttp.test_utils import TestClient, TestServer

from app import CONTAINER, create_app
from benchmarks import report
from benchmarks.server import data_dir
from core import logging
from core.database import Database
from core.settings import LogLevel, Settings
from runtime.container import Container
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate
from services.jobs import JobRunner
from tests.support.api import Reader, sign_up
from tests.support.uploads import upload
from workers.main import BURIALS, HANDLERS

TICK, SUSPICIOUS = 0.005, 0.05
BOOKS = 200
MEBIBYTE = 1 << 20
WORDS = (
    "The harbour clerk counted the lamps again and wrote the number down beside the tide, as if either could be kept. "
)
FIELDS = "state error total created unchanged skipped"


def clippings(size: int) -> Iterator[str]:
    """Write clippings of about so many bytes: passages of 2,000 letters, one in eight with a note."""
    written = number = 0
    while written < size:
        number += 1
        title = f"Ledger of Tides {number % BOOKS} (Ines Haddock)"
        place, minute = number * 7, f"{number // 60 % 24:02}:{number % 60:02}"
        added = f"Added on Friday, {number % 28 + 1} July 2022 {minute}:00"
        text = f"{title}\r\n- Your Highlight at location {place}-{place + 4} | {added}\r\n\r\n{number}. {WORDS * 20}\r\n==========\r\n"
        if number % 8 == 0:
            text += (
                f"{title}\r\n- Your Note at location {place + 4} | {added}\r\n\r\nA note to {number}.\r\n==========\r\n"
            )
        written += len(text)
        yield text


def own_json(size: int) -> Iterator[str]:
    """Write our own JSON of about so many bytes."""
    yield '{"format":"commonplace-highlights","version":1,"books":[\n'
    written = number = 0
    for book in range(BOOKS):
        head = {"isbn": None, "title": f"Ledger {book}", "authors": ["Ines Haddock"], "publisher": None}
        yield ("," if book else "") + orjson.dumps(head).decode()[:-1] + ',"highlights":[\n'
        first = True
        while written < size * (book + 1) // BOOKS:
            number += 1
            anchor = {"locationStart": number, "locationEnd": number + 4, "percent": number % 100 + 0.5}
            at = f"2022-07-{number % 28 + 1:02}T{number // 60 % 24:02}:{number % 60:02}:00.000000Z"
            one = {"uuid": str(UUID(int=number)), "text": f"{number}. {WORDS * 20}", "anchor": anchor, "note": None}
            line = orjson.dumps(
                one | {"color": "BLUE", "visibility": "PRIVATE", "createdAt": at, "updatedAt": at}
            ).decode()
            yield ("" if first else ",\n") + line
            written, first = written + len(line), False
        yield "\n]}\n"
    yield "]}\n"


class Ticker:
    """Wants to run every few milliseconds, and remembers the longest it had to wait, and what ran meanwhile."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.computed: list[float] = []
        self.meanwhile = ""
        self._last = time.perf_counter()
        self._seen = 0.0

    async def run(self) -> None:
        """Tick for ever."""
        watched = threading.get_ident()
        threading.Thread(target=self._watch, args=(watched,), daemon=True).start()
        while True:
            began, computed = time.perf_counter(), time.thread_time()
            self._last = began
            await asyncio.sleep(TICK)
            self.waits.append(time.perf_counter() - began - TICK)
            self.computed.append(time.thread_time() - computed)

    def _watch(self, watched: int) -> None:
        while True:
            time.sleep(0.01)
            late = time.perf_counter() - self._last
            if late > max(SUSPICIOUS, self._seen):
                self._seen = late
                stack = traceback.extract_stack(sys._current_frames()[watched])[-5:]  # noqa: SLF001 - there is no other way to look
                self.meanwhile = " < ".join(
                    f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in reversed(stack)
                )


def held(name: str, pid: str = "self") -> float:
    """Read how many MiB a process holds (VmRSS), or held at most (VmHWM); 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def forget_peak() -> None:
    """Let VmHWM begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def apart() -> float:
    """Tell how many MiB the reading process held at most so far; 0 when there is none."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    reading = [pid for pid in children if b"services.imports.apart" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return max((held("VmHWM", pid) for pid in reading), default=0.0)


async def bring_in(reader: Reader, container: Container, kind: str, data: bytes) -> list[str]:
    """Upload a file, import it to its end, and tell what that took."""
    media = await upload(reader, data, "text/plain")
    forget_peak()
    before = held("VmRSS")
    made = await reader.mutate("importHighlights", "import { id }", format=kind, mediaId=media)
    ticker = Ticker()
    ticking = asyncio.create_task(ticker.run())
    runner = JobRunner(container.transaction, HANDLERS, lease=timedelta(seconds=15), burials=BURIALS)
    began = time.perf_counter()
    importing = asyncio.create_task(runner.run_due())
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Import {{ {FIELDS} }} }} }}"
    first = child = 0.0
    while not importing.done():
        await asyncio.wait([importing], timeout=1.0 if first else 0.1)
        child = max(child, 0.0 if first else apart())
        found = (await reader.run(query, id=made["import"]["id"]))["node"]
        first = first or (time.perf_counter() - began if found["total"] else 0.0)
    seconds = time.perf_counter() - began
    ticking.cancel()
    await importing
    found = (await reader.run(query, id=made["import"]["id"]))["node"]
    if found["state"] != "DONE" or not found["created"]:
        raise RuntimeError(f"The import went wrong: {found}")
    peak, rate = held("VmHWM"), found["created"] / seconds
    longest, late = max(ticker.waits) * 1000, report.quantile(ticker.waits, 0.999) * 1000
    return [
        "",
        f"{kind}, {len(data) / MEBIBYTE:.1f} MiB: {found['total']} records, {found['created']} created, {found['skipped']} skipped",
        f"  time                      {seconds:8.1f} s; read after {first:.1f} s; then {rate:.0f} highlights a second",
        f"  API and worker            {before:8.1f} MiB before, {peak:.1f} at most ({peak - before:+.1f})",
        f"  the process that reads    {child:8.1f} MiB at most, given back at its end",
        f"  event loop kept waiting   {longest:8.1f} ms at most, 99.9 % {late:.1f} ms, of {len(ticker.waits)} ticks",
        f"  of it by computing itself {max(ticker.computed) * 1000:8.1f} ms at most; the rest is the machine's other work",
        f"  what ran then             {ticker.meanwhile or 'nothing over 50 ms'}",
    ]


async def measure(size: int) -> list[str]:
    """Serve the API and work from this process, on servers of its own."""
    with data_dir() as home:
        servers = await EmbeddedServers.start(home, durable=False)
        try:
            if servers.database_url is None or servers.redis_url is None:
                raise RuntimeError("The embedded servers did not say where they answer.")
            database = Database(servers.database_url, pool_size=2)
            await migrate(database.engine)
            await database.close()
            settings = Settings(data_dir=home, cost_per_minute=10**9)
            app = create_app(settings, database_url=servers.database_url, redis_url=servers.redis_url)
            async with TestClient(TestServer(app)) as client:
                # As the server does, lest every look for garbage goes through the schema.
                gc.collect()
                gc.freeze()
                lines = []
                for name, kind, parts in (("mine", "MY_CLIPPINGS", clippings), ("own", "JSON", own_json)):
                    report.progress(kind)
                    data = "".join(parts(size)).encode()
                    lines += await bring_in(await sign_up(client, name), app[CONTAINER], kind, data)
                return lines
        finally:
            await servers.stop()


def main() -> None:
    """Import."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=20)
    wanted = parser.parse_args()
    logging.set_up(LogLevel.WARNING)
    lines = asyncio.run(measure(round(wanted.megabytes * MEBIBYTE)))
    report.write("imports", [*report.header(), "limit     event loop at most 100 ms", *lines])


if __name__ == "__main__":
    main()
