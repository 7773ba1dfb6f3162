"""One embedded server each: how PostgreSQL and Valkey are made, started, asked and ended."""

import abc
import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from runtime.binaries import Binaries
from runtime.processes import EmbeddedError, RunAs, end, file_lock, give_to_owner_of_folder, kill_holders
from runtime.processes import spawn as start_child

HOST = "127.0.0.1"

_LOG = logging.getLogger(__name__)
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
_LEFTOVER_SECONDS = 10.0  # an earlier run's server may be saving; its owner's end has told it to stop
_ORPHAN_SECONDS = 0.3  # what is left of a server that died has nothing to save
_START_SECONDS = 120.0
_LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class Place:
    """What both servers are built from: their folder, programs and user, and whether their data must last."""

    home: Path
    binaries: Binaries
    user: RunAs | None
    durable: bool

    def give(self, path: Path) -> None:
        """Hand a path over to the servers' user."""
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid)


def free_port() -> int:
    """Choose a port that nobody listens on.

    Below the range from which systems give ports to outgoing connections: a client that keeps knocking at a server
    that is being restarted could otherwise be given the server's own port, connect to itself and keep it.
    """
    for _ in range(200):
        port = 15_000 + secrets.randbelow(15_000)
        if port_is_free(port):
            return port
    raise EmbeddedError("No free port was found between 15000 and 30000. Set DATABASE_URL and REDIS_URL instead.")


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


class Server(abc.ABC):
    """A server process of one data folder: started, restarted on the same port, ended."""

    name: ClassVar[str]
    death_signal: ClassVar[signal.Signals]
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(self, place: Place, *, port: int, password: str) -> None:
        self.place = place
        self.port = port
        self.password = password
        self.process: subprocess.Popen[bytes] | None = None
        self._ending = False

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """Where clients find it, with the password."""

    @abc.abstractmethod
    async def prepare(self, lock: int) -> None:
        """Make the data folder where there is none; whatever runs for it holds the lock."""

    @abc.abstractmethod
    def argv(self) -> list[str]:
        """The command line; it holds no secret, since every user of the machine can read it."""

    def typed_input(self) -> bytes | None:
        """What is written to the server's standard input."""
        return None

    @abc.abstractmethod
    async def answers(self) -> bool:
        """Tell whether it serves whoever knows the password."""

    def set_damage_aside(self) -> bool:
        """Move away data that the server just refused to start with; False where there is nothing we may move."""
        return False

    @property
    def folder(self) -> Path:
        """Where its data is."""
        return self.place.home / self.name

    @property
    def log_file(self) -> Path:
        """What it prints."""
        return self.place.home / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The id of the running process."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def exit_status(self) -> int | None:
        """How it ended; below zero the number of the signal."""
        return None if self.process is None else self.process.poll()

    async def start(self) -> None:
        """Start for the first time; take another port where somebody else has taken ours."""
        lock = await self._lock(_LEFTOVER_SECONDS)
        try:
            await self.prepare(lock)
            for _ in range(3):
                self._leave_taken_port()
                if await self._run(lock):
                    return
                if port_is_free(self.port) and not self.set_damage_aside():
                    break
        finally:
            os.close(lock)
        raise EmbeddedError(f"{self.name} ended while it was starting; {self.log_file} says: {self.last_words()}")

    async def restart(self) -> None:
        """Start again on the same port, after it died."""
        lock = await self._lock(_ORPHAN_SECONDS)
        try:
            if await self._run(lock):
                return
            if port_is_free(self.port) and self.set_damage_aside() and await self._run(lock):
                return
        finally:
            os.close(lock)
        raise EmbeddedError(f"{self.name} ended while it was starting again: {self.last_words()}")

    async def end(self) -> None:
        """Stop it, by force if it must be, and start it no more."""
        self._ending = True
        if self.process is not None:
            await end(self.process, self.stop_steps)

    @property
    def _lock_file(self) -> Path:
        return self.place.home / f"{self.name}.lock"

    async def _lock(self, patience: float) -> int:
        """Wait until no process of an earlier run is left, since each of them holds this lock; then kill them."""
        lock = await self._wait_for_lock(patience)
        if lock is None:
            # A backend that is busy does not notice for long that its postmaster was killed.
            kill_holders(self._lock_file)
            lock = await self._wait_for_lock(5.0)
        if lock is None:
            raise EmbeddedError(
                f"A {self.name} of an earlier run still uses {self.folder}. End that process, then start again."
            )
        return lock

    async def _wait_for_lock(self, seconds: float) -> int | None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (lock := file_lock(self._lock_file)) is not None:
                return lock
            await asyncio.sleep(0.02)
        return None

    def _leave_taken_port(self) -> None:
        if not port_is_free(self.port):
            taken, self.port = self.port, free_port()
            _LOG.warning("Port %d of %s is taken by another process: using %d", taken, self.name, self.port)

    async def _run(self, lock: int) -> bool:
        if self._ending:
            raise EmbeddedError(f"{self.name} is being stopped.")
        words = self.typed_input()
        self.process = self.spawn(self.argv(), lock, piped_input=words is not None)
        if self.process.stdin is not None:
            # A server that died at once breaks the pipe; what it printed says why.
            with contextlib.suppress(BrokenPipeError), self.process.stdin as pipe:
                pipe.write(words or b"")
        return await self._until_it_answers(self.process)

    async def _until_it_answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None:
            if await self.answers():
                return True
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} runs but does not answer. {self.log_file} says: {self.last_words()}")
            await asyncio.sleep(0.03)
        return False

    def spawn(self, argv: list[str], lock: int, *, piped_input: bool = False) -> subprocess.Popen[bytes]:
        """Run a program as the servers' user, what it prints going to the log file."""
        log = self._open_log()
        try:
            return start_child(
                argv,
                death_signal=self.death_signal,
                env=_ENVIRONMENT,
                run_as=self.place.user,
                output=log,
                lock=lock,
                cwd="/",
                piped_input=piped_input,
            )
        finally:
            os.close(log)

    def _open_log(self) -> int:
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        log = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        give_to_owner_of_folder(self.log_file)
        return log

    def last_words(self) -> str:
        """The end of the log file, on one line."""
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return " / ".join(lines[-3:]) or "nothing"
