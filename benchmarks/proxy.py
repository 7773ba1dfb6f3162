"""A TCP proxy that fails on demand, for tests and storms: what stands between a device and its server."""

import asyncio
import contextlib
import random
import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
CHUNK = 65_536
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
UPGRADE = re.compile(rb"\r\nupgrade: *websocket", re.IGNORECASE)
LOST = (OSError, asyncio.IncompleteReadError)


class Trouble(StrEnum):
    """What a proxy can do to its connections."""

    CUT = "cut"
    """Tears every connection off, and takes no new one."""
    CUT_ANSWERS = "cut answers"
    """Lets requests through; answers never arrive, and the connection breaks."""
    DELAY = "delay"
    REPEAT = "repeat"
    """Sends each request a second time over a connection of its own, a little later."""
    STALL = "stall"
    """Takes connections and bytes, and forwards nothing."""
    DRIP = "drip"
    """Forwards a few bytes at a time."""


@dataclass(eq=False)
class _Line:
    """A connection of a client, and ours to the server for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    robbed: bool = False
    """Whether bytes are missing: whoever reads on would take the rest for something else."""

    def tear(self) -> None:
        for end in (self.client, self.server):
            end.transport.abort()


@dataclass
class Proxy:
    """Forwards to a port of this machine; `trouble` says what goes wrong at present. Use it with `async with`."""

    upstream: int
    seed: int = 0
    speaks_http: bool = True
    """Whether what comes is requests, which can be repeated; bytes otherwise."""
    delay: tuple[float, float] = (0.02, 0.6)
    """How long `DELAY` holds each piece up, at least and at most."""
    trouble: Trouble | None = None
    repeated: int = 0
    swallowed: int = 0
    port: int = 0
    _lines: set[_Line] = field(default_factory=set)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._flows = asyncio.Event()
        self._flows.set()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        """How many clients are connected through it."""
        return len(self._lines)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None  # noqa: S101 - it was entered
        self._server.close()
        self.tear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def begin(self, trouble: Trouble) -> None:
        """Let something go wrong until `heal`."""
        self.heal()
        self.trouble = trouble
        if trouble is Trouble.CUT:
            self.tear()
        if trouble is Trouble.STALL:
            self._flows.clear()

    def heal(self) -> None:
        """Forward faithfully again; lines that lost bytes are torn off."""
        self.trouble = None
        self._flows.set()
        for line in [line for line in self._lines if line.robbed]:
            line.tear()

    def tear(self) -> None:
        """Tear all present connections off, once."""
        for line in list(self._lines):
            line.tear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server runs each connection in one
        self._tasks.add(task)
        try:
            await self._join(reader, writer)
        except asyncio.CancelledError:
            # The streams' own callback would report a cancelled connection as a fault.
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.trouble is Trouble.CUT:
            return
        await self._flows.wait()
        try:
            back, forth = await asyncio.open_connection(HOST, self.upstream)
        except OSError:
            return
        line = _Line(writer, forth)
        self._lines.add(line)
        ways = [asyncio.create_task(self._requests(reader, line)), asyncio.create_task(self._answers(back, line))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            line.tear()
            self._lines.discard(line)

    async def _requests(self, reader: asyncio.StreamReader, line: _Line) -> None:
        """Forward whole requests, so that one can be repeated; bytes as they come after an upgrade, and where nobody speaks HTTP."""
        with contextlib.suppress(*LOST, asyncio.LimitOverrunError):
            while self.speaks_http:
                head = await reader.readuntil(HEAD_END)
                length = LENGTH.search(head)
                if UPGRADE.search(head) or CHUNKED.search(head):
                    await self._forward(head, line.server)
                    break
                body = await reader.readexactly(int(length[1])) if length else b""
                if self.trouble is Trouble.REPEAT:
                    self._later(head + body)
                await self._forward(head + body, line.server)
            while data := await reader.read(CHUNK):
                await self._forward(data, line.server)

    async def _answers(self, reader: asyncio.StreamReader, line: _Line) -> None:
        with contextlib.suppress(*LOST):
            while data := await reader.read(CHUNK):
                if self.trouble is Trouble.CUT_ANSWERS:
                    self.swallowed += 1
                    line.robbed = True
                    # Half of the clients hear that it broke, the others hear nothing.
                    if self._chance.random() < 0.5:
                        return
                    continue
                await self._forward(data, line.client)

    async def _forward(self, data: bytes, to: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        if self.trouble is Trouble.DELAY:
            await asyncio.sleep(self._chance.uniform(*self.delay))
        pieces = [data]
        if self.trouble is Trouble.DRIP:
            size = max(16, len(data) // 20)
            pieces = [data[at : at + size] for at in range(0, len(data), size)]
        for piece in pieces:
            to.write(piece)
            await to.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0.05)

    def _later(self, request: bytes) -> None:
        task = asyncio.create_task(self._repeat(request, self._chance.uniform(0, 1.5)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _repeat(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(*LOST, TimeoutError):
            reader, writer = await asyncio.open_connection(HOST, self.upstream)
            try:
                writer.write(request)
                self.repeated += 1
                async with asyncio.timeout(10):
                    await reader.read(CHUNK)
            finally:
                writer.transport.abort()
