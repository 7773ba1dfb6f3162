"""Child processes that end with their parent, and file locks that outlive no process."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = (0.02, 0.1)

# Loaded here because nothing may be loaded between fork and exec.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class EmbeddedError(Exception):
    """A sentence for the operator: why the embedded servers cannot run, and what to do."""


@dataclass(frozen=True)
class RunAs:
    """The user and group that a child switches to; only root can."""

    uid: int
    gid: int


def spawn(
    argv: Sequence[str],
    *,
    death_signal: signal.Signals,
    env: Mapping[str, str] | None = None,
    run_as: RunAs | None = None,
    output: int | None = None,
    lock: int | None = None,
    cwd: str | None = None,
    piped_input: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a child in a process session of its own that gets `death_signal` when this process ends.

    Call it on the main thread: Linux sends the signal when the *thread* that forked ends. Elsewhere than Linux there
    is no such signal, and a child outlives a parent that was killed. `lock` is the descriptor of a held `file_lock`:
    the child and its children hold it from then on, too.
    """
    with warnings.catch_warnings():
        # Python 3.12 warns of preexec_fn beside threads; ours calls two functions of libc and takes no lock.
        warnings.simplefilter("ignore", DeprecationWarning)
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if piped_input else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_tie_to_parent(os.getpid(), death_signal),  # noqa: PLW1509 - see the comment above
            pass_fds=() if lock is None else (lock,),
            user=run_as.uid if run_as else None,
            group=run_as.gid if run_as else None,
            extra_groups=[] if run_as else None,
        )


def _tie_to_parent(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    libc = _LIBC
    if libc is None:
        return None

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the line above
            os._exit(1)

    return tie


def stop_with_parent(number: signal.Signals) -> None:
    """Ask for a signal when the process that started this one ends (Linux; elsewhere nothing)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


async def exited(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until the child has ended, at most `seconds`, and reap it."""
    soon, later = _POLL_SECONDS
    began = time.monotonic()
    while process.poll() is None:
        waited = time.monotonic() - began
        if waited >= seconds:
            return False
        await asyncio.sleep(soon if waited < 1 else later)
    return True


async def end(process: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, with its seconds to obey, then SIGKILL; return when the child is reaped."""
    for number, seconds in steps:
        process.send_signal(number)
        if await exited(process, seconds):
            return
    process.kill()
    await exited(process, 5.0)


def file_lock(path: Path) -> int | None:
    """Take the lock of a file and return its descriptor, or None while another holds it.

    The lock is free again when the last process that holds the descriptor has closed it or ended, however it ended.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def lock_is_free(path: Path) -> bool:
    """Tell whether nobody holds the lock of a file; a missing file is free."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def kill_holders(path: Path) -> None:
    """Send SIGKILL to every other process that holds the file open (Linux; elsewhere nothing).

    An open descriptor is a proof that no pid in a file can give.
    """
    target = str(path)
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) != os.getpid() and _holds(entry / "fd", target):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)


def _holds(descriptors: Path, target: str) -> bool:
    with contextlib.suppress(OSError):
        return any(os.readlink(link) == target for link in descriptors.iterdir())  # noqa: PTH115 - quicker by far
    return False


def give_to_owner_of_folder(path: Path) -> None:
    """Let a file that root made belong to whoever has the folder, who may run the server without root next time."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def process_lives(pid: int) -> bool:
    """Tell whether a process with this id exists, ours or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
