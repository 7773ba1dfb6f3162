"""The API and a worker, each behind proxies of its own to PostgreSQL and Valkey, and what can be done to them."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import make_url

from benchmarks.proxy import Proxy, Trouble
from benchmarks.server import ROOMY, ROOT
from core.database import Database, answers
from runtime.embedded import EmbeddedServers
from runtime.launch import child_argv
from runtime.migrations import migrate
from runtime.processes import spawn
from runtime.servers import free_port

READY_SECONDS = 60.0
ONE_WAY = 0.25
FIGURE = re.compile(r'^(\w+)(?:\{[^}"]*"([^"]*)"[^}]*\})? (\S+)$', re.MULTILINE)


class Part(StrEnum):
    """What is hurt."""

    VALKEY = "valkey"
    WORKER = "worker"
    POSTGRES = "postgres"


class Fault(StrEnum):
    """What is done to it."""

    KILL = "kill"
    STOP = "stop"
    BLACKHOLE = "blackhole"
    LATENCY = "500 ms"
    DRIP = "drip"


TROUBLES = {Fault.BLACKHOLE: Trouble.STALL, Fault.LATENCY: Trouble.DELAY, Fault.DRIP: Trouble.DRIP}


@dataclass(frozen=True)
class Holdings:
    """What the API holds at one moment."""

    tasks: int
    descriptors: int
    """Besides those of the connections."""
    connections: int
    """To PostgreSQL and Valkey; pools keep as many as were ever needed at once."""

    def beyond(self, before: "Holdings") -> "Holdings":
        """Tell what is held more than before."""
        return Holdings(
            self.tasks - before.tasks, self.descriptors - before.descriptors, self.connections - before.connections
        )


@dataclass(frozen=True)
class Turn:
    """A circuit breaker of the API opened or closed."""

    at: float
    name: str
    is_open: bool


@dataclass
class World:
    """The processes."""

    home: Path
    servers: EmbeddedServers
    database: Database
    port: int
    proxies: dict[tuple[str, Part], Proxy]
    api_processes: int
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _stopped: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str) -> None:
        """Start the API, called `serve`, or the worker."""
        database = make_url(self.servers.database_url or "").set(port=self.proxies[name, Part.POSTGRES].port)
        redis_url = re.sub(r":\d+(/|$)", rf":{self.proxies[name, Part.VALKEY].port}\1", self.servers.redis_url or "")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | {
            **ROOMY,
            "DATABASE_URL": database.render_as_string(hide_password=False),
            "REDIS_URL": redis_url,
            "DATA_DIR": str(self.home / "app"),
            "PORT": str(self.port),
            "PYTHONPATH": str(ROOT),
            "LOG_LEVEL": "info",
        }
        more = ["--workers", str(self.api_processes)] if name == "serve" and self.api_processes > 1 else []
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = spawn(
                [*child_argv(name), *more],
                death_signal=signal.SIGKILL,
                env=environment,
                output=log.fileno(),
                cwd=str(self.home),
            )

    async def until_ready(self, http: aiohttp.ClientSession) -> None:
        """Wait until the API answers."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.processes["serve"].poll() is None:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"{self.url}/ready") as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.1)
        raise RuntimeError((self.home / "serve.log").read_text(errors="replace")[-3_000:])

    async def hurt(self, part: Part, fault: Fault) -> None:
        """Begin a fault."""
        if fault in TROUBLES:
            for proxy in self._network_of(part):
                proxy.begin(TROUBLES[fault])
            return
        # The parent first, which then starts no more children; and is killed last.
        self._stopped = self._pids(part)[:1]
        for pid in self._stopped:
            os.kill(pid, signal.SIGSTOP)
        self._stopped = self._pids(part)
        pids, self._stopped = self._stopped, [] if fault is Fault.KILL else self._stopped
        for pid in reversed(pids):
            # Children of PostgreSQL come and go.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if fault is Fault.KILL else signal.SIGSTOP)

    async def heal(self, part: Part) -> None:
        """End whatever was begun; what was killed is started again."""
        for proxy in self._network_of(part):
            proxy.heal()
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._stopped = []
        if part is Part.WORKER and self.processes["worker"].poll() is not None:
            self.start("worker")
        watching = asyncio.create_task(self.servers.watch())
        try:
            while not await self._servers_answer():  # noqa: ASYNC110 - they answer or not
                await asyncio.sleep(0.02)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def holdings(self, http: aiohttp.ClientSession) -> Holdings:
        """Count what the API holds."""
        told = await self._figures(http)
        tasks = next(float(value) for name, _, value in told if name == "event_loop_tasks")
        connections = sum(proxy.connections for (name, _), proxy in self.proxies.items() if name == "serve")
        return Holdings(int(tasks), self._descriptors() - connections, connections)

    async def open_circuits(self, http: aiohttp.ClientSession) -> set[str]:
        """Name the circuits that are not closed, of the API or the worker."""
        told = await self._figures(http)
        return {label for name, label, value in told if name == "circuit_breaker_state" and float(value)}

    async def _figures(self, http: aiohttp.ClientSession) -> list[tuple[str, str, str]]:
        async with http.get(f"{self.url}/metrics") as answer:
            return FIGURE.findall(await answer.text())

    def _descriptors(self) -> int:
        pids = _with_children(self.processes["serve"].pid)
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)

    async def _servers_answer(self) -> bool:
        if self.servers.postgres_pid is None or self.servers.valkey_pid is None:
            return False
        async with Redis.from_url(self.servers.redis_url or "", socket_timeout=1) as redis:
            with contextlib.suppress(RedisError, OSError):
                return bool(await redis.ping()) and await answers(self.database.engine)
        return False

    def turns(self) -> Iterator[Turn]:
        """Read from the API's log when its circuit breakers opened and closed, in seconds of the epoch."""
        for line in (self.home / "serve.log").read_text(errors="replace").splitlines():
            if '"circuit_open"' in line or '"circuit_closed"' in line:
                told = json.loads(line)
                at = datetime.fromisoformat(told["timestamp"]).timestamp()
                yield Turn(at, told["service"], told["event"] == "circuit_open")

    def _network_of(self, part: Part) -> list[Proxy]:
        if part is Part.WORKER:
            return [proxy for (name, _), proxy in self.proxies.items() if name == "worker"]
        return [proxy for (_, server), proxy in self.proxies.items() if server is part]

    def _pids(self, part: Part) -> list[int]:
        if part is Part.WORKER:
            return [self.processes["worker"].pid]
        pid = self.servers.valkey_pid if part is Part.VALKEY else self.servers.postgres_pid
        return [] if pid is None else _with_children(pid)


def _with_children(pid: int) -> list[int]:
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


@contextmanager
def _all_ended(world: World) -> Iterator[None]:
    try:
        yield
    finally:
        for process in world.processes.values():
            process.kill()
            process.wait()


@asynccontextmanager
async def world_in(home: Path, *, api_processes: int = 1) -> AsyncIterator[World]:
    """Run it all until the block ends."""
    servers = await EmbeddedServers.start(home)
    try:
        database = Database(servers.database_url or "", pool_size=2)
        await migrate(database.engine)
        upstream = {
            Part.POSTGRES: make_url(servers.database_url or "").port or 0,
            Part.VALKEY: int(re.findall(r":(\d+)(?:/|$)", servers.redis_url or "")[0]),
        }
        async with AsyncExitStack() as stack:
            proxies = {
                (name, part): await stack.enter_async_context(Proxy(port, speaks_http=False, delay=(ONE_WAY, ONE_WAY)))
                for name in ("serve", "worker")
                for part, port in upstream.items()
            }
            world = World(home, servers, database, free_port(), proxies, api_processes)
            with _all_ended(world):
                world.start("serve")
                world.start("worker")
                yield world
            await database.close()
    finally:
        await servers.stop()
