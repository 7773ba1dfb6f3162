"""Put a process together: servers given or embedded, a database that fits this code, signals, tasks that may not die unseen."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from clients.bus import ValkeyBus
from core import metrics
from core.database import Database, describe_failure, is_refused, server_version
from core.settings import Profile, Settings
from runtime.container import Container
from runtime.embedded import EmbeddedError, EmbeddedServers
from runtime.migrations import SchemaState, schema_state
from runtime.processes import stop_with_parent

log = structlog.get_logger(__name__)
APP = Path(__file__).parent.parent / "app.py"
OLDEST_POSTGRESQL = 15
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Answer = TypeVar("Answer")


class CannotStart(Exception):
    """A sentence for the operator: which setting is wrong, or what to run first. Trying again cannot help."""


class Broken(Exception):
    """A part that this process cannot do without has ended."""


class Interrupted(Exception):
    """The process was told to stop before it had begun."""


@dataclass(frozen=True)
class Backends:
    """Where PostgreSQL and Valkey answer."""

    database_url: str
    redis_url: str
    embedded: EmbeddedServers


def stop_on_signals() -> asyncio.Event:
    """Make an event that Ctrl-C, SIGTERM and SIGHUP set."""
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do what comes before the process serves; give it up, and raise Interrupted, when told to stop."""
    doing, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Interrupted
        return doing.result()
    finally:
        for task in (doing, stopping):
            task.cancel()
        await asyncio.gather(doing, stopping, return_exceptions=True)


async def until(stop: asyncio.Event, embedded: EmbeddedServers, vital: Iterable[Awaitable[Any]] = ()) -> None:
    """Wait until told to stop; raise what ended the embedded servers, or Broken when a vital task ended."""
    watching = asyncio.create_task(embedded.watch(), name="embedded servers")
    stopping = asyncio.create_task(stop.wait())
    tasks = [asyncio.ensure_future(task) for task in vital]
    try:
        done, _ = await asyncio.wait([watching, stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            _raise_end(task, known=task is watching)
    finally:
        for own in (watching, stopping):
            own.cancel()
        await asyncio.gather(watching, stopping, return_exceptions=True)


def _raise_end(task: "asyncio.Future[Any]", *, known: bool) -> None:
    error = None if task.cancelled() else task.exception()
    if known and isinstance(error, EmbeddedError):
        raise error
    name = task.get_name() if isinstance(task, asyncio.Task) else "a task"
    log.error("background_task_died", task=name, exc_info=error)
    raise Broken(f"The background task '{name}' has ended: stopping.") from error


@asynccontextmanager
async def backends(settings: Settings, stop: asyncio.Event) -> AsyncIterator[Backends]:
    """Start or join the embedded servers that no URL replaces; check that PostgreSQL answers."""
    start = EmbeddedServers.start(
        settings.data_dir, postgres=settings.database_url is None, valkey=settings.redis_url is None
    )
    try:
        embedded = await unless(stop, start)
    except EmbeddedError as error:
        raise CannotStart(str(error)) from error
    try:
        database_url = settings.database_url or embedded.database_url
        redis_url = settings.redis_url or embedded.redis_url
        if database_url is None or redis_url is None:
            raise Broken("The embedded servers did not say where they answer.")
        await unless(stop, _check_database(database_url))
        _share_metrics(settings)
        yield Backends(database_url, redis_url, embedded)
    finally:
        await embedded.stop()


@asynccontextmanager
async def container_of(settings: Settings, found: Backends) -> AsyncIterator[Container]:
    """Open what a command needs that is no server: a small pool, and a bus that rings before it closes."""
    database, bus = Database(found.database_url, pool_size=2), ValkeyBus(found.redis_url)
    bus.start()
    try:
        yield Container(settings, database, bus)
    finally:
        await bus.close()
        await database.close()


async def require_current(database_url: str) -> None:
    """Refuse a database whose tables are not those of this code."""
    database = Database(database_url, pool_size=1)
    try:
        state = await schema_state(database.engine)
    finally:
        await database.close()
    if state is SchemaState.BEHIND:
        raise CannotStart(
            "The database is behind this code: its tables are older. "
            "Run `python app.py migrate` (or `make migrate`), then start again."
        )
    if state is SchemaState.AHEAD:
        raise CannotStart(
            "The database is ahead of this code: a newer version has migrated it. Run that version, "
            "or go back with its `python app.py migrate REVISION`."
        )


async def _check_database(url: str) -> None:
    database = Database(url, pool_size=1)
    try:
        version = await server_version(database.engine)
    except Exception as error:
        if not is_refused(error):
            raise
        raise CannotStart(f"DATABASE_URL: {describe_failure(database.engine, error)}") from error
    finally:
        await database.close()
    if version < OLDEST_POSTGRESQL:
        raise CannotStart(
            f"DATABASE_URL: that is PostgreSQL {version}, and this code needs {OLDEST_POSTGRESQL} or newer."
        )


def _share_metrics(settings: Settings) -> None:
    try:
        metrics.share(settings.data_dir.resolve() / "metrics")
    except OSError as error:
        raise CannotStart(f"DATA_DIR: {settings.data_dir} cannot be written to: {error}.") from error


def require_secret(settings: Settings) -> None:
    """Refuse to sign with a secret that other machines cannot know: they share the database, not this DATA_DIR."""
    if settings.profile is Profile.PRODUCTION and settings.database_url is not None and settings.secret_key is None:
        raise CannotStart("SECRET_KEY: set one, the same on every machine: 32 characters or more.")


def require_free_port(settings: Settings) -> None:
    """Refuse an address that cannot be listened on, before anything is started."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotStart(f"HOST: {settings.host} is no address to listen on: {error}.") from error
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind(address)
                probe.listen(1)
            except OSError as error:
                raise cannot_listen(settings, error) from error


def cannot_listen(settings: Settings, error: OSError) -> CannotStart:
    """Say why an address cannot be listened on."""
    return CannotStart(
        f"PORT: cannot listen on {settings.host} port {settings.port}: {error.strerror or error}. "
        "Choose another, such as PORT=8001, or end what listens there."
    )


def child_argv(*arguments: str) -> list[str]:
    """Spell the command line of one of our own processes."""
    return [sys.executable, str(APP), *arguments]


def child_environment(**more: str) -> Mapping[str, str]:
    """Give a child our environment."""
    return {**os.environ, **more}


def die_with_make() -> None:
    """Under make, stop when make is killed: the shell that started it sees one program, not two."""
    if "MAKELEVEL" in os.environ:
        stop_with_parent(signal.SIGTERM)


def spare_start_up() -> None:
    """Leave what start-up made out of garbage collection: it stays for good, and sweeping it stalls the loop for 0.1 s and more."""
    gc.collect()
    gc.freeze()
