"""Real PostgreSQL and Valkey, one pair per run; the database is built by the migrations, and emptied after each test."""

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web, web_app
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from app import CONTAINER, create_app
from auth import passwords
from core.database import Database
from core.settings import Settings
from runtime.container import Container
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate
from tests.support.api import Reader, sign_up
from tests.support.rows import emptied

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With REQUIRE_ALL set, fail what would be skipped: a gate that silently leaves tests out proves nothing."""
    return _required((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for whole files."""
    return _required((yield))


def _required(report: Report) -> Report:
    if os.environ.get("REQUIRE_ALL") and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but REQUIRE_ALL is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords at the lowest cost: most tests make readers, and what a hash must cost is a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_pools() -> Iterator[None]:
    """Wait longer for a connection: a crowded machine is no fault. Tests of what a fault costs run real processes, with the real time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.database.CONNECTION_SECONDS", 12)
        yield


@pytest.fixture(scope="session", autouse=True)
def frozen_modules() -> None:
    """Do not look for garbage among what is imported and collected, again and again through thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that the servers' user may enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="commonplace-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def urls(server_folder: Path) -> AsyncIterator[tuple[str, str]]:
    """A migrated database and a Valkey."""
    given = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    servers = await EmbeddedServers.start(server_folder, postgres=not given[0], valkey=not given[1], durable=False)
    database_url, redis_url = given[0] or servers.database_url, given[1] or servers.redis_url
    assert database_url
    assert redis_url
    database = Database(database_url, pool_size=2)
    await migrate(database.engine)
    await database.close()
    yield database_url, redis_url
    await servers.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings as they are without any environment, but that a suite in a hurry does not run into its rate limit."""
    plenty = 10**9
    secret = "a secret that only tests sign with"
    return Settings(
        _env_file=None,
        cost_per_minute=plenty,
        cost_per_minute_signed_out=plenty,
        secret_key=secret,
        public_url=None,
        data_dir=tmp_path,
    )


@pytest.fixture
async def app(urls: tuple[str, str], settings: Settings) -> AsyncIterator[web.Application]:
    """One API process's application; the database is emptied after it."""
    application = create_app(settings, database_url=urls[0], redis_url=urls[1])
    yield application
    # aiohttp remembers the handlers of a thousand applications, and with them all that those had.
    web_app._cached_build_middleware.cache_clear()
    database = Database(urls[0], pool_size=1)
    await emptied(database)
    await database.close()


@pytest.fixture
async def http(app: web.Application) -> AsyncIterator["TestClient[Any, Any]"]:
    """A client of the running application."""
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
def container(http: "TestClient[Any, Any]", app: web.Application) -> Container:
    """The application's container, for looking behind the API."""
    del http
    return app[CONTAINER]


@pytest.fixture
async def ada(http: "TestClient[Any, Any]") -> Reader:
    """A reader with a device."""
    return await sign_up(http, "ada")


@pytest.fixture
async def ben(http: "TestClient[Any, Any]") -> Reader:
    """Another reader with a device."""
    return await sign_up(http, "ben")


@pytest.fixture
def nobody(http: "TestClient[Any, Any]") -> Reader:
    """Somebody who is not signed in."""
    return Reader(http)
