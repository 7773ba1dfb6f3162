"""What the server shows in production, to other origins, and as a stream of events."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app import BROKER
from core.settings import Profile, Settings
from runtime.container import Container
from tests.support.api import Reader

Http = TestClient[Any, Any]
ALLOWED = {"Origin": "https://app.example"}
FOREIGN = {"Origin": "https://elsewhere.example"}
QUERY = "query Me { viewer { email } }"
LIVE = "subscription($device: ID!) { highlightChanges(deviceId: $device) { __typename } }"


class TestProduction:
    """PROFILE=production."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"profile": Profile.PRODUCTION, "persisted_only": False})

    async def test_the_schema_is_not_told(self, nobody: Reader) -> None:
        error = await nobody.error("{ __schema { types { name } } }")
        assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"

    async def test_a_misspelt_field_is_told_without_suggestions(self, nobody: Reader) -> None:
        assert "Did you mean" not in (await nobody.error("{ viewe { email } }"))["message"]

    async def test_there_is_no_page(self, http: Http) -> None:
        async with http.get("/graphql", headers={"Accept": "text/html"}) as response:
            assert response.status == 404


class TestAllowList:
    """PERSISTED_ONLY=true."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"persisted_only": True})

    async def test_only_registered_operations_run(self, http: Http, container: Container) -> None:
        async with http.post("/graphql", json={"query": QUERY}) as response:
            assert response.status == 400
            assert (await response.json())["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        async with container.transaction() as services:
            await services.documents.register({"me": QUERY})
        async with http.get("/graphql", params={"documentId": "me"}) as response:
            assert (await response.json())["data"] == {"viewer": None}
            assert response.headers["Cache-Control"] == "public, max-age=60"
        async with http.get("/graphql", params={"documentId": "you"}) as response:
            assert response.status == 400


class TestBrowsers:
    """ALLOWED_ORIGINS names one origin."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"allowed_origins": "https://app.example"})

    async def test_a_preflight_is_answered_for_those_on_the_list(self, http: Http) -> None:
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        async with http.options("/graphql", headers=ALLOWED | asks) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
            assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
        async with http.options("/graphql", headers=FOREIGN | asks) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers

    async def test_an_allowed_page_may_read_the_answer_and_another_may_not_even_ask(self, http: Http) -> None:
        async with http.post("/graphql", json={"query": QUERY}, headers=ALLOWED) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
        async with http.post("/graphql", json={"query": QUERY}, headers=FOREIGN) as response:
            assert response.status == 403

    async def test_a_socket_of_another_origin_is_refused(self, http: Http) -> None:
        for headers, status in ((ALLOWED, 101), (FOREIGN, 403)):
            upgrade = {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
                "Sec-WebSocket-Protocol": "graphql-transport-ws",
            }
            async with http.get("/graphql", headers=upgrade | headers) as response:
                assert response.status == status


async def test_events_arrive_for_devices_behind_proxies(ada: Reader) -> None:
    body = {"query": LIVE, "variables": {"device": ada.device_id}}
    headers = ada.headers | {"Accept": "text/event-stream"}
    async with ada.http.post("/graphql", json=body, headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert (await _event(response))["data"]["highlightChanges"]["__typename"] == "SyncCaughtUp"
        made = await ada.mutate(
            "createHighlight",
            "highlight { id }",
            book={"named": {"title": "North of the Kitchen", "authors": ["Renske Vaal"]}},
            passage={"text": "Bread keeps its own calendar.", "anchor": {}},
        )
        assert not made["userErrors"]
        assert (await _event(response))["data"]["highlightChanges"]["__typename"] == "HighlightUpserted"


async def test_an_abrupt_end_of_events_leaves_nothing_behind(ada: Reader, app: web.Application) -> None:
    body = {"query": LIVE, "variables": {"device": ada.device_id}}
    headers = ada.headers | {"Accept": "text/event-stream"}
    for _ in range(5):
        async with ada.http.post("/graphql", json=body, headers=headers) as response:
            await _event(response)
            assert response.connection is not None
            assert response.connection.transport is not None
            response.connection.transport.abort()
    async with asyncio.timeout(20):
        while app[BROKER].subscription_count:  # noqa: ASYNC110 - there is no event for what is gone
            await asyncio.sleep(0.1)


async def test_a_client_that_lists_events_last_gets_json(ada: Reader) -> None:
    urql = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream"
    async with ada.http.post("/graphql", json={"query": QUERY}, headers=ada.headers | {"Accept": urql}) as response:
        assert response.content_type == "application/graphql-response+json"
        assert (await response.json())["data"]["viewer"]["email"] == "ada@example.org"


async def _event(response: Any) -> Any:
    async with asyncio.timeout(10):
        while True:
            line = (await response.content.readline()).decode().strip()
            if line.startswith("data: {"):
                return json.loads(line.removeprefix("data: "))
