"""Probes and figures, as whoever watches the server sees them."""

import re
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import BROKER, create_app
from core.database import Database
from core.settings import Settings
from runtime.container import Container
from tests.runtime.support import eventually
from tests.support.api import Reader

Http = TestClient[Any, Any]
NOWHERE = "127.0.0.1:1"


async def ask(http: Http, path: str) -> tuple[int, Any]:
    async with http.get(path) as response:
        return response.status, await response.json()


async def test_all_is_well(http: Http) -> None:
    await eventually(lambda: http.app is not None and http.app[BROKER].is_up)
    assert await ask(http, "/live") == (200, {"status": "alive"})
    assert await ask(http, "/ready") == (200, {"status": "ready"})
    healthy = {"status": "healthy", "parts": {"postgresql": "up", "valkey": "up"}}
    assert await ask(http, "/health") == (200, healthy)


async def test_without_valkey_it_is_degraded_and_ready(urls: tuple[str, str], settings: Settings) -> None:
    app = create_app(settings, database_url=urls[0], redis_url=f"redis://{NOWHERE}/0")
    async with TestClient(TestServer(app)) as http:
        assert (await ask(http, "/ready"))[0] == 200
        degraded = {"status": "degraded", "parts": {"postgresql": "up", "valkey": "down"}}
        assert await ask(http, "/health") == (200, degraded)


async def test_without_postgresql_it_lives_but_is_not_ready(
    http: Http, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Database(f"postgresql+asyncpg://reader@{NOWHERE}/books", pool_size=2)
    with monkeypatch.context() as patched:
        patched.setattr(container, "database", gone)
        assert await ask(http, "/live") == (200, {"status": "alive"})
        assert await ask(http, "/ready") == (503, {"status": "unready"})
        status, health = await ask(http, "/health")
        assert (status, health["status"], health["parts"]["postgresql"]) == (503, "unready", "down")
        async with http.get("/metrics") as response:
            assert (response.status, "job_ledger_depth" in await response.text()) == (200, False)
    assert (await ask(http, "/ready"))[0] == 200
    await gone.close()


async def test_figures_tell_requests_by_route_and_jobs_by_state(http: Http, ada: Reader, container: Container) -> None:
    async with container.transaction() as services:
        await services.jobs.add("nobody_does_this")
    await http.get(f"/no/such/page/{ada.id}")
    async with http.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain")
        printed = await response.text()
    assert re.search(r'^http_requests_total\{route="/graphql",status="200"\} [1-9]', printed, re.MULTILINE)
    assert re.search(r'^http_requests_total\{route="unmatched",status="404"\} [1-9]', printed, re.MULTILINE)
    assert 'job_ledger_depth{state="waiting"} 1.0' in printed
    for held in ("event_loop_tasks", "pg_pool_total_connections"):
        assert re.search(rf"^{held} [1-9]", printed, re.MULTILINE)
    assert ada.id not in printed


async def test_highlight_operations_are_timed_by_outcome(http: Http, ada: Reader) -> None:
    def count(printed: str, status: str) -> float:
        name = f'highlight_operation_duration_seconds_count{{operation="delete",status="{status}"}}'
        found = re.search(rf"^{re.escape(name)} (\S+)$", printed, re.MULTILINE)
        return float(found[1]) if found else 0

    async def printed() -> str:
        async with http.get("/metrics") as response:
            return await response.text()

    before = await printed()
    refused = await ada.mutate("deleteHighlight", "highlight { id }", id="nonsense")
    assert refused["userErrors"]
    after = await printed()
    assert count(after, "refused") == count(before, "refused") + 1
    assert count(after, "ok") == count(before, "ok")
    buckets = re.findall(r'operation="delete",status="refused",le="([^"]+)"', after) or re.findall(
        r'le="([^"]+)",operation="delete",status="refused"', after
    )
    assert buckets == ["0.01", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "+Inf"]


async def test_each_answer_names_its_request(http: Http) -> None:
    async with http.get("/live", headers={"X-Request-ID": "mine-1"}) as response:
        assert response.headers["X-Request-ID"] == "mine-1"
    for bad in ("", "no spaces please", "x" * 65):
        async with http.get("/live", headers={"X-Request-ID": bad}) as response:
            assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["X-Request-ID"])
