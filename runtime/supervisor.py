"""Child processes of our own command line, kept alive until they are told to stop."""

import asyncio
import contextlib
import logging
import math
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runtime.processes import exited, spawn

EXIT_SETTINGS = 2  # what our commands exit with when a setting is wrong: trying again cannot help

_LOG = logging.getLogger(__name__)
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 5.0
_HEALTHY_SECONDS = 30.0


@dataclass(frozen=True)
class ChildSpec:
    """A child to keep alive; `env` is its whole environment, ours when None."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None


class _WrongSettings(Exception):
    """A child ended at its first start because of its settings."""


class Supervisor:
    """Starts children, starts again those that die, and ends them all; for one `run`.

    On Linux the children get SIGTERM when this process is killed; elsewhere they outlive it.
    """

    def __init__(self, specs: Sequence[ChildSpec], *, stop_timeout: float = 4.0) -> None:
        self._specs = specs
        self._stop_timeout = stop_timeout
        self._running: list[subprocess.Popen[bytes]] = []

    async def run(self, stop: asyncio.Event) -> int:
        """Keep the children alive until `stop` is set; return the exit status for the command line.

        Call it on the main thread. The status is 0, or EXIT_SETTINGS when a child ended with it at its first start.
        """
        keepers = [asyncio.create_task(self._keep(spec)) for spec in self._specs]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*keepers, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _WrongSettings:
            return EXIT_SETTINGS
        else:
            return 0
        finally:
            for task in (*keepers, stopping):
                task.cancel()
            await asyncio.gather(*keepers, stopping, return_exceptions=True)
            await self._end_all()

    async def _keep(self, spec: ChildSpec) -> None:
        delay = _FIRST_DELAY
        status = await self._run_once(spec)
        if status == EXIT_SETTINGS:
            _LOG.error("%s ended because of its settings: stopping", spec.name)
            raise _WrongSettings
        while True:
            _LOG.error("%s has ended unasked (%d): starting it again in %.1f s", spec.name, status, delay)
            await asyncio.sleep(delay)
            started = time.monotonic()
            with contextlib.suppress(OSError):  # no memory to fork, say: tried again like any other death
                status = await self._run_once(spec)
            delay = _FIRST_DELAY if time.monotonic() - started > _HEALTHY_SECONDS else min(delay * 2, _LONGEST_DELAY)

    async def _run_once(self, spec: ChildSpec) -> int:
        child = spawn(spec.argv, env=spec.env, death_signal=signal.SIGTERM)
        self._running.append(child)
        await exited(child, math.inf)
        self._running.remove(child)
        return child.returncode

    async def _end_all(self) -> None:
        for child in self._running:
            child.terminate()
        deadline = time.monotonic() + self._stop_timeout
        for child in self._running:
            if not await exited(child, max(0.0, deadline - time.monotonic())):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                await exited(child, 5.0)
