"""What a minute holds, and what is refused before it runs."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from redis.asyncio import Redis

from core.settings import Settings
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
