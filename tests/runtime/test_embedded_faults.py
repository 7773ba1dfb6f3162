"""Embedded servers whose processes are killed, left behind or damaged."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from redis.exceptions import RedisError

from runtime import servers as servers_module
from runtime.embedded import EmbeddedError, EmbeddedServers
from tests.runtime.support import Process, eventually, nothing_runs, query, runs, started, valkey


async def test_a_killed_owner_takes_its_servers_along_and_tells_who_joined(data_dir: Path) -> None:
    owner = Process(data_dir)
    said = owner.said()
    joined = await EmbeddedServers.start(data_dir)
    assert (joined.is_owner, joined.database_url) == (False, said["url"])
    owner.end(signal.SIGKILL)
    with pytest.raises(EmbeddedError, match="has stopped"):
        await asyncio.wait_for(joined.watch(), 3)
    await joined.stop()
    await eventually(lambda: not any(map(runs, said["pids"])) and nothing_runs(data_dir))
    async with started(data_dir) as servers:
        assert servers.is_owner
        assert servers.database_url == said["url"]


async def test_an_owner_that_stops_tells_who_joined(data_dir: Path) -> None:
    async with started(data_dir):
        joined = await EmbeddedServers.start(data_dir, postgres=False)
        assert joined.database_url is None
        watching = asyncio.create_task(joined.watch())
    with pytest.raises(EmbeddedError, match=f"DATA_DIR {data_dir} has stopped"):
        await asyncio.wait_for(watching, 3)


async def test_of_two_that_start_at_the_same_moment_one_owns(data_dir: Path) -> None:
    processes = [Process(data_dir), Process(data_dir)]
    said = [process.said() for process in processes]
    assert sorted(each["owner"] for each in said) == [False, True]
    assert said[0]["url"] == said[1]["url"]
    for process in processes:
        process.end(signal.SIGTERM)
    assert nothing_runs(data_dir)


async def test_killed_servers_are_started_again_on_their_ports(data_dir: Path) -> None:
    async with started(data_dir) as servers:
        before = (servers.postgres_pid, servers.valkey_pid)
        # A backend that is busy outlives its postmaster, and would keep a new one from starting.
        busy = asyncio.create_task(query(servers.database_url, "SELECT count(*) FROM generate_series(1, 10000000000)"))
        await asyncio.sleep(0.3)
        for pid in before:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        while not await serves(servers):
            assert time.monotonic() - began < 5
            await asyncio.sleep(0.05)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await busy
        assert not {servers.postgres_pid, servers.valkey_pid} & {*before, None}


async def serves(servers: EmbeddedServers) -> bool:
    try:
        await query(servers.database_url, "SELECT 1")
        await valkey(servers.redis_url, "PING")
    except (OSError, asyncpg.PostgresError, RedisError):
        return False
    return True


async def test_a_pid_file_that_names_somebody_else_is_not_believed(data_dir: Path) -> None:
    async with started(data_dir):
        pid_file = data_dir / "embedded" / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        owner = pid_file.stat()
    with somebody_else(owner.st_uid) as somebody:
        pid_file.write_text("\n".join([str(somebody.pid), *lines[1:], ""]))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        async with started(data_dir) as servers:
            assert await query(servers.database_url, "SELECT 1") == 1
        assert runs(somebody.pid)
        somebody.kill()


async def test_what_is_left_of_an_earlier_run_is_ended(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(data_dir):
        pass
    monkeypatch.setattr(servers_module, "_LEFTOVER_SECONDS", 0.2)
    with lock_holder(data_dir / "embedded" / "postgres.lock") as leftover:
        assert leftover.stdout is not None
        leftover.stdout.readline()
        async with started(data_dir) as servers:
            assert await query(servers.database_url, "SELECT 1") == 1
        assert leftover.wait(1) == -signal.SIGKILL


def lock_holder(path: Path) -> subprocess.Popen[bytes]:
    script = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    return subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)


async def test_a_damaged_valkey_starts_empty(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with started(data_dir, durable=True) as first:
        await valkey(first.redis_url, "SET", "lost", "one")
    for saved in (data_dir / "embedded" / "valkey" / "appendonlydir").glob("*.aof"):
        saved.write_bytes(b"nonsense\r\n" * 100)
    async with started(data_dir, durable=True) as second:
        assert await valkey(second.redis_url, "GET", "lost") is None
    assert "did not start with its saved data" in caplog.text


def somebody_else(uid: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["/bin/sleep", "60"], user=uid if os.geteuid() == 0 else None)
