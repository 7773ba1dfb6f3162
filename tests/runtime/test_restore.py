"""A restore puts all of a backup in place, keeps what was there, and leaves the old where something comes between."""

import asyncio
from typing import Any

import pytest

from clients.clearing import PREFIXES
from runtime import pg_tools
from runtime.launch import CannotStart
from runtime.migrations import head
from tests.runtime.support import valkey
from tests.support.api import PASSWORD, sign_up
from tests.support.backups import ADA, OURS, House, keep_file, refused
from tests.support.sync import pull


async def test_what_is_there_is_kept_before_it_is_replaced(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    await home.ask("UPDATE users SET bio = 'newer'")
    assert "--replace" in await refused(home, path, replace=False)
    done = await home.restore(path, replace=True)
    assert await home.ask("SELECT bio FROM users") == ""
    assert done.safety is not None
    again = await home.restore(done.safety, replace=True)
    assert await home.ask("SELECT bio FROM users") == "newer"
    assert again.safety != done.safety
    assert await home.databases() == OURS


async def test_files_alone_are_something_too(home: House) -> None:
    path = await home.backup()
    keep_file(home, "covers/ab/abc.png", "precious")
    assert "--replace" in await refused(home, path, replace=False)
    assert (home.folder / "media/covers/ab/abc.png").read_text() == "precious"


async def test_an_empty_server_needs_no_permission(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    await home.empty()
    assert (await home.restore(path)).safety is None
    assert await home.ask("SELECT username FROM users") == "ada"


async def test_who_connects_during_a_restore_keeps_the_old_in_place(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home.open():
        await home.ask(ADA)
    keep_file(home, "covers/ab/abc.png", "painted")
    path = await home.backup()
    connected: list[Any] = []
    real = pg_tools.restore

    async def meanwhile(*arguments: Any) -> None:
        await real(*arguments)
        http = home.open()
        connected.append(http)
        await http.__aenter__()

    monkeypatch.setattr(pg_tools, "restore", meanwhile)
    try:
        assert "is in use, by commonplace" in await refused(home, path)
    finally:
        await connected[0].__aexit__(None, None, None)
    assert (home.folder / "media/covers/ab/abc.png").read_text() == "painted"


async def test_a_restore_that_is_interrupted_leaves_the_old_in_place(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.ask(ADA)
    path = await home.backup()
    reached = asyncio.Event()

    async def hang(*_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(pg_tools, "restore", hang)
    task = asyncio.create_task(home.restore(path, replace=True))
    await asyncio.wait_for(reached.wait(), 10)
    with pytest.raises(CannotStart, match="Another restore"):
        await home.restore(path, replace=True)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await home.ask("SELECT username FROM users") == "ada"
    assert await home.databases() == OURS


async def test_an_older_backup_is_migrated(home: House) -> None:
    await home.empty(revision="0003")
    await home.ask(ADA)
    path = await home.backup()
    await home.empty()
    done = await home.restore(path)
    assert done.migrated_from == "0003"
    assert await home.ask("SELECT version_num FROM alembic_version") == head()
    assert await home.ask("SELECT username FROM users") == "ada"


async def test_valkey_forgets_what_is_ours_and_only_that(home: House) -> None:
    redis = home.backends.redis_url
    async with home.open() as http:
        ada = await sign_up(http, "ada")
        await pull(ada)
        body = {"query": "{ viewer { email } }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}}
        async with http.post("/graphql", json=body, headers=ada.headers) as response:
            assert response.status == 200
    ours = await valkey(redis, "KEYS", "*")
    assert isinstance(ours, list)
    assert {key.split(":")[0] + ":" for key in ours} == set(PREFIXES), "a key of ours that a restore would leave"
    path = await home.backup()
    await valkey(redis, "SET", "neighbour", "1")
    assert (await home.restore(path, replace=True)).valkey_emptied
    assert await valkey(redis, "KEYS", "*") == ["neighbour"]
    await valkey(redis, "DEL", "neighbour")


HASH = "b71bc3d6471f374e9638bbd045e1184ee0186d8642c3bc2455c4deed64e3614a"


async def test_devices_stay_signed_in_and_waiting_jobs_still_wait(home: House) -> None:
    async with home.open() as http:
        ada = await sign_up(http, "ada")
        assert home.container
        async with home.container.transaction() as services:
            await services.jobs.add("wait_and_see")
        path = await home.backup()
        await ada.mutate("changePassword", "__typename", currentPassword=PASSWORD, newPassword="another long one")
    await home.restore(path, replace=True)
    async with home.open() as http:
        ada.http = http
        assert (await ada.run("{ viewer { email } }"))["viewer"]["email"] == "ada@example.org"
    assert await home.ask("SELECT count(*) FROM jobs WHERE kind = 'wait_and_see' AND state = 'WAITING'") == 1
