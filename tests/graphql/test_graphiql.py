"""GraphiQL: the page, its files, its tour. In a browser it is tried by test_client_tools."""

import base64
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from graphql import parse, validate

from app import create_app
from commands.demo_data import DEMO_READER
from commands.demo_data import PASSWORD as DEMO_PASSWORD
from commands.fetch_graphiql import FetchError, fetch
from core.settings import Profile, Settings
from endpoints.graphiql import GraphiQL
from endpoints.graphiql_tour import DEVICE, tour
from runtime.graphiql_files import Pin, folder_in, pins, read_files, stock_page
from schema.describe import core_schema
from schema.root import schema
from tests.support.api import Reader

HTML = {"Accept": "text/html"}
FILES = {
    "first@1.0.0/a.js": b"first = 1",
    "@some/second@2.0.0/dist/b.js": b"second = 2",
    "first@1.0.0/a.css": b"p { color: red }",
}


def _sha384(content: bytes) -> str:
    return base64.b64encode(hashlib.sha384(content).digest()).decode()


def _page(files: dict[str, bytes]) -> str:
    tags = (f'<x src="https://unpkg.com/{name}"\n integrity="sha384-{_sha384(body)}">' for name, body in files.items())
    return "".join(tags) + "<script>run()</script>"


@pytest.fixture
async def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server of nothing but the page; its files are yet to be put into tmp_path."""
    monkeypatch.setattr("endpoints.graphiql.stock_page", lambda: _page(FILES))
    graphiql = GraphiQL(tmp_path)
    app = web.Application()
    app.router.add_get("/graphql", graphiql.page)
    graphiql.add_routes(app)
    async with TestClient(TestServer(app)) as client:
        yield client


def _put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder_in(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_the_installed_strawberry_pins_seven_files() -> None:
    found = pins(stock_page())
    assert len(found) == 7
    assert {"react", "react-dom", "js-cookie", "graphiql", "@graphiql/plugin-explorer"} == {
        pin.package for pin in found
    }


async def test_without_its_files_the_stock_page_is_shown_and_may_load_them(open_page: Any) -> None:
    async with open_page.get("/graphql") as response:
        policy = response.headers["Content-Security-Policy"]
        assert await response.text() == _page(FILES)
    assert "script-src https://unpkg.com 'sha256-" in policy
    async with open_page.get("/graphiql/first@1.0.0/a.js") as response:
        assert response.status == 404


async def test_with_its_files_the_page_names_only_this_server(open_page: Any, tmp_path: Path) -> None:
    _put(tmp_path, FILES)
    async with open_page.get("/graphql") as response:
        page, headers = await response.text(), response.headers
    assert "unpkg" not in page
    assert page.index("/graphiql/first@1.0.0/a.js") < page.index("/graphiql/@some/second@2.0.0/dist/b.js")
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == "no-store"
    async with open_page.get("/graphiql/first@1.0.0/a.css") as response:
        assert await response.read() == FILES["first@1.0.0/a.css"]
        assert response.content_type == "text/css"
        assert "immutable" in response.headers["Cache-Control"]


async def test_one_damaged_file_brings_back_the_stock_page(open_page: Any, tmp_path: Path) -> None:
    _put(tmp_path, FILES | {"first@1.0.0/a.js": b"first = 666"})
    async with open_page.get("/graphql") as response:
        assert await response.text() == _page(FILES)


@pytest.mark.parametrize("path", ["secret", "..%2Fsecret", "first@1.0.0/..%2F..%2F..%2Fsecret", "%2Fetc%2Fpasswd"])
async def test_no_other_file_is_served(open_page: Any, tmp_path: Path, path: str) -> None:
    _put(tmp_path, FILES | {"secret": b"hidden"})
    (tmp_path / "secret").write_bytes(b"hidden")
    async with open_page.get(f"/graphiql/{path}") as response:
        assert response.status == 404
        assert b"hidden" not in await response.read()


def test_fetching_keeps_what_has_the_right_bytes_only(tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    with tarfile.open(tmp_path / "first.tgz", "w:gz") as archive:
        for name, content in {"a.js": b"first = 1", "a.css": b"swapped on the way"}.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    npm.write_text(f'#!/bin/sh\ncp {tmp_path}/first.tgz "${7}"/first.tgz && echo first.tgz\n')
    npm.chmod(0o755)
    good = Pin("first", "1.0.0", "a.js", _sha384(b"first = 1"))
    swapped = Pin("first", "1.0.0", "a.css", _sha384(FILES["first@1.0.0/a.css"]))
    fetch(tmp_path / "kept", [good], str(npm))
    assert read_files(tmp_path / "kept", [good]) == {good.name: b"first = 1"}
    with pytest.raises(FetchError, match=r"first@1\.0\.0/a\.css"):
        fetch(tmp_path / "kept", [swapped], str(npm))
    assert not (tmp_path / "kept" / swapped.name).exists()


def test_fetching_tells_what_npm_said_when_it_fails(tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no such package >&2; exit 1\n")
    npm.chmod(0o755)
    with pytest.raises(FetchError, match="no such package"):
        fetch(tmp_path / "kept", [Pin("first", "1.0.0", "a.js", "")], str(npm))
    assert not os.path.lexists(tmp_path / "kept")


async def test_a_browser_is_shown_the_page_and_a_program_is_not(http: "TestClient[Any, Any]") -> None:
    async with http.get("/graphql", headers=HTML) as response:
        assert response.content_type == "text/html"
    async with http.get("/graphql?query={__typename}", headers={"Accept": "application/json"}) as response:
        assert (await response.json())["data"] == {"__typename": "Query"}


async def test_production_has_no_such_page(urls: tuple[str, str], settings: Settings) -> None:
    production = settings.model_copy(update={"profile": Profile.PRODUCTION})
    app = create_app(production, database_url=urls[0], redis_url=urls[1])
    async with TestClient(TestServer(app)) as client:
        async with client.get("/graphql", headers=HTML) as response:
            assert response.content_type != "text/html"
        async with client.get("/graphiql/graphiql@3.8.3/graphiql.min.js") as response:
            assert response.status == 404


def test_every_tab_of_the_tour_is_valid_and_fits_its_editor() -> None:
    for tab in tour():
        assert not validate(core_schema(schema), parse(tab["query"]))
        assert max(map(len, tab["query"].splitlines())) <= 60


def test_the_tour_names_the_demo_reader() -> None:
    assert f'"{DEMO_READER}", password "{DEMO_PASSWORD}"' in tour()[1]["query"]


async def test_the_tour_can_be_played_from_left_to_right(nobody: Reader) -> None:
    device, played = "", dict[str, Any]()
    for tab in tour():
        if "subscription" in tab["query"]:
            continue
        variables = json.loads((tab["variables"] or "{}").replace(DEVICE, device))
        data = await nobody.run(tab["query"], **variables)
        [(name, payload)] = data.items()
        played[name] = payload
        assert not payload.get("userErrors"), payload
        nobody.token = payload.get("token", nobody.token)
        device = (payload.get("session") or {}).get("device", {}).get("id", device)
    assert [result["outcome"] for result in played["pushHighlightChanges"]["results"]] == ["APPLIED", "APPLIED"]
    assert [edge["node"]["text"] for edge in played["homeFeed"]["edges"]] == ["The lamp does not ask. #lighthouse"]
