"""What a minute holds, and what is refused before it runs."""

import hashlib
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from graphql import get_introspection_query
from redis.asyncio import Redis
from strawberry.extensions import ParserCache

from core.settings import Settings
from schema.extensions import LONGEST_KEPT, _require_valid
from schema.limits import Limits
from tests.support.api import Reader

Http = TestClient[Any, Any]


@pytest.fixture
async def settings(settings: Settings, urls: tuple[str, str]) -> Settings:
    """The limits as they are by default, on buckets that are full."""
    async with Redis.from_url(urls[1]) as valkey:
        await valkey.flushall()
    names = ("cost_per_minute", "cost_per_minute_signed_out")
    return settings.model_copy(update={name: Settings.model_fields[name].default for name in names})


async def test_the_cost_is_told_and_charged(ada: Reader) -> None:
    data = await ada.run(
        "{ viewer { highlights(first: 100) { nodes { book { id } } } } rateLimit { cost limit remaining } }"
    )
    assert data["rateLimit"]["cost"] == 203
    assert data["rateLimit"]["limit"] == 20_000
    answer = await ada.post(
        "{ viewer { highlights(first: 100) { nodes { owner { highlights(first: 100) { nodes { id } } } } } } }"
    )
    assert "costs" in answer["errors"][0]["message"]
    assert "data" not in answer


async def test_an_empty_bucket_is_429_with_a_time_to_come_back(http: Http) -> None:
    query = "{ books(first: 100) { nodes { id } edges { node { id } } } }"
    for _ in range(12):
        async with http.post("/graphql", json={"query": query}) as response:
            if response.status == 429:
                assert int(response.headers["Retry-After"]) > 0
                assert (await response.json())["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
                break
            assert response.headers["RateLimit-Policy"] == '"cost";q=2000;w=60'
    else:
        pytest.fail("the limit never came")


async def test_the_schema_is_told_once_a_document_not_twenty_times(nobody: Reader) -> None:
    answer = await nobody.run(get_introspection_query(input_value_deprecation=True))
    assert answer["__schema"]["types"]
    many = " ".join(f"t{n}: types {{ name }}" for n in range(20))
    error = await nobody.error(f"{{ __schema {{ {many} }} }}")
    assert error["message"] == "This document asks for the schema too often."
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_only_documents_that_are_short_and_valid_are_remembered(nobody: Reader) -> None:
    parsed: Any = ParserCache().cached_parse_document
    _require_valid.cache_clear()  # what other tests left may have filled it
    misses = parsed.cache_info().misses
    long = "#" * (LONGEST_KEPT + 1)
    assert (await nobody.run(f"query NotKept {{ viewer {{ email }} }} {long}"))["viewer"] is None
    assert parsed.cache_info().misses == misses
    for _ in range(2):
        error = await nobody.error("query NeverValid { viewer { shoeSize } }")
        assert "shoeSize" in error["message"]
    assert _require_valid.cache_info().currsize == 1  # of the long one only its tokens are kept, not its text


@pytest.mark.parametrize("text", ["x" * 501, r"\u0041" * 51])
async def test_a_document_that_takes_long_to_read_is_refused_unread(
    nobody: Reader, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("schema.extensions.LIMITS", Limits(letters=500, escapes=50))
    error = await nobody.error(f'{{ user(username: "{text}") {{ id }} }}')
    assert error["message"] == "This document is too long. Send long texts as variables."
    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert (await nobody.run('{ user(username: "nobody") { id } }'))["user"] is None


async def test_an_empty_bucket_is_429_for_a_named_query_too_and_nobody_keeps_that(http: Http) -> None:
    query = "{ books(first: 100) { nodes { id } edges { node { id } } } }"
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}
    async with http.post("/graphql", json={"query": query, "extensions": extensions}):
        pass
    for _ in range(12):
        async with http.get("/graphql", params={"extensions": json.dumps(extensions)}) as response:
            if response.status == 429:
                assert response.headers["Cache-Control"] == "no-store"
                break
            assert response.headers["Cache-Control"].startswith("public")
    else:
        pytest.fail("the limit never came")
