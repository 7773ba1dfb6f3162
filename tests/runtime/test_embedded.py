"""Embedded servers: real ones, set up, stopped, shared and found again."""

import asyncio
import importlib.util
import os
import re
import socket
import stat
from pathlib import Path

import asyncpg
import pytest

from runtime import binaries
from runtime.embedded import EmbeddedError, EmbeddedServers, pg_binary
from tests.runtime.support import command_line, nothing_runs, query, runs, started, valkey


async def test_a_stop_leaves_nothing_and_a_second_start_finds_data_and_ports(data_dir: Path) -> None:
    async with started(data_dir, durable=True) as first:
        pids = (first.postgres_pid, first.valkey_pid)
        assert all(map(runs, pids))
        await query(first.database_url, "CREATE TABLE kept AS SELECT 1 AS one")
        await valkey(first.redis_url, "SET", "kept", "one")
    assert not any(map(runs, pids))
    assert nothing_runs(data_dir)
    async with started(data_dir, durable=True) as second:
        assert (second.database_url, second.redis_url) == (first.database_url, first.redis_url)
        assert await query(second.database_url, "SELECT one FROM kept") == 1
        assert await valkey(second.redis_url, "GET", "kept") == "one"


async def test_the_servers_are_set_up_as_the_application_needs_them(data_dir: Path) -> None:
    async with started(data_dir) as servers:
        url = servers.database_url
        assert await query(url, "SELECT lower('ÉΣЖ')") == "éσж"
        assert await query(url, "SHOW max_connections") == "200"
        assert await query(url, "SHOW shared_preload_libraries") == "pg_stat_statements"
        assert await query(url, "SHOW unix_socket_directories") == ""
        assert await query(url, "SHOW fsync") == "off"
        assert url is not None
        with pytest.raises(asyncpg.InvalidPasswordError):
            await query(re.sub(r":[^:@]*@", ":guessed@", url), "SELECT 1")
        assert servers.redis_url is not None
        assert servers.redis_url.rpartition("@")[0][9:] not in command_line(servers.valkey_pid)
        for secret in ("servers.json", "owner.json"):
            assert stat.S_IMODE((data_dir / "embedded" / secret).stat().st_mode) == 0o600


async def test_a_taken_port_is_left_to_whom_has_it(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with started(data_dir) as first:
        assert first.redis_url is not None
        port = int(first.redis_url.rpartition(":")[2].partition("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        async with started(data_dir) as second:
            assert second.redis_url != first.redis_url
            assert second.database_url == first.database_url
    assert f"Port {port} of valkey is taken" in caplog.text
    async with started(data_dir) as third:
        assert third.redis_url == second.redis_url


async def test_with_servers_elsewhere_there_is_nothing_to_join(data_dir: Path) -> None:
    servers = [await EmbeddedServers.start(data_dir, postgres=False, valkey=False) for _ in range(2)]
    assert [each.is_owner for each in servers] == [False, False]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(servers[1].watch(), 0.5)
    assert not (data_dir / "embedded").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another user")
async def test_a_closed_parent_folder_is_named_and_left_closed(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=f"pass through the folder {closed}. Set DATA_DIR"):
        await EmbeddedServers.start(closed / "data")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert list(closed.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another user")
async def test_binaries_in_a_closed_folder_are_copied(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_reachable", lambda user, binary: data_dir in binary.parents and bool(user))
    async with started(data_dir) as servers:
        for pid in (servers.postgres_pid, servers.valkey_pid):
            assert command_line(pid).startswith(str(data_dir))


async def test_a_machine_without_binaries_is_told_the_way_out(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EmbeddedError, match="Set DATABASE_URL"):
        await EmbeddedServers.start(data_dir)
    with pytest.raises(EmbeddedError, match="Set REDIS_URL"):
        binaries.valkey_binary()


async def test_a_process_with_other_settings_than_the_owner_does_not_join(data_dir: Path) -> None:
    owner = await EmbeddedServers.start(data_dir, postgres=False, durable=False)
    try:
        assert owner.postgres_pid is None
        with pytest.raises(EmbeddedError, match="the same settings"):
            await EmbeddedServers.start(data_dir)
    finally:
        await owner.stop()


def test_client_tools_are_found() -> None:
    assert all(os.access(pg_binary(name), os.X_OK) for name in ("pg_dump", "pg_restore", "psql"))
    with pytest.raises(EmbeddedError, match="no PostgreSQL program"):
        pg_binary("pg_nothing")


async def test_a_lost_password_is_told(data_dir: Path) -> None:
    async with started(data_dir):
        pass
    (data_dir / "embedded" / "servers.json").unlink()
    with pytest.raises(EmbeddedError, match="has another password"):
        await EmbeddedServers.start(data_dir, durable=False)
    assert nothing_runs(data_dir)
