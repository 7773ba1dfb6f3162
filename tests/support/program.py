"""Run app.py as a process of its own, and look at what is left of it."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from runtime.servers import free_port

ROOT = Path(__file__).parents[2]
Run = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]
"""Runs one command of `app.py` with arguments, and settings by name."""
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """Make a DATA_DIR. Not pytest's: those are closed to others, and as root the servers run as another user."""
    folder = Path(tempfile.mkdtemp(prefix="commonplace-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """Give nothing of what this run was given, so that a developer's settings do not matter."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {"DATA_DIR": str(data_dir)} | more


def app(data_dir: Path, *arguments: str, patience: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        env=environment(data_dir, **more),
        cwd=data_dir,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


class Program:
    """A command that lasts."""

    def __init__(self, data_dir: Path, *arguments: str, port: int | None = None, **more: str) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self._out = (data_dir / f"{arguments[0]}-{self.port}.out").open("w+")
        self.child = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), *arguments],
            env=environment(data_dir, PORT=str(self.port), **more),
            cwd=data_dir,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """All that it has printed."""
        return Path(self._out.name).read_text()

    async def get(self, path: str) -> tuple[int, str]:
        """Ask the API."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.text()

    async def graphql(self, query: str, token: str | None = None) -> Any:
        """Ask a query that must go well; its data."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{self.url}/graphql", json={"query": query}) as response,
        ):
            answer = await response.json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def answers(self, patience: float = 40) -> None:
        """Wait until it serves."""
        deadline = time.monotonic() + patience
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                if (await self.get("/ready"))[0] == 200:
                    return
            assert self.child.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            await asyncio.sleep(0.05)

    async def has_said(self, words: str, patience: float = 40) -> None:
        """Wait for words in what it prints."""
        deadline = time.monotonic() + patience
        while words not in self.said:
            assert time.monotonic() < deadline, self.said
            await asyncio.sleep(0.05)

    async def ends(self, patience: float = 15) -> int:
        """Wait for its end; the exit code."""
        return await asyncio.to_thread(self.child.wait, patience)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit code, and the seconds until no process was left."""
        began = time.monotonic()
        self.child.send_signal(number)
        code = await self.ends()
        while left(self.data_dir, self.port):
            assert time.monotonic() - began < 15, left(self.data_dir, self.port)
            await asyncio.sleep(0.05)
        return code, time.monotonic() - began

    def close(self) -> None:
        """See to it that nothing is left of this program, whatever the test did."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self._out.close()


@asynccontextmanager
async def running(data_dir: Path, *arguments: str, port: int | None = None, **more: str) -> AsyncIterator[Program]:
    """Run a command that lasts, and end it."""
    program = Program(data_dir, *arguments, port=port, **more)
    try:
        yield program
    finally:
        program.close()


def left(data_dir: Path, port: int | None = None) -> list[str]:
    """Name the processes that work for a DATA_DIR (of one port): ours by their environment, servers by their open files."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "environ").read_bytes().split(b"\0")
            ours = f"DATA_DIR={data_dir}".encode() in words and (port is None or f"PORT={port}".encode() in words)
            if ours or _has_open(entry, str(data_dir / "embedded")):
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes().decode()}")
    return [line for line in found if not line.startswith(f"{os.getpid()} ")]


def _has_open(entry: Path, folder: str) -> bool:
    return any(target.startswith(folder) for target in _targets((entry / "fd").iterdir()))


def _targets(links: Iterable[Path]) -> list[str]:
    return [os.readlink(link) for link in links]  # noqa: PTH115 - quicker by far
