"""The client tools that people already have must be happy with the printed schema and with a live server."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportQueryError

from app import create_app
from commands.fetch_graphiql import fetch
from core.settings import Settings
from runtime.graphiql_files import folder_in, pins, stock_page
from schema.root import schema
from tests.support.api import Reader
from tests.support.clients import CLIENTS, SCHEMA, installed, require, run, verdict

LINTER_RULES = (
    "arguments-have-descriptions,deprecations-have-a-reason,enum-values-all-caps,enum-values-have-descriptions,"
    "fields-are-camel-cased,fields-have-descriptions,input-object-values-are-camel-cased,"
    "input-object-values-have-descriptions,relay-connection-types-spec,relay-connection-arguments-spec,"
    "relay-page-info-spec,types-are-capitalized,types-have-descriptions,defined-types-are-used,"
    "descriptions-are-capitalized"
)
FOLLOW = """subscription($id: ID!) { highlightChanges(deviceId: $id) {
  __typename ... on HighlightUpserted { highlight { text } } } }"""
SCHEMATHESIS_SECONDS = os.environ.get("SCHEMATHESIS_SECONDS", "20")


@pytest.fixture
def url(http: "TestClient[Any, Any]") -> str:
    """The address of the running API."""
    return str(http.make_url("/graphql"))


def test_the_printed_schema_is_the_one_that_is_served() -> None:
    assert SCHEMA.read_text() == schema.as_str() + "\n"


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (CLIENTS / "package-lock.json").read_text()


# ── the printed schema ────────────────────────────────────────────────────────────────────────────────────


async def test_relay_compiles_pages_refetches_edges_and_events(tmp_path: Path) -> None:
    compiler = installed() / "relay-compiler"
    shutil.copytree(CLIENTS / "relay", tmp_path, dirs_exist_ok=True)
    shutil.copy(SCHEMA, tmp_path)
    (tmp_path / "__generated__").mkdir()
    code, said = await run(compiler, "relay.config.json", cwd=tmp_path)
    assert code == 0, said
    assert len(list((tmp_path / "__generated__").glob("*.graphql.ts"))) == 8


async def test_graphql_eslint_finds_nothing() -> None:
    assert await verdict("lint.mjs", SCHEMA) == {"errors": []}


async def test_graphql_schema_linter_finds_nothing() -> None:
    code, said = await run(installed() / "graphql-schema-linter", "--rules", LINTER_RULES, SCHEMA)
    assert code == 0, said
    assert "0 errors" in said


async def test_codegen_makes_sound_types_from_the_file_and_the_same_from_the_live_server(
    url: str, tmp_path: Path
) -> None:
    tools = installed()
    command = (tools / "graphql-codegen", "--config", "codegen.yml", "--silent")
    for name, source in {"file": str(SCHEMA), "live": url}.items():
        code, said = await run(*command, cwd=CLIENTS / "codegen", SCHEMA=source, OUT=str(tmp_path / name))
        assert code == 0, said
        made = sorted((tmp_path / name).glob("*.ts"))
        code, said = await run(tools / "tsc", "--noEmit", "--strict", *made, cwd=tmp_path)
        assert code == 0, said
        assert [path.name for path in made] == ["operations.ts", "schema.ts"]
        assert "export type WriteMutation" in made[0].read_text()


# ── a live server ─────────────────────────────────────────────────────────────────────────────────────────


async def test_all_audits_of_graphql_over_http_pass(url: str) -> None:
    found = await verdict("audits.mjs", url)
    assert found == {"total": 61, "ok": 61, "missed": []}


async def test_apollo_merges_pages_follows_a_subscription_and_reads_our_codes(url: str) -> None:
    found = await verdict("apollo.mjs", url)
    assert found["merged"] == ["Third of three.", "Second of three.", "First of three."]
    assert found["events"][:2] == ["SyncCaughtUp", "HighlightUpserted"]
    assert found["refusal"] == "INVALID"
    assert found["code"] == "BAD_USER_INPUT"
    assert found["invalid"] == "GRAPHQL_VALIDATION_FAILED"


async def test_apollo_asks_by_hash_tells_the_query_once_and_then_asks_by_hash_alone(url: str) -> None:
    miss, hit = (await verdict("apollo.mjs", url))["persistence"]
    assert miss["error"] is None
    assert [request.split()[1] for request in miss["requests"]] == ["hash", "query"]
    assert hit == {"error": None, "requests": ["GET hash"]}


async def test_urql_posts_gets_writes_and_follows(url: str) -> None:
    found = await verdict("urql.mjs", url)
    assert (found["posted"], found["got"]) == ("ok", "ok")
    assert found["written"] == "A tide table for readers."
    assert found["code"] == "BAD_USER_INPUT"
    assert found["invalid"] == "GRAPHQL_VALIDATION_FAILED"
    assert found["events"] == ["HighlightUpserted", "SyncCaughtUp", "HighlightUpserted"]
    assert [request.split()[0] for request in found["requests"][:2]] == ["POST", "GET"]
    assert all("event-stream" not in request for request in found["requests"])


async def test_graphql_sse_asks_and_follows(url: str) -> None:
    assert await verdict("sse.mjs", url) == {"known": True, "events": ["SyncCaughtUp", "HighlightUpserted"]}


@pytest.fixture
def init_seconds(monkeypatch: pytest.MonkeyPatch) -> int:
    """How long a socket may stay silent: less than for others, so that the test need not wait as long."""
    monkeypatch.setattr("runtime.graphql_view.INIT_SECONDS", 2)
    return 2


async def test_graphql_ws_gets_its_data_and_every_fault_its_close_code(init_seconds: int, url: str) -> None:
    found = await verdict("sockets.mjs", url, str(init_seconds))
    assert found == {
        "events": ["SyncCaughtUp", "HighlightUpserted"],
        "known": True,
        "badToken": 4403,
        "notJson": 4400,
        "unknownType": 4400,
        "noInit": 4401,
        "twoInits": 4429,
        "sameIdTwice": 4409,
        "otherProtocol": "Server sent no subprotocol",
        "foreignOrigin": "HTTP 403",
        "pong": ["connection_ack", "pong"],
        "invalid": ["connection_ack", "error", "GRAPHQL_VALIDATION_FAILED"],
        "unknownOperation": ["connection_ack", "error", "OPERATION_RESOLUTION_FAILURE"],
        "silent": 4408,
    }


async def test_gql_for_python_asks_follows_and_checks_its_documents(url: str, ada: Reader) -> None:
    headers = {"Authorization": f"Bearer {ada.token}"}
    transport = AIOHTTPTransport(url=url, headers=headers, ssl=False)
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        me = await session.execute(gql("{ viewer { user { username } } }"))
        assert me["viewer"]["user"]["username"] == "ada"
        with pytest.raises(TransportQueryError, match="not an id"):
            await session.execute(gql('{ node(id: "nonsense") { id } }'))
    socket_transport = AIOHTTPWebsocketsTransport(url=url.replace("http", "ws", 1), init_payload=headers)
    async with Client(transport=socket_transport) as session:
        events = session.subscribe(GraphQLRequest(FOLLOW, variable_values={"id": ada.device_id}))
        assert (await anext(events))["highlightChanges"]["__typename"] == "SyncCaughtUp"
        await ada.mutate(
            "createHighlight",
            "highlight { id }",
            book={"named": {"title": "Tides", "authors": ["Ida Marsh"]}},
            passage={"text": "High water at noon.", "anchor": {"percent": 1.0}},
        )
        assert (await anext(events))["highlightChanges"]["highlight"]["text"] == "High water at noon."
        await events.aclose()


async def test_schemathesis_provokes_no_server_fault(url: str, ada: Reader, tmp_path: Path) -> None:
    # Sign-out would end the token that all the rest is asked with.
    code, said = await run(
        require("schemathesis"),
        *("run", url, "--header", f"Authorization: Bearer {ada.token}", "--max-time", SCHEMATHESIS_SECONDS),
        *("--exclude-name", "Mutation.signOut", "--exclude-checks", "positive_data_acceptance"),
        cwd=tmp_path,
        patience=float(SCHEMATHESIS_SECONDS) + 60,
    )
    assert code == 0, said
    assert "Authentication failed" not in said, said


# ── a browser that can reach nobody else ──────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("app")  # empties the database afterwards
async def test_graphiql_works_in_a_browser_without_internet(
    urls: tuple[str, str], settings: Settings, tmp_path: Path
) -> None:
    require("chromium")
    await asyncio.to_thread(fetch, folder_in(tmp_path), pins(stock_page()), require("npm"))
    here = settings.model_copy(update={"data_dir": tmp_path})
    app = create_app(here, database_url=urls[0], redis_url=urls[1])
    async with TestServer(app) as server:
        found = await verdict("graphiql.mjs", str(server.make_url("/graphql")))
    _check_page(found)
    _check_tour(found["answers"])


def _check_page(found: dict[str, Any]) -> None:
    assert found["outside"] == []
    assert found["complaints"] == []
    assert found["tabs"] == [
        *("SignUp", "SignIn", "WhoAmI", "AddBook", "Highlight", "FollowHighlights", "Pull", "Push", "Post", "HomeFeed")
    ]
    assert found["init"] == found["typed"]
    assert found["next"] == ["SyncCaughtUp", "HighlightUpserted"]
    assert found["recovered"] is True


def _check_tour(answers: dict[str, Any]) -> None:
    assert all("errors" not in answer for answer in answers.values()), answers
    guest = answers["SignUp"]["data"]["signUp"]["viewer"]["user"]["username"]
    assert answers["WhoAmI"]["data"]["viewer"]["user"]["username"] == guest
    assert len(answers["Pull"]["data"]["highlightChanges"]["changes"]) == 2
    posted = answers["Post"]["data"]["createPost"]["post"]["text"]
    assert [edge["node"]["text"] for edge in answers["HomeFeed"]["data"]["homeFeed"]["edges"]] == [posted]
    again = answers["PushAgain"]["data"]["pushHighlightChanges"]["results"]
    assert [result["replayed"] for result in again] == [True, True]
