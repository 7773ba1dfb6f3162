"""Figures for Prometheus. Processes of one host share a folder, and any of them answers for all.

prometheus_client decides at its import whether it shares, so it is imported at the first use, after `share`.
"""

import fcntl
import functools
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import AppError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_OPERATION_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_held: list[int] = []


class _Figures:
    """All that is counted."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        self.requests: Counter = Counter("http_requests", "HTTP requests that were answered.", ["route", "status"])
        self.request_seconds: Histogram = Histogram(
            "http_request_duration_seconds", "How long HTTP requests took, WebSockets left out.", ["route"]
        )
        self.operations: Histogram = Histogram(
            "highlight_operation_duration_seconds",
            "How long changes of highlights took, their commit included.",
            ["operation", "status"],
            buckets=_OPERATION_BUCKETS,
        )
        self.sockets: Gauge = Gauge(
            "websocket_active_connections", "WebSockets that are open.", multiprocess_mode="livesum"
        )
        self.subscriptions: Gauge = Gauge(
            "subscriptions_active", "Subscriptions that are open.", multiprocess_mode="livesum"
        )
        self.dropped_bells: Counter = Counter(
            "bells_dropped", "Bells that were lost on their way; sweeps made up for them."
        )


_figures = functools.cache(_Figures)


def share(folder: Path) -> None:
    """Write figures to a folder that all processes of this host share; the first of them empties it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        for old in folder.glob("*.db"):
            old.unlink(missing_ok=True)
    # Held to the end of this process: while anybody holds it, nobody empties the folder.
    fcntl.flock(lock, fcntl.LOCK_SH)
    _held.append(lock)
    os.environ[_FOLDER] = str(folder)


def request_answered(route: str, status: int, seconds: float | None) -> None:
    """Count a request; `seconds` is None for a socket, which lasts as long as its peer likes."""
    _figures().requests.labels(route, str(status)).inc()
    if seconds is not None:
        _figures().request_seconds.labels(route).observe(seconds)


@contextmanager
def highlight_operation(operation: str) -> Iterator[None]:
    """Take the time of a change of highlights, its commit included."""
    began, status = time.perf_counter(), "ok"
    try:
        yield
    except AppError:
        status = "refused"
        raise
    except BaseException:
        status = "error"
        raise
    finally:
        _figures().operations.labels(operation, status).observe(time.perf_counter() - began)


def sockets_open(sockets: int, subscriptions: int) -> None:
    """Tell how many sockets and subscriptions this process has."""
    _figures().sockets.set(sockets)
    _figures().subscriptions.set(subscriptions)


def bells_dropped(count: int) -> None:
    """Count bells that were lost."""
    _figures().dropped_bells.inc(count)


class _Ledger:
    """The ledger's depth, read when it is asked for."""

    def __init__(self, depth: Mapping[str, int]) -> None:
        self._depth = depth

    def collect(self) -> Iterator[Any]:
        """Present the depth."""
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily("job_ledger_depth", "Jobs in the ledger, done ones left out.", labels=["state"])
        for state in ("WAITING", "RUNNING", "DEAD"):
            family.add_metric([state.lower()], self._depth.get(state, 0))
        yield family


def render(depth: Mapping[str, int] | None) -> bytes:
    """Print the figures of all processes; the ledger's depth is left out when it is not known."""
    from prometheus_client import generate_latest

    _figures()
    registry = _registry()
    if depth is not None:
        registry.register(_Ledger(depth))
    return generate_latest(registry)


def _registry() -> "CollectorRegistry":
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    folder = os.environ.get(_FOLDER)
    if folder is None:
        registry.register(REGISTRY)
    else:
        _forget_dead(Path(folder))
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return registry


def _forget_dead(folder: Path) -> None:
    """Drop what processes that were killed had open; what they counted stays counted."""
    from prometheus_client.multiprocess import mark_process_dead

    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
        if not _lives(int(pid)):
            mark_process_dead(int(pid), path=str(folder))  # type: ignore[no-untyped-call]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
