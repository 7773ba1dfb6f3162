"""The app as users run it: `app.py` in processes of its own, on embedded servers in a DATA_DIR of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.launch import child_argv
from runtime.processes import spawn
from runtime.servers import free_port

ROOT = Path(__file__).parent.parent
PLENTY = str(10**9)
ROOMY = {
    "COST_PER_MINUTE": PLENTY,
    "COST_PER_MINUTE_SIGNED_OUT": PLENTY,
    "SIGN_UPS_PER_HOUR": PLENTY,
    "SOCKETS_PER_READER": "1000",
}
"""Settings under which a load meets no allowance: what is measured is the work."""
START_SECONDS, STOP_SECONDS = 60.0, 20.0
OURS = ("DATABASE_URL", "REDIS_URL", "MAKELEVEL", "MAKEFLAGS", *ROOMY)
LAST_WORDS = {"api": {"serve", "--share-port"}, "worker": {"worker"}}
PROGRAMS = {"postgres": "postgres", "valkey": "valkey-server"}


@dataclass(frozen=True)
class App:
    """A running app: where it answers, where its data is, and the process that owns it all."""

    url: str
    home: Path
    owner: int

    @property
    def database_url(self) -> str:
        """Where its PostgreSQL answers."""
        return self._published("database_url")

    @property
    def redis_url(self) -> str:
        """Where its Valkey answers."""
        return self._published("redis_url")

    def _published(self, name: str) -> str:
        found: str = json.loads((self.home / "embedded" / "owner.json").read_text())[name]
        return found

    def pid(self, part: str) -> int | None:
        """Find the process of a part: api, worker, postgres or valkey."""
        return next(iter(self.pids(part)), None)

    def pids(self, part: str) -> list[int]:
        """Find all processes of a part, parents first; PostgreSQL's own children too."""
        found = [pid for pid, words in _children(self.owner) if _is(part, words)]
        return found + [child for pid in found for child, _ in _children(pid)]

    def cpu(self, part: str) -> float:
        """Tell how many seconds a part has computed so far."""
        return _cpu(self.pid(part))

    def cpu_of_owner(self) -> float:
        """Tell how many seconds the first process has computed so far: under `app.py serve` it is the API."""
        return _cpu(self.owner)


def _cpu(pid: int | None) -> float:
    figures = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(figures[11]) + int(figures[12])) / os.sysconf("SC_CLK_TCK")


def _is(part: str, words: Sequence[str]) -> bool:
    if part in LAST_WORDS:
        return words[-1] in LAST_WORDS[part]
    return Path(words[0]).name.startswith(PROGRAMS[part])


def _children(parent: int) -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, ppid = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            words = (entry / "cmdline").read_text().rstrip("\0").split("\0")
        except OSError:  # it has ended meanwhile
            continue
        if int(ppid) == parent and state != "Z" and words[0]:
            yield int(entry.name), words


@contextmanager
def data_dir(kept: str | None = None) -> Iterator[Path]:
    """Make a folder that the embedded servers' user may enter, and take it away again; or use one that stays."""
    if kept is not None:
        yield Path(kept)
        return
    home = Path(tempfile.mkdtemp(prefix="commonplace-bench-"))
    home.chmod(0o755)
    # Told to stop, clean up as after a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def running(argv: Sequence[str] | None = None, *, first: Sequence[str] | None = None, **settings: str) -> Iterator[App]:
    """Run the app, by default `app.py run`, until the block ends; whatever happens, all of it is stopped.

    `first` is a command to run to its end before. A DATA_DIR among the settings is there already, and stays.
    """
    with data_dir(settings.get("DATA_DIR")) as home:
        port = free_port()
        given = environment(home, PORT=str(port), **settings)
        if first is not None:
            subprocess.run(first, check=True, cwd=home, env=given)
        with (home / "app.log").open("wb") as log:
            owner = spawn(
                argv or child_argv("run"),
                death_signal=signal.SIGTERM,
                env=given,
                output=log.fileno(),
                cwd=str(home),
            )
        app = App(f"http://127.0.0.1:{port}", home, owner.pid)
        try:
            _wait_until_ready(app, owner)
            yield app
        except BaseException:
            print((home / "app.log").read_text(errors="replace")[-3_000:], file=sys.stderr)
            raise
        finally:
            _stop(owner)


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Give a program of ours nothing of what this one was given for itself."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    return kept | {"DATA_DIR": str(home), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "warning"} | settings


def _wait_until_ready(app: App, owner: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while owner.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{app.url}/ready", timeout=2) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("The app did not become ready.")


def _stop(owner: "subprocess.Popen[bytes]") -> None:
    owner.terminate()
    try:
        owner.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        owner.kill()
        owner.wait()
