"""What the tests of embedded servers and child processes share."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
from redis.asyncio import Redis

from runtime.embedded import EmbeddedServers
from runtime.processes import lock_is_free

ROOT = Path(__file__).parents[2]

# Starts or joins, says what it sees, and watches until it is told to stop.
PROCESS = """
import asyncio, json, signal, sys
from pathlib import Path
from runtime.embedded import EmbeddedServers

async def main() -> None:
    servers = await EmbeddedServers.start(Path(sys.argv[1]), durable=False)
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    print(json.dumps({"owner": servers.is_owner, "url": servers.database_url,
                      "pids": [servers.postgres_pid, servers.valkey_pid]}), flush=True)
    try:
        await servers.watch()
    finally:
        await servers.stop()

asyncio.run(main())
"""


class Process:
    """Another process on the same DATA_DIR."""

    def __init__(self, data_dir: Path) -> None:
        command = [sys.executable, "-c", PROCESS, str(data_dir)]
        self.child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def said(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        said: dict[str, Any] = json.loads(self.child.stdout.readline())
        return said

    def end(self, number: signal.Signals) -> None:
        self.child.send_signal(number)
        self.child.communicate(timeout=10)


@contextlib.asynccontextmanager
async def started(data_dir: Path, *, durable: bool = False) -> AsyncIterator[EmbeddedServers]:
    servers = await EmbeddedServers.start(data_dir, durable=durable)
    watching = asyncio.create_task(servers.watch())
    try:
        yield servers
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await servers.stop()


async def query(url: str | None, sql: str) -> object:
    assert url is not None
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=2)
    try:
        found: object = await connection.fetchval(sql)
        return found
    finally:
        await connection.close()


async def valkey(url: str | None, *command: str) -> object:
    assert url is not None
    async with Redis.from_url(url, decode_responses=True) as client:
        answer: object = await client.execute_command(*command)
        return answer


async def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


def runs(pid: int | None) -> bool:
    """A zombie that nobody reaps does not run."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def command_line(pid: int | None) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def nothing_runs(data_dir: Path) -> bool:
    """Every process of a server holds that server's lock."""
    return all(lock_is_free(data_dir / "embedded" / f"{name}.lock") for name in ("postgres", "valkey", "owner"))
