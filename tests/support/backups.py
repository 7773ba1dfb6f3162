"""A server of one's own that can be stopped, backed up, restored and started again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import CONTAINER, create_app
from core.database import make_engine
from core.settings import Settings
from runtime.archive import Manifest
from runtime.backup import Wanted, make_backup
from runtime.container import Container
from runtime.embedded import EmbeddedServers
from runtime.launch import Backends, Broken, CannotStart
from runtime.migrations import migrate
from runtime.restore import Restored, opened, restore
from tests.runtime.support import query

ADA = """INSERT INTO users (id, username, email, display_name, password_hash, bio)
VALUES (gen_random_uuid(), 'ada', 'a@example.org', 'Ada', 'x', '')"""
OURS = {"postgres", "commonplace"}


def quiet(part: str, done: int) -> None:
    """Hear of progress, and say nothing."""
    del part, done


@dataclass
class House:
    """Servers with an application that is up or down."""

    servers: EmbeddedServers
    folder: Path
    http: "TestClient[Any, Any] | None" = None
    container: Container | None = None

    @property
    def settings(self) -> Settings:
        """The settings of this server."""
        plenty = 10**9
        return Settings(
            _env_file=None,
            data_dir=self.folder,
            cost_per_minute=plenty,
            cost_per_minute_signed_out=plenty,
            log_level="error",
        )

    @property
    def backends(self) -> Backends:
        """Where its servers answer."""
        assert self.servers.database_url
        assert self.servers.redis_url
        return Backends(self.servers.database_url, self.servers.redis_url, self.servers)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["TestClient[Any, Any]"]:
        """Have the API up."""
        found = self.backends
        app = create_app(self.settings, database_url=found.database_url, redis_url=found.redis_url)
        async with TestClient(TestServer(app)) as client:
            self.container = app[CONTAINER]
            yield client

    async def backup(self, name: str = "backup.tar", **more: Any) -> Path:
        """Make a backup."""
        path = self.folder / name
        await self.described(path, **more)
        return path

    async def described(self, path: Path, **more: Any) -> Manifest:
        """Make a backup; its manifest."""
        return await make_backup(self.settings, self.backends.database_url, Wanted(path, **more), quiet)

    async def restore(self, path: Path, *, replace: bool = False) -> Restored:
        """Restore a backup."""
        with opened(path) as reader:
            return await restore(self.settings, self.backends, reader, replace=replace, progress=quiet)

    async def ask(self, sql: str) -> Any:
        """Ask the database for one value."""
        return await query(self.servers.database_url, sql)

    async def empty(self, *, revision: str = "head") -> None:
        """Begin with new tables, and no files."""
        assert self.servers.database_url
        engine = make_engine(self.servers.database_url, pool_size=1)
        async with engine.begin() as connection:
            await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            await connection.exec_driver_sql("CREATE SCHEMA public")
        await migrate(engine, revision)
        await engine.dispose()

    async def clear(self) -> None:
        """Empty the tables, which is quicker than making them."""
        tables = await self.ask(
            "SELECT string_agg(format('%I', tablename), ', ') FROM pg_tables "
            "WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'sync_epoch')"
        )
        await self.ask(f"TRUNCATE {tables} CASCADE")

    async def databases(self) -> set[str]:
        """Name the databases there are."""
        names = await self.ask("SELECT array_agg(datname::text) FROM pg_database WHERE NOT datistemplate")
        return set(names)


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Have servers that live for a while."""
    servers = await EmbeddedServers.start(folder, durable=False)
    watching = asyncio.create_task(servers.watch())
    try:
        yield House(servers, folder)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await servers.stop()


def keep_file(home: House, name: str, words: str) -> Path:
    """Put an uploaded file where the server keeps them; its path."""
    path = home.folder / "media" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)
    return path


async def refused(home: House, path: Path, *, replace: bool = True) -> str:
    """Restore what must be refused, and see that nothing has changed."""
    before = await home.ask("SELECT string_agg(username || bio, ',' ORDER BY username) FROM users")
    epoch, oid = await home.ask("SELECT epoch FROM sync_epoch"), await _oid(home)
    with pytest.raises((CannotStart, Broken)) as error:
        await home.restore(path, replace=replace)
    assert await home.ask("SELECT string_agg(username || bio, ',' ORDER BY username) FROM users") == before
    assert (await home.ask("SELECT epoch FROM sync_epoch"), await _oid(home)) == (epoch, oid)
    assert await home.databases() == OURS
    assert not list(home.folder.glob("media.*"))
    return str(error.value)


async def _oid(home: House) -> Any:
    return await home.ask("SELECT oid::bigint FROM pg_database WHERE datname = 'commonplace'")
