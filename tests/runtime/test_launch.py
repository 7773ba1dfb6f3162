"""How a process is put together and stopped: what ends it, and with which words."""

import asyncio
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import make_url

from app import create_app
from commands.serve import serve
from core.settings import Settings
from runtime import launch
from runtime.embedded import EmbeddedServers
from runtime.launch import Broken, CannotStart, Interrupted, backends, unless, until
from runtime.servers import free_port
from runtime.vital import VITAL
from subscriptions.broker import Broker


@pytest.fixture
def given(urls: tuple[str, str], data_dir: Path) -> Settings:
    """Settings that name servers, with an embedded nothing."""
    return Settings(_env_file=None, database_url=urls[0], redis_url=urls[1], data_dir=data_dir, port=free_port())


@pytest.fixture
async def nothing(data_dir: Path) -> EmbeddedServers:
    return await EmbeddedServers.start(data_dir, postgres=False, valkey=False)


async def forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise LookupError("lost")


async def test_a_stop_is_waited_for(nothing: EmbeddedServers) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    task = asyncio.create_task(forever())
    await until(stop, nothing, [task])
    assert not task.done()
    task.cancel()


async def test_the_end_of_a_vital_task_is_told(nothing: EmbeddedServers) -> None:
    for work in (fail(), asyncio.sleep(0)):
        with pytest.raises(Broken, match="'heart' has ended"):
            await until(asyncio.Event(), nothing, [asyncio.create_task(work, name="heart")])


async def test_what_comes_before_is_given_up_for_a_stop() -> None:
    stop = asyncio.Event()
    assert await unless(stop, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(LookupError):
        await unless(stop, fail())
    stop.set()
    with pytest.raises(Interrupted):
        await unless(stop, forever())


@pytest.mark.parametrize("part", ["_sweep_forever", "_write_forever"])
async def test_an_api_process_ends_when_a_part_of_it_dies(
    given: Settings, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    async def die(_: Broker) -> None:
        await asyncio.sleep(0.05)
        raise LookupError("lost")

    monkeypatch.setattr(Broker, part, die)
    with pytest.raises(Broken, match="background task 'broker-"):
        await asyncio.wait_for(serve(given, asyncio.Event(), create_app, workers=1, share_port=False), 20)


async def test_every_background_task_of_an_api_process_is_vital(given: Settings) -> None:
    before = asyncio.all_tasks()
    app = create_app(given, database_url=given.database_url or "", redis_url=given.redis_url or "")
    async with TestServer(app):
        started = {task.get_name() for task in asyncio.all_tasks() - before - {asyncio.current_task()}}
        vital = {task.get_name() for task in app[VITAL]}
        assert {name for name in started if not name.startswith("Task-")} == vital
        assert len(vital) == 8


async def test_an_old_postgresql_is_refused(given: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "OLDEST_POSTGRESQL", 99)
    with pytest.raises(CannotStart, match=r"DATABASE_URL: that is PostgreSQL \d+, and this code needs 99"):
        async with backends(given, asyncio.Event()):
            pass


async def test_a_wrong_password_is_told_without_it(given: Settings) -> None:
    assert given.database_url is not None
    url = given.database_url.replace("//postgres:", "//postgres:not", 1)
    wrong = given.model_copy(update={"database_url": url})
    with pytest.raises(CannotStart, match=r"DATABASE_URL: .*password authentication failed") as refused:
        async with backends(wrong, asyncio.Event()):
            pass
    assert str(make_url(url).password) not in str(refused.value)
