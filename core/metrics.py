"""Figures for Prometheus. Processes of one host share a folder, and any of them answers for all.

prometheus_client decides at its import whether it shares, so it is imported at the first use, after `share`.
"""

import fcntl
import functools
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import AppError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"
FANOUT = "fanout_"
"""How the kinds of jobs begin that bring entries into timelines."""
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_OPERATION_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_READ_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_JOB_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)
_MOST_KINDS = 40
_held: list[int] = []


class FeedOutcome(StrEnum):
    """What became of an entry that was for a live feed."""

    SENT = "sent"
    WITHHELD = "withheld"
    """It was not for this reader any more when its turn came."""
    TOO_SLOW = "too_slow"
    """The reader took nothing for so long that their socket was closed."""


class JobOutcome(StrEnum):
    """How a run of a job ended."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DEAD = "dead"


class SocketEnd(StrEnum):
    """Why the server closed a socket."""

    TOO_SLOW = "too_slow"
    REVOKED = "revoked"
    EXPIRED = "expired"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, order=True)
class Backlog:
    """Jobs of one kind and state."""

    kind: str
    state: str
    count: int
    oldest_seconds: float
    """How long ago the oldest was written."""


class _Figures:
    """All that is counted. Labels have a closed set of values: no id, no address, no text of a client's."""

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
        self.socket_ends: Counter = Counter("websocket_closed", "WebSockets that the server closed.", ["reason"])
        self.dropped_bells: Counter = Counter(
            "bells_dropped", "Bells that were lost on their way; sweeps made up for them."
        )
        self.errors: Counter = Counter("graphql_errors", "Top-level errors that were answered.", ["code"])
        self.entries: Counter = Counter("posts_created", "Posts, and reposts, that were made.", ["kind"])
        self.live_feed: Counter = Counter(
            "live_feed_entries", "Entries for the live home feeds of this host's sockets.", ["outcome"]
        )
        self.timeline_seconds: Histogram = Histogram(
            "timeline_latency_seconds",
            "How long the first page, or a later one, of a timeline took to find.",
            ["timeline_type", "cache_hit"],
            buckets=_READ_BUCKETS,
        )
        self.deliveries: Counter = Counter("fanout_deliveries", "Entries written into timelines.")
        self.fanout_seconds: Histogram = Histogram(
            "fanout_duration_seconds",
            "From the moment an entry was made until a range of its followers has it; the slowest is its last range.",
            buckets=_JOB_BUCKETS,
        )
        self.job_seconds: Histogram = Histogram(
            "job_duration_seconds",
            "From the moment a job was written to the end of its last step.",
            ["kind"],
            buckets=_JOB_BUCKETS,
        )
        self.job_runs: Counter = Counter("job_runs", "Runs of jobs that ended.", ["kind", "outcome"])
        self.circuits: Gauge = Gauge(
            "circuit_breaker_state",
            "0 closed, 1 half-open, 2 open; of several processes the worst.",
            ["circuit_name"],
            multiprocess_mode="livemax",
        )
        self.circuits_opened: Counter = Counter(
            "circuit_breaker_opened", "How often it opened, failed trials included.", ["circuit_name"]
        )
        self.tasks: Gauge = Gauge(
            "event_loop_tasks", "Tasks of the event loops that have not ended.", multiprocess_mode="livesum"
        )
        self.connections: Gauge = Gauge(
            "pg_pool_total_connections", "Connections to PostgreSQL that are open.", multiprocess_mode="livesum"
        )
        self.idle_connections: Gauge = Gauge(
            "pg_pool_idle_connections", "Those of them that nobody uses.", multiprocess_mode="livesum"
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


def socket_closed(reason: SocketEnd, count: int = 1) -> None:
    """Count sockets that the server closed."""
    _figures().socket_ends.labels(reason.value).inc(count)


def bells_dropped(count: int) -> None:
    """Count bells that were lost."""
    _figures().dropped_bells.inc(count)


def error_answered(code: str) -> None:
    """Count a top-level error."""
    _figures().errors.labels(code).inc()


def entry_created(*, is_repost: bool) -> None:
    """Count a post or a repost whose transaction has committed."""
    _figures().entries.labels("repost" if is_repost else "post").inc()


def live_entry(outcome: FeedOutcome) -> None:
    """Count what became of an entry for one reader's live feed."""
    _figures().live_feed.labels(outcome.value).inc()


def timeline_read(timeline_type: str, seconds: float, *, cache_hit: bool) -> None:
    """Count a page of a timeline, and whether it was found in the cache."""
    _figures().timeline_seconds.labels(timeline_type, str(cache_hit).lower()).observe(seconds)


def delivered(count: int, seconds: float) -> None:
    """Count entries written into timelines, so long after they were made."""
    _figures().deliveries.inc(count)
    _figures().fanout_seconds.observe(seconds)


def job_ended(kind: str, outcome: JobOutcome, seconds: float | None = None) -> None:
    """Count a run of a job; `seconds` since it was written, when that was its last."""
    _figures().job_runs.labels(kind, outcome.value).inc()
    if seconds is not None:
        _figures().job_seconds.labels(kind).observe(seconds)


def circuit_state(name: str, figure: int) -> None:
    """Tell the state of a circuit breaker of this process."""
    _figures().circuits.labels(name).set(figure)


def circuit_opened(name: str) -> None:
    """Count that a circuit breaker opened."""
    _figures().circuits_opened.labels(name).inc()


def process(*, tasks: int, connections: int, idle: int) -> None:
    """Tell how many tasks this process has, and how many connections to PostgreSQL."""
    _figures().tasks.set(tasks)
    _figures().connections.set(connections)
    _figures().idle_connections.set(idle)


class _Ledger:
    """What the ledger holds, as it was when the figures were asked for."""

    def __init__(self, backlog: Iterable[Backlog]) -> None:
        self._backlog = sorted(backlog, key=lambda part: -part.count)

    def collect(self) -> Iterator[Any]:
        """Present it; kinds are as many as the code has, and what else may stand there is one kind."""
        from prometheus_client.core import GaugeMetricFamily

        states = GaugeMetricFamily("job_ledger_depth", "Jobs in the ledger, done ones left out.", labels=["state"])
        for state in ("WAITING", "RUNNING", "DEAD"):
            states.add_metric([state.lower()], sum(part.count for part in self._backlog if part.state == state))
        yield states
        depth = GaugeMetricFamily("job_queue_depth", "The same by kind.", labels=["kind", "state"])
        age = GaugeMetricFamily(
            "job_queue_age_seconds", "How long ago the oldest of them was written.", labels=["kind", "state"]
        )
        fanout = sum(p.count for p in self._backlog if p.kind.startswith(FANOUT) and p.state in ("WAITING", "RUNNING"))
        for (kind, state), parts in self._by_label().items():
            depth.add_metric([kind, state], sum(part.count for part in parts))
            age.add_metric([kind, state], max(part.oldest_seconds for part in parts))
        yield depth
        yield age
        yield GaugeMetricFamily("fanout_queue_depth", "Entries that are not in all timelines yet.", value=fanout)

    def _by_label(self) -> dict[tuple[str, str], list[Backlog]]:
        known = list(dict.fromkeys(part.kind for part in self._backlog))[:_MOST_KINDS]
        found: dict[tuple[str, str], list[Backlog]] = {}
        for part in self._backlog:
            kind = part.kind if part.kind in known else "other"
            found.setdefault((kind, part.state.lower()), []).append(part)
        return found


def render(backlog: Iterable[Backlog] | None) -> bytes:
    """Print the figures of all processes; the ledger's are left out when they are not known."""
    from prometheus_client import generate_latest

    _figures()
    registry = _registry()
    if backlog is not None:
        registry.register(_Ledger(backlog))
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
