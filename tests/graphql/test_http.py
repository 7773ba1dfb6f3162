"""GraphQL over HTTP: what is malformed is refused as JSON with a code, what is not is answered as clients expect."""

import hashlib
import io
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.support.api import PASSWORD, Reader

Http = TestClient[Any, Any]
NEWER = {"Accept": "application/graphql-response+json"}
QUERY = "{ viewer { email } }"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"null", JSON, 400),
        (b"5", JSON, 400),
        (b'"x"', JSON, 400),
        (b"[]", JSON, 400),
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b'{"query": "\xff"}', JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b"{}", JSON, 400),
        (b'{"query": 5}', JSON, 400),
        (b'{"query": "{a}", "variables": []}', JSON, 400),
        (b'{"query": "{a}", "operationName": 1}', JSON, 400),
        (b'{"query": "{a}", "extensions": "x"}', JSON, 400),
        (b'{"query": "{ viewer { email } }"}', {"Content-Type": "text/plain"}, 415),
        (b"query=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_a_malformed_request_is_refused_as_json(
    http: Http, body: bytes, headers: dict[str, str], status: int
) -> None:
    async with http.post("/graphql", data=body, headers=headers) as response:
        assert response.status == status
        assert response.content_type == "application/json"
        answer = await response.json()
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "data" not in answer


async def test_a_body_of_five_megabytes_is_too_large(http: Http) -> None:
    body = io.BytesIO(b'{"query": "' + b"x" * (5 << 20) + b'"}')
    async with http.post("/graphql", data=body, headers=JSON) as response:
        assert response.status == 413
        assert (await response.json())["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query($id: ID!) { node(id: $id) { id } }"}, "BAD_USER_INPUT"),
        ({"query": "query A { viewer { email } } query B { viewer { email } }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { viewer { email } }", "operationName": "C"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": '{ user(username: "\\u0000") { id } }'}, "BAD_USER_INPUT"),
        (
            {"query": "query($n: String!) { user(username: $n) { id } }", "variables": {"n": "\ud800"}},
            "BAD_USER_INPUT",
        ),
    ],
)
async def test_a_request_error_has_a_code_and_no_data(http: Http, body: dict[str, Any], code: str) -> None:
    async with http.post("/graphql", json=body, headers=NEWER) as response:
        assert response.status == 400
        answer = await response.json()
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == code


async def test_a_subscription_needs_a_socket_or_events(http: Http) -> None:
    query = 'subscription { highlightChanges(deviceId: "x") { __typename } }'
    async with http.post("/graphql", json={"query": query}) as response:
        assert response.status == 400
    async with http.get("/graphql", params={"query": query}) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"


async def test_a_get_takes_no_mutation_and_other_methods_are_told_what_is_allowed(http: Http) -> None:
    async with http.get("/graphql", params={"query": "mutation { signOut { userErrors { code } } }"}) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"
    async with http.put("/graphql", json={"query": QUERY}) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, POST"


async def test_a_get_is_answered_304_when_nothing_changed(http: Http) -> None:
    async with http.get("/graphql", params={"query": QUERY}, headers=NEWER) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "private, max-age=0, must-revalidate"
        tag = response.headers["ETag"]
    async with http.get("/graphql", params={"query": QUERY}, headers={**NEWER, "If-None-Match": tag}) as response:
        assert response.status == 304
        assert await response.read() == b""
        assert response.headers["ETag"] == tag


async def test_automatic_persisted_queries_follow_apollo(http: Http) -> None:
    sha256 = hashlib.sha256(QUERY.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256}}
    params = {"extensions": json.dumps(extensions)}
    async with http.get("/graphql", params=params) as response:
        answer = await response.json()
    assert answer["errors"][0]["message"] == "PersistedQueryNotFound"
    assert answer["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    async with http.post("/graphql", json={"query": QUERY, "extensions": extensions}) as response:
        assert (await response.json())["data"] == {"viewer": None}
    async with http.get("/graphql", params=params) as response:
        assert (await response.json())["data"] == {"viewer": None}
        assert response.headers["Cache-Control"].startswith("public")
        assert "RateLimit" not in response.headers
    wrong = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    async with http.post("/graphql", json={"query": QUERY, "extensions": wrong}) as response:
        assert response.status == 400


async def test_a_browser_signs_in_by_cookie(http: Http, ada: Reader) -> None:
    del ada
    query = (
        """mutation { signIn(input: {login: "ada", password: "%s", transport: COOKIE}) { token viewer { email } } }"""
    )
    async with http.post("/graphql", json={"query": query % PASSWORD}) as response:
        payload = (await response.json())["data"]["signIn"]
        cookie = response.cookies["commonplace_session"]
    assert payload["token"] is None
    assert payload["viewer"]["email"] == "ada@example.org"
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    async with http.post("/graphql", json={"query": QUERY}) as response:
        assert (await response.json())["data"]["viewer"]["email"] == "ada@example.org"
    foreign = {"Origin": "https://elsewhere.example"}
    async with http.post("/graphql", json={"query": QUERY}, headers=foreign) as response:
        assert response.status == 403
    async with http.get("/graphql", params={"query": QUERY}, headers={"Sec-Fetch-Site": "cross-site"}) as response:
        assert response.status == 403
    async with http.post("/graphql", json={"query": "mutation { signOut { userErrors { code } } }"}) as response:
        assert response.cookies["commonplace_session"].value == ""
