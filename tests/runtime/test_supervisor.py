"""The supervisor: real children that die, refuse to, or are left alone."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from runtime.supervisor import EXIT_SETTINGS, ChildSpec, Supervisor
from tests.runtime.support import ROOT, eventually, runs


def child(name: str, file: Path, then: str) -> ChildSpec:
    """A child that adds its process id to a file, and then does something."""
    return ChildSpec(name, ["/bin/sh", "-c", f'echo $$ >> "{file}"; {then}'])


def pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def starts(file: Path, count: int) -> Callable[[], bool]:
    return lambda: len(pids(file)) >= count


def run_python(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)


@contextlib.asynccontextmanager
async def supervised(*specs: ChildSpec, stop_timeout: float = 2.0) -> AsyncIterator[asyncio.Task[int]]:
    stop = asyncio.Event()
    running = asyncio.create_task(Supervisor(specs, stop_timeout=stop_timeout).run(stop))
    try:
        yield running
    finally:
        stop.set()
        await running


async def test_a_child_that_dies_is_started_again_and_all_are_stopped(tmp_path: Path) -> None:
    mortal, steady = tmp_path / "mortal", tmp_path / "steady"
    specs = (child("mortal", mortal, "sleep 0.1; exit 1"), child("steady", steady, "exec sleep 60"))
    async with supervised(*specs) as running:
        await eventually(starts(mortal, 3))
        began = time.monotonic()
    assert running.result() == 0
    assert time.monotonic() - began < 1
    assert len(pids(steady)) == 1
    assert not any(map(runs, [*pids(mortal), *pids(steady)]))


async def test_waiting_grows_between_starts(tmp_path: Path) -> None:
    file = tmp_path / "mortal"
    async with supervised(child("mortal", file, "exit 1")):
        await asyncio.sleep(1.5)
    assert 2 <= len(pids(file)) <= 4


async def test_a_child_that_ignores_sigterm_is_killed_in_time(tmp_path: Path) -> None:
    file = tmp_path / "stubborn"
    stubborn = child("stubborn", file, "trap '' TERM; echo >> /dev/null; while :; do sleep 1; done")
    async with supervised(stubborn, stop_timeout=0.5) as running:
        await eventually(starts(file, 1))
        await asyncio.sleep(0.2)
        began = time.monotonic()
    assert 0.4 < time.monotonic() - began < 2
    assert running.result() == 0
    assert not any(map(runs, pids(file)))


async def test_wrong_settings_stop_all(tmp_path: Path) -> None:
    wrong, steady = tmp_path / "wrong", tmp_path / "steady"
    specs = (child("wrong", wrong, f"exit {EXIT_SETTINGS}"), child("steady", steady, "exec sleep 60"))
    assert await asyncio.wait_for(Supervisor(specs).run(asyncio.Event()), 5) == EXIT_SETTINGS
    assert len(pids(wrong)) == 1
    assert not any(map(runs, pids(steady)))


async def test_a_program_that_is_not_there_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    steady = tmp_path / "steady"
    specs = (child("steady", steady, "exec sleep 60"), ChildSpec("missing", [str(tmp_path / "missing")]))
    with pytest.raises(FileNotFoundError):
        await Supervisor(specs).run(asyncio.Event())
    assert not any(map(runs, pids(steady)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent ended")
async def test_a_killed_supervisor_leaves_no_children(tmp_path: Path) -> None:
    file = tmp_path / "child"
    script = f"""
import asyncio
from runtime.supervisor import ChildSpec, Supervisor
specs = [ChildSpec("one", ["/bin/sh", "-c", 'echo $$ >> "{file}"; exec sleep 60'])] * 2
asyncio.run(Supervisor(specs).run(asyncio.Event()))
"""
    with run_python(script) as supervisor:
        await eventually(starts(file, 2))
        supervisor.send_signal(signal.SIGKILL)
    await eventually(lambda: not any(map(runs, pids(file))))
