"""The embedded PostgreSQL and Valkey of one DATA_DIR: owned by its first process, joined by the others."""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from runtime.binaries import pg_binary, require_open_parents, service_user, usable_binaries
from runtime.postgres import Postgres
from runtime.processes import EmbeddedError, file_lock, give_to_owner_of_folder, lock_is_free, process_lives
from runtime.servers import Place, Server, free_port
from runtime.valkey import Valkey

__all__ = ["EmbeddedError", "EmbeddedServers", "pg_binary"]

_LOG = logging.getLogger(__name__)
_JOIN_SECONDS = 30.0
_WATCH_SECONDS = 0.1
_FOLLOW_SECONDS = 0.3
_RETRY_SECONDS = (0.2, 5.0)


@dataclass(frozen=True)
class _Published:
    """What the owner tells the processes that join."""

    pid: int
    run: str
    database_url: str | None
    redis_url: str | None


class EmbeddedServers:
    """The servers of one DATA_DIR, as this process sees them.

    `database_url` and `redis_url` carry generated passwords; each is None when that server was not asked for. The
    first process on a DATA_DIR owns the servers (`is_owner`) and runs them as its children; the others join. With
    neither asked for there is nothing to own, to join or to watch.
    """

    def __init__(self, home: Path, published: _Published, *, owned: list[Server], lock: int | None) -> None:
        self.database_url = published.database_url
        self.redis_url = published.redis_url
        self.is_owner = lock is not None
        self._home = home
        self._run = published.run
        self._servers = owned
        self._lock = lock
        self._stopping = False

    @classmethod
    async def start(cls, data_dir: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True) -> Self:
        """Own the servers of this folder, or join the process that does; return when they answer.

        Call it on the main thread. `durable=False` trades the data for speed, for tests. A process that starts
        at the same moment as the owner waits for it. Raises EmbeddedError with a sentence for the operator.
        """
        home = _home(data_dir)
        # Valkey first: it is there at once.
        kinds: list[type[Server]] = [*([Valkey] if valkey else []), *([Postgres] if postgres else [])]
        if not kinds:
            return cls(home, _Published(os.getpid(), "", None, None), owned=[], lock=None)
        try:
            return await cls._own_or_join(home, kinds, durable=durable)
        except OSError as error:
            raise EmbeddedError(f"The embedded servers cannot use DATA_DIR {home.parent}: {error}") from error

    @property
    def postgres_pid(self) -> int | None:
        """The id of the PostgreSQL that this process runs."""
        return self._pid(Postgres)

    @property
    def valkey_pid(self) -> int | None:
        """The id of the Valkey that this process runs."""
        return self._pid(Valkey)

    async def watch(self) -> None:
        """Keep the servers alive until cancelled.

        In a process that joined: raise EmbeddedError within a second of the owner's end.
        """
        if self.is_owner:
            async with asyncio.TaskGroup() as group:
                for server in self._servers:
                    group.create_task(self._keep(server))
        elif self._run:
            await self._follow_owner()
        else:
            await asyncio.Event().wait()

    async def stop(self) -> None:
        """End the servers if this process owns them; calling it again does nothing."""
        if self._lock is None or self._stopping:
            return
        self._stopping = True
        # First, so that processes that joined hear of it before the servers are gone.
        _owner_file(self._home).unlink(missing_ok=True)
        try:
            await asyncio.gather(*(server.end() for server in self._servers))
        finally:
            os.close(self._lock)

    @classmethod
    async def _own_or_join(cls, home: Path, kinds: list[type[Server]], *, durable: bool) -> Self:
        _make_home(home)
        deadline = time.monotonic() + _JOIN_SECONDS
        while (lock := file_lock(home / "owner.lock")) is None:
            if (published := _read_published(home)) is not None:
                return cls(home, _only(published, kinds, home), owned=[], lock=None)
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Another process owns the servers of DATA_DIR {home.parent}, but they did not answer "
                    f"within {_JOIN_SECONDS:.0f} seconds. Look at the log files in {home}."
                )
            await asyncio.sleep(0.1)
        return await cls._own(home, kinds, lock, durable=durable)

    @classmethod
    async def _own(cls, home: Path, kinds: list[type[Server]], lock: int, *, durable: bool) -> Self:
        servers: list[Server] = []
        try:
            _owner_file(home).unlink(missing_ok=True)
            servers += await asyncio.to_thread(_build, home, kinds, durable=durable)
            for server in servers:
                await server.start()
            _save_state(home, servers)
            urls = {server.name: server.url for server in servers}
            published = _Published(os.getpid(), secrets.token_hex(8), urls.get("postgres"), urls.get("valkey"))
            _write_private(_owner_file(home), asdict(published))
        except BaseException:
            await asyncio.gather(*(server.end() for server in servers))
            os.close(lock)
            raise
        return cls(home, published, owned=servers, lock=lock)

    async def _keep(self, server: Server) -> None:
        first, longest = _RETRY_SECONDS
        delay = first
        while not self._stopping:
            if server.pid is not None:
                await asyncio.sleep(_WATCH_SECONDS)
                continue
            _LOG.error("%s has ended unasked (%s): starting it again", server.name, server.exit_status)
            try:
                await server.restart()
                delay = first
            except (EmbeddedError, OSError) as error:
                _LOG.error("%s could not be started again, next try in %.1f s: %s", server.name, delay, error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, longest)

    async def _follow_owner(self) -> None:
        while True:
            published = _read_published(self._home)
            if published is None or published.run != self._run or lock_is_free(self._home / "owner.lock"):
                raise EmbeddedError(
                    f"The process that owned the servers of DATA_DIR {self._home.parent} has stopped. "
                    "Start this one again."
                )
            await asyncio.sleep(_FOLLOW_SECONDS)

    def _pid(self, kind: type[Server]) -> int | None:
        return next((server.pid for server in self._servers if isinstance(server, kind)), None)


def _home(data_dir: Path) -> Path:
    return data_dir.resolve() / "embedded"


def _make_home(home: Path) -> None:
    user = service_user(home)
    if user is not None:
        require_open_parents(home, user)
    for folder in (*reversed(home.parents), home):
        # A process that starts at the same moment may be quicker.
        with contextlib.suppress(FileExistsError):
            if not folder.exists():
                folder.mkdir()
                # Whatever the umask: only folders that we made are opened, and only to pass through.
                folder.chmod(0o700 if user is None else 0o711)


def _build(home: Path, kinds: list[type[Server]], *, durable: bool) -> list[Server]:
    user = service_user(home)
    place = Place(home, usable_binaries(home, user), user, durable)
    state: dict[str, dict[str, Any]] = _read(home / "servers.json") or {}
    servers = []
    for kind in kinds:
        kept = state.setdefault(kind.name, {"port": free_port(), "password": secrets.token_urlsafe(32)})
        servers.append(kind(place, port=kept["port"], password=kept["password"]))
    # Before initdb: a password that only a database knows is lost.
    _write_private(home / "servers.json", state)
    return servers


def _save_state(home: Path, servers: list[Server]) -> None:
    state = _read(home / "servers.json") or {}
    state.update({server.name: {"port": server.port, "password": server.password} for server in servers})
    _write_private(home / "servers.json", state)


def _owner_file(home: Path) -> Path:
    return home / "owner.json"


def _read_published(home: Path) -> _Published | None:
    found = _read(_owner_file(home))
    if found is None:
        return None
    published = _Published(**found)
    return published if process_lives(published.pid) else None


def _only(published: _Published, kinds: list[type[Server]], home: Path) -> _Published:
    database_url = published.database_url if Postgres in kinds else None
    redis_url = published.redis_url if Valkey in kinds else None
    if (Postgres in kinds and database_url is None) or (Valkey in kinds and redis_url is None):
        raise EmbeddedError(
            f"The process that owns DATA_DIR {home.parent} runs with another DATABASE_URL or REDIS_URL than this one. "
            "Give both the same settings."
        )
    return replace(published, database_url=database_url, redis_url=redis_url)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return found


def _write_private(path: Path, content: dict[str, Any]) -> None:
    """Replace a file at once: who reads it finds the old content or the new, never a half."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(content))
    give_to_owner_of_folder(unfinished)
    unfinished.replace(path)
