"""Embedded servers: real ones, started, killed, joined and found again."""

import asyncio
import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime import binaries
from runtime import servers as servers_module
from runtime.embedded import EmbeddedError, EmbeddedServers, pg_binary
from runtime.processes import lock_is_free

ROOT = Path(__file__).parents[2]

# Starts or joins, says what it sees, and watches until it is told to stop.
PROCESS = """
import asyncio, json, signal, sys
from pathlib import Path
from runtime.embedded import EmbeddedServers

async def main() -> None:
    servers = await EmbeddedServers.start(Path(sys.argv[1]), durable=False)
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    print(json.dumps({"owner": servers.is_owner, "url": servers.database_url,
                      "pids": [servers.postgres_pid, servers.valkey_pid]}), flush=True)
    try:
        await servers.watch()
    finally:
        await servers.stop()

asyncio.run(main())
"""


class Process:
    """Another process on the same DATA_DIR."""

    def __init__(self, data_dir: Path) -> None:
        command = [sys.executable, "-c", PROCESS, str(data_dir)]
        self.child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def said(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        said: dict[str, Any] = json.loads(self.child.stdout.readline())
        return said

    def end(self, number: signal.Signals) -> None:
        self.child.send_signal(number)
        self.child.communicate(timeout=10)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not tmp_path: pytest closes its folders, and as root the servers run as another user.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def started(data_dir: Path, *, durable: bool = False) -> AsyncIterator[EmbeddedServers]:
    servers = await EmbeddedServers.start(data_dir, durable=durable)
    watching = asyncio.create_task(servers.watch())
    try:
        yield servers
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await servers.stop()


async def query(url: str | None, sql: str) -> object:
    assert url is not None
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=2)
    try:
        found: object = await connection.fetchval(sql)
        return found
    finally:
        await connection.close()


async def valkey(url: str | None, *command: str) -> object:
    assert url is not None
    async with Redis.from_url(url, decode_responses=True) as client:
        answer: object = await client.execute_command(*command)
        return answer


async def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


def runs(pid: int | None) -> bool:
    """A zombie that nobody reaps does not run."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def command_line(pid: int | None) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def nothing_runs(data_dir: Path) -> bool:
    """Every process of a server holds that server's lock."""
    return all(lock_is_free(data_dir / "embedded" / f"{name}.lock") for name in ("postgres", "valkey", "owner"))


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


async def test_with_servers_elsewhere_there_is_nothing_to_join(data_dir: Path) -> None:
    servers = [await EmbeddedServers.start(data_dir, postgres=False, valkey=False) for _ in range(2)]
    assert [each.is_owner for each in servers] == [False, False]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(servers[1].watch(), 0.5)
    assert not (data_dir / "embedded").exists()


def somebody_else(uid: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["/bin/sleep", "60"], user=uid if os.geteuid() == 0 else None)


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
