"""Requests that never become an operation: a 4xx with JSON and a code, no internals, nothing written."""

import io
import json
from typing import Any

import pytest

from runtime.container import Container
from tests.support.api import Reader
from tests.support.bad_input import INTERNALS
from tests.support.rows import nothing_written

ASK = b'{"query":"{ __typename }"'
DEEP = 3_000
BODIES: dict[str, tuple[int, bytes]] = {
    "nothing": (400, b""),
    "cut off": (400, b'{"query": '),
    "a list": (400, b"[]"),
    "a batch": (400, b'[{"query":"{ __typename }"}]'),
    "no query": (400, b"{}"),
    "a null query": (400, b'{"query":null}'),
    "a number for a query": (400, b'{"query":5}'),
    "a list for a query": (400, b'{"query":["x"]}'),
    "null": (400, b"null"),
    "a number": (400, b"5"),
    "a text": (400, b'"x"'),
    "a subscription": (400, b'{"query":"subscription { highlightChanges(deviceId: \\"x\\") { __typename } }"}'),
    "two operations and no name": (200, b'{"query":"mutation A { signOut { __typename } } query B { __typename }"}'),
    "variables that are a list": (400, ASK + b',"variables":[]}'),
    "variables that are a text": (400, ASK + b',"variables":"x"}'),
    "extensions that are a text": (400, ASK + b',"extensions":"x"}'),
    "an operation that is not there": (400, b'{"query":"query A { __typename }","operationName":"B"}'),
    "the name of an operation that is a number": (400, ASK + b',"operationName":5}'),
    "only a fragment": (400, b'{"query":"fragment F on User { id }"}'),
    "not UTF-8": (400, b'{"query":"{ \xff\xfe }"}'),
    "UTF-16": (400, '{"query":"{ __typename }"}'.encode("utf-16")),
    "NaN": (400, ASK + b',"variables":{"x":NaN}}'),
    "JSON nested deeply": (400, ASK + b',"variables":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}"),
    "an empty query": (400, b'{"query":""}'),
    "a huge body": (413, b'{"query":"' + b" " * (5 << 20) + b'"}'),
}
JSON = {"Content-Type": "application/json"}


async def refused(reader: Reader, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Send a body as it is; the status, and the one error of the answer."""
    async with reader.http.post(
        "/graphql", data=io.BytesIO(body), headers=reader.headers | headers, skip_auto_headers=["Content-Type"]
    ) as response:
        text = await response.text()
        assert response.content_type == "application/json", text
        assert response.headers["X-Request-ID"]
    assert not INTERNALS.search(text), text
    answer = json.loads(text)
    assert "data" not in answer, text
    (error,) = answer["errors"]
    assert error["message"]
    assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR"
    return response.status, error


async def test_a_bad_body_is_refused(ada: Reader, container: Container) -> None:
    async with nothing_written(container):
        for label, (status, body) in BODIES.items():
            assert (await refused(ada, body, JSON))[0] == status, label


async def test_a_body_that_is_not_the_gzip_it_says_is_refused(ada: Reader, container: Container) -> None:
    async with nothing_written(container):
        status, error = await refused(ada, b"no gzip", JSON | {"Content-Encoding": "gzip"})
    assert (status, error["extensions"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"]
)
async def test_another_content_type_is_refused(ada: Reader, container: Container, kind: str) -> None:
    mutation = b'{"query":"mutation { signOut { userErrors { code } } }"}'
    async with nothing_written(container):
        status, error = await refused(ada, mutation, {"Content-Type": kind} if kind else {})
    assert (status, error["extensions"]["code"]) == (415, "BAD_REQUEST")


async def test_a_mutation_by_get_is_refused(ada: Reader, container: Container) -> None:
    query = {"query": "mutation { signOut { userErrors { code } } }"}
    async with (
        nothing_written(container),
        ada.http.get("/graphql", params=query, headers=ada.headers) as response,
    ):
        assert response.status == 405
        assert (await response.json())["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/graphql", 405), ("DELETE", "/graphql", 405), ("POST", "/nowhere", 404), ("GET", "/nowhere", 404)],
)
async def test_other_methods_and_paths_are_refused_as_json(nobody: Reader, method: str, path: str, status: int) -> None:
    async with nobody.http.request(method, path) as response:
        assert response.status == status
        answer = await response.json()
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_deep_variables_within_what_json_allows_are_refused_or_ignored(ada: Reader) -> None:
    deep = b'{"title":' * 1_000 + b"1" + b"}" * 1_000
    query = b'{"query":"query($f: BookFilter) { books(filter: $f) { nodes { id } } }","variables":{"f":' + deep + b"}}"
    async with ada.http.post("/graphql", data=query, headers=ada.headers | JSON) as response:
        assert (await response.json())["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    unused = ASK + b',"variables":{"f":' + deep + b"}}"
    async with ada.http.post("/graphql", data=unused, headers=ada.headers | JSON) as response:
        assert (await response.json())["data"] == {"__typename": "Query"}
