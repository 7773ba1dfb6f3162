"""KOReader's sync protocol on the wire: headers, bodies and paths, and what is answered while Valkey or the database is away."""

import asyncio
import socket
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import create_app
from core.errors import Unavailable
from core.settings import Settings
from runtime.container import Container
from tests.endpoints.koreader_device import DIGEST, XPOINTER, Device, refusal
from tests.support.api import Reader
from tests.support.rows import nothing_written


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/vnd.koreader.v9+json"])
async def test_any_accept_header_is_served(device: Device, accept: str) -> None:
    found = await device.call("GET", "/users/auth", Accept=accept)
    assert (found.status, found.json) == (200, {"authorized": "OK"})


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense", "application/json; charset=x"]
)
async def test_a_body_is_read_as_json_whatever_it_calls_itself(device: Device, kind: str) -> None:
    body = {"document": DIGEST, "progress": "1", "percentage": 0.1, "device": "d"}
    assert (await device.call("PUT", "/syncs/progress", body, **{"Content-Type": kind})).status == 200
    assert (await device.pull())["progress"] == "1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 103),
        (b"{", 103),
        (b"nonsense", 103),
        (b'{"document": NaN}', 103),
        (b'{"document": "\\ud800"}', 103),
        (b"\xff\xfe", 103),
        (b"[" * 5_000, 103),
        (b"[1,2,3]", 104),
        (b"5", 104),
        (b'"x"', 104),
        (b"true", 104),
        (b"null", 104),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("PUT", "/syncs/progress"), ("POST", "/users/create")])
async def test_a_body_that_is_no_object_is_refused_before_its_sender_is_looked_at(
    device: Device, container: Container, method: str, path: str, body: bytes, code: int
) -> None:
    async with nothing_written(container):
        assert refusal(await device.call(method, path, body)) == (400, code)
        assert refusal(await Device(device.http, None).call(method, path, body)) == (400, code)


OTHER_PATHS = [
    ("GET", "/syncs/progress"),
    ("GET", "/syncs/progress/"),
    ("GET", f"/syncs/progress/{DIGEST}/more"),
    ("PUT", f"/syncs/progress/{DIGEST}"),
    ("DELETE", f"/syncs/progress/{DIGEST}"),
    ("GET", "/syncs"),
    ("GET", "/users"),
    ("GET", "/users/"),
    ("GET", "/users/create"),
    ("POST", "/users/auth"),
    ("GET", "/users/auth/"),
    ("GET", "/users/login"),
    ("POST", "/healthcheck"),
    ("GET", "/healthcheck/x"),
]


@pytest.mark.parametrize(("method", "path"), OTHER_PATHS)
async def test_no_other_path_answers_and_none_falls_through_to_a_page(device: Device, method: str, path: str) -> None:
    found = await device.call(method, path)
    assert found.status in (404, 405)
    assert "code" in found.json


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/users/me"), ("PUT", "/users/password")])
async def test_a_key_neither_deletes_the_account_nor_changes_its_password(
    ada: Reader, device: Device, container: Container, method: str, path: str
) -> None:
    async with nothing_written(container):
        found = await device.call(method, path, {"password": "0" * 32})
    assert found.status in (404, 405)
    assert (await ada.run("{ viewer { email } }"))["viewer"]
    assert (await device.call("GET", "/users/auth")).status == 200


async def test_doubled_slashes_are_one(device: Device) -> None:
    """As they go over the wire when an address ends in a slash."""
    url = device.http.make_url("/")
    assert url.host
    assert url.port
    key = f"x-auth-user: {device.user}\r\nx-auth-key: {device.key}\r\n"
    for path in ("//users/auth", "///healthcheck", f"//syncs/progress/{DIGEST}"):
        reader, writer = await asyncio.open_connection(url.host, url.port, family=socket.AF_INET)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{key}Connection: close\r\n\r\n".encode())
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert said.startswith(b"HTTP/1.1 200 "), said


async def test_header_names_have_no_case(device: Device) -> None:
    bare = Device(device.http, None)
    headers = {"X-AUTH-USER": "ada", "X-Auth-Key": str(device.key)}
    assert (await bare.call("GET", "/users/auth", **headers)).status == 200


async def test_the_healthcheck_needs_no_account(nobody: Reader) -> None:
    found = await Device(nobody.http, None).call("GET", "/healthcheck")
    assert (found.status, found.json) == (200, {"state": "OK"})


async def test_a_huge_body_is_refused(device: Device, container: Container) -> None:
    async with nothing_written(container):
        for size in (70_000, 900_000):
            found = await device.call("PUT", "/syncs/progress", b'{"document": "' + b"x" * size + b'"}')
            assert refusal(found) == (413, 2003)


async def test_it_works_without_valkey(device: Device, urls: tuple[str, str], settings: Settings) -> None:
    await device.push()
    alone = create_app(settings, database_url=urls[0], redis_url="redis://127.0.0.1:9")
    async with TestClient(TestServer(alone)) as client:
        there = Device(client, "ada")
        assert (await there.pull())["progress"] == XPOINTER
        assert (await there.push(progress="/on")).status == 200
        assert (await Device(client, "ada", "wrong").push()).status == 401
    assert (await device.pull())["progress"] == "/on"


async def test_without_its_database_it_says_so_in_the_protocols_words(
    device: Device, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise Unavailable("away")

    monkeypatch.setattr(container, "reading", away)
    monkeypatch.setattr(container.koreader_gate, "_reading", away)
    for found in (await device.call("GET", "/users/auth"), await device.push(), await device.register()):
        assert refusal(found) == (502, 1000)
