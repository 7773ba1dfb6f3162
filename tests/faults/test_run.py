"""The command line as processes: one command starts all, one signal ends all, wrong settings end with a sentence."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSCloseCode

from commands.demo_data import DEMO_READER, PASSWORD
from runtime.servers import free_port
from runtime.supervisor import EXIT_SETTINGS
from tests.runtime.support import eventually
from tests.support.program import ROOT, Program, app, left, open_folder, running

BOUND = 5.0
SIGN_IN = f'mutation {{ signIn(input: {{login: "{DEMO_READER}", password: "{PASSWORD}"}}) {{ token }} }}'
BIO = 'mutation { updateProfile(input: {bio: "Changed by a test."}) { userErrors { message } } }'
MARK = """mutation { createHighlight(input: {
  book: {named: {title: "The Lighthouse Ledger", authors: ["Ida Marsh"]}},
  passage: {text: "Rope remembers every knot.", anchor: {locationStart: 1, locationEnd: 9}}
}) { userErrors { message } } }"""


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One for the module, with demo data: making a database takes a second."""
    with open_folder() as folder:
        for command in ("migrate", "seed"):
            done = app(folder, command)
            assert done.returncode == 0, done.stderr
        yield folder


@pytest.fixture
def new_data_dir() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


async def test_one_command_brings_a_server_with_demo_data_that_a_second_run_keeps(new_data_dir: Path) -> None:
    async with running(new_data_dir, "run") as program:
        await program.has_said("Commonplace is ready")
        token = (await program.graphql(SIGN_IN))["signIn"]["token"]
        assert (await program.graphql(BIO, token))["updateProfile"]["userErrors"] == []
        status, health = await program.get("/health")
        assert (status, json.loads(health)["status"]) == (200, "healthy")
        await program.has_said("worker_started")
        code, seconds = await program.stop(signal.SIGINT)
    assert (code, left(new_data_dir)) == (0, [])
    assert seconds < BOUND
    assert "Traceback" not in program.said
    async with running(new_data_dir, "run") as again:
        await again.has_said("Commonplace is ready")
        profile = await again.graphql(f'{{ user(username: "{DEMO_READER}") {{ bio }} }}')
        assert profile["user"]["bio"] == "Changed by a test."
        assert (await again.stop(signal.SIGHUP))[0] == 0


async def test_what_run_prints_can_be_pasted(data_dir: Path) -> None:
    async with running(data_dir, "run") as program:
        await program.has_said("Commonplace is ready")
        await program.has_said("} }\"}'\n")
        lines = program.said.replace("\\\n", " ").splitlines()
        sign_in = next(line for line in lines if "TOKEN=" in line)
        ask = next(line for line in lines if "curl" in line and "$TOKEN" in line)
        shell = await asyncio.create_subprocess_shell(f"{sign_in}\n{ask}", stdout=asyncio.subprocess.PIPE)
        printed = (await shell.communicate())[0]
        highlights = json.loads(printed)["data"]["viewer"]["highlights"]["nodes"]
        assert len(highlights) == 3
        await _two_terminals(program, sign_in)
        assert (await program.stop())[0] == 0


async def _two_terminals(program: Program, sign_in: str) -> None:
    """Do what the README says about a subscription."""
    readme = (await asyncio.to_thread((ROOT / "README.md").read_text)).replace("127.0.0.1:8000", program.url[7:])
    section = readme.split("## A subscription in two terminals")[1].split("\n## ")[0]
    first, second = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    first = first.replace(".venv/bin/gql-cli", f"exec {Path(sys.executable).parent}/gql-cli")
    listening = await asyncio.create_subprocess_shell(
        f"{sign_in}\n{first}", stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert listening.stdout is not None
    try:
        async with asyncio.timeout(30):
            while b"SyncCaughtUp" not in (await listening.stdout.readline()):
                pass
            marking = await asyncio.create_subprocess_shell(f"{sign_in}\n{second}", stdout=asyncio.subprocess.DEVNULL)
            assert await marking.wait() == 0
            assert b"Hello, other device." in await listening.stdout.readline()
    finally:
        os.killpg(listening.pid, signal.SIGKILL)
        await listening.wait()


async def test_nothing_is_left_of_a_run_that_is_killed(data_dir: Path) -> None:
    async with running(data_dir, "run") as program:
        await program.has_said("Commonplace is ready")
        _, seconds = await program.stop(signal.SIGKILL)
    assert seconds < BOUND


async def test_a_run_can_be_stopped_while_it_makes_its_database(new_data_dir: Path) -> None:
    async with running(new_data_dir, "run") as program:
        await eventually((new_data_dir / "embedded" / "owner.lock").exists, 20)
        code, seconds = await program.stop(signal.SIGINT)
    assert (code, "Traceback" in program.said) == (0, False)
    assert seconds < BOUND


async def test_an_api_that_is_killed_is_started_again(data_dir: Path) -> None:
    async with running(data_dir, "run") as program:
        await program.has_said("Commonplace is ready")
        api = next(line for line in left(data_dir) if line.endswith("app.py\0serve\0"))
        os.kill(int(api.split()[0]), signal.SIGKILL)
        await program.has_said("serve has ended unasked")
        await program.answers()
        assert (await program.stop())[0] == 0


async def test_processes_share_one_port_and_join_the_servers_of_their_folder(data_dir: Path) -> None:
    async with running(data_dir, "serve", "--workers", "2") as program:
        await program.answers()
        assert app(data_dir, "seed").stdout == "The demo data is there already.\n"
        for _ in range(20):
            # A connection each: the kernel deals them out.
            assert (await program.get("/live"))[0] == 200
        processes = [line for line in left(data_dir) if "--share-port" in line]
        assert len(processes) == 2
        code, seconds = await program.stop()
    assert code == 0
    assert seconds < BOUND


async def test_a_joined_process_ends_with_a_sentence_when_the_owner_is_gone(data_dir: Path) -> None:
    async with running(data_dir, "serve") as owner:
        await owner.answers()
        async with running(data_dir, "serve") as joined:
            await joined.answers()
            await owner.stop()
            assert await joined.ends() == 1
            assert "commonplace: The process that owned the servers" in joined.said
            assert "Traceback" not in joined.said


async def test_a_stop_closes_sockets_and_lets_requests_finish(data_dir: Path) -> None:
    async with running(data_dir, "serve") as program:
        await program.answers()
        async with aiohttp.ClientSession() as session:
            socket_ = await session.ws_connect(f"{program.url}/graphql", protocols=["graphql-transport-ws"])
            await socket_.send_json({"type": "connection_init"})
            await socket_.receive_json(timeout=5)
            closing = asyncio.create_task(socket_.receive(timeout=5))
            # Argon2 keeps it busy for a moment.
            asking = asyncio.create_task(program.graphql(SIGN_IN))
            await asyncio.sleep(0.03)
            program.child.send_signal(signal.SIGTERM)
            assert (await asking)["signIn"]["token"]
            assert (await closing).data == WSCloseCode.SERVICE_RESTART
        assert await program.ends() == 0


async def test_figures_are_those_of_all_processes(data_dir: Path) -> None:
    async with running(data_dir, "serve", "--workers", "2") as program:
        await program.answers()
        for _ in range(12):
            await program.get("/live")
        async with aiohttp.ClientSession() as session:
            token = (await program.graphql(SIGN_IN))["signIn"]["token"]
            assert (await program.graphql(MARK, token))["createHighlight"]["userErrors"] == []
            sockets = [
                await session.ws_connect(f"{program.url}/graphql", protocols=["graphql-transport-ws"]) for _ in range(6)
            ]
            await asyncio.sleep(1.5)
            _, printed = await program.get("/metrics")
            assert float(_figure(printed, 'http_requests_total{route="/live",status="200"}')) == 12
            assert float(_figure(printed, "websocket_active_connections")) == 6
            assert float(_figure(printed, 'job_ledger_depth{state="dead"}')) == 0
            marked = 'highlight_operation_duration_seconds_count{operation="create",status="ok"}'
            assert float(_figure(printed, marked)) == 1
            for opened in sockets:
                await opened.close()
        await program.stop()


def _figure(printed: str, name: str) -> str:
    found = re.search(rf"^{re.escape(name)} (\S+)$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


# --- what is refused, and with which words ---


async def test_a_database_that_is_behind_or_ahead_is_refused(data_dir: Path) -> None:
    async with running(data_dir, "serve") as owner:
        await owner.answers()
        try:
            assert app(data_dir, "migrate", "0001").returncode == 0
            for command in ("serve", "worker"):
                refused = app(data_dir, command, PORT=str(free_port()))
                assert (refused.returncode, "app.py migrate" in refused.stderr) == (EXIT_SETTINGS, True)
                assert "is behind this code" in refused.stderr
        finally:
            assert app(data_dir, "migrate").returncode == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"PORT": "abc"}, "PORT: "),
        ({"HOST": "no.such.host.invalid"}, "HOST: "),
        (
            {"DATABASE_URL": "postgresql://u:secretword@127.0.0.1:1/x"},
            "DATABASE_URL: the database x at 127.0.0.1:1 cannot",
        ),
        ({"DATA_DIR": "/proc/nowhere"}, "DATA_DIR /proc/nowhere"),
    ],
)
async def test_a_wrong_setting_ends_with_its_name(data_dir: Path, settings: dict[str, str], sentence: str) -> None:
    refused = app(data_dir, "serve", patience=60, **{"PORT": str(free_port()), **settings})
    assert refused.returncode == EXIT_SETTINGS
    assert sentence in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "secretword" not in refused.stderr + refused.stdout
    assert left(data_dir) == []


@pytest.mark.parametrize("command", [("run",), ("serve",), ("serve", "--workers", "2")])
async def test_a_port_that_is_taken_is_told(data_dir: Path, command: tuple[str, ...]) -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = app(data_dir, *command, PORT=port)
    assert refused.returncode == EXIT_SETTINGS
    assert refused.stderr.startswith(f"commonplace: PORT: cannot listen on 127.0.0.1 port {port}")
