"""Sessions: tokens, their life, and their end."""

from datetime import timedelta

import pytest

from core import clock
from core.ids import global_id
from runtime import sessions
from runtime.container import Container
from tests.support.api import PASSWORD, Reader
from tests.support.rows import nothing_written, sql

SESSIONS = "{ viewer { sessions { id current createdAt lastSeenAt expiresAt device { id name } } } }"


async def signed_in(reader: Reader, **more: object) -> Reader:
    payload = await reader.mutate(
        "signIn", "token viewer { user { id } }", login=reader.username or "ada", password=PASSWORD, **more
    )
    return Reader(reader.http, payload["token"], reader.username, payload["viewer"]["user"]["id"])


async def status(reader: Reader) -> tuple[int, str | None]:
    """Ask who one is; the HTTP status, and the code of the refusal."""
    async with reader.http.post("/graphql", json={"query": "{ viewer { email } }"}, headers=reader.headers) as response:
        answer = await response.json()
        code = answer["errors"][0]["extensions"]["code"] if answer.get("errors") else None
        return response.status, code


async def moved(container: Container, by: timedelta) -> None:
    """Make every session older."""
    await sql(
        container,
        "UPDATE sessions SET created_at = created_at - CAST(:by AS interval), "
        "last_seen_at = last_seen_at - CAST(:by AS interval), expires_at = expires_at - CAST(:by AS interval)",
        by=by,
    )


async def test_sessions_are_listed_newest_first_with_their_devices(ada: Reader) -> None:
    bare = await signed_in(ada)
    tablet = await signed_in(ada, device={"name": "Tablet", "platform": "test"})
    rows = (await bare.run(SESSIONS))["viewer"]["sessions"]
    assert [row["device"] and row["device"]["name"] for row in rows] == ["Tablet", None, "ada's reader"]
    assert [row["current"] for row in rows] == [False, True, False]
    assert [row["current"] for row in (await tablet.run(SESSIONS))["viewer"]["sessions"]] == [True, False, False]


async def test_no_token_is_a_signed_out_reader(nobody: Reader) -> None:
    assert await nobody.run("{ viewer { email } }") == {"viewer": None}


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "", "Bearer é", "bearer x y"])
async def test_a_token_that_is_nobodys_is_401(nobody: Reader, header: str) -> None:
    nobody.extra_headers = {"Authorization": header}
    assert await status(nobody) == (401, "UNAUTHENTICATED")


async def test_the_scheme_is_taken_in_any_case(ada: Reader) -> None:
    ada.extra_headers = {"authorization": f"bEARER  {ada.token}"}
    ada.token = None
    assert await status(ada) == (200, None)


async def test_signing_out_ends_the_token_at_once_and_no_other(ada: Reader) -> None:
    other = await signed_in(ada)
    assert await status(ada) == (200, None)
    assert (await ada.run("mutation { signOut { userErrors { code } } }"))["signOut"] == {"userErrors": []}
    assert await status(ada) == (401, "UNAUTHENTICATED")
    assert await status(other) == (200, None)
    assert len((await other.run(SESSIONS))["viewer"]["sessions"]) == 1


async def test_signing_out_signed_out_is_refused(nobody: Reader, container: Container) -> None:
    async with nothing_written(container):
        payload = await nobody.run("mutation { signOut { userErrors { field code } } }")
    assert payload["signOut"]["userErrors"] == [{"field": None, "code": "UNAUTHENTICATED"}]


async def test_a_revoked_session_is_dead_at_once_and_its_sockets_close(ada: Reader) -> None:
    other = await signed_in(ada)
    mine = (await other.run(SESSIONS))["viewer"]["sessions"][0]["id"]
    async with other.socket() as doomed, ada.socket() as kept:
        await doomed.acknowledged()
        await kept.acknowledged()
        payload = await ada.mutate("revokeSession", "revokedSessionId", id=mine)
        assert payload == {"revokedSessionId": mine, "userErrors": []}
        assert await status(other) == (401, "UNAUTHENTICATED")
        assert await doomed.closed() == 4403
        key = await kept.subscribe("{ viewer { email } }")
        assert key == "1"
        assert (await kept.next())["viewer"]["email"] == "ada@example.org"
    assert (await ada.run("query($id: ID!) { node(id: $id) { id } }", id=mine))["node"] is None


async def test_signing_out_closes_the_sockets_of_the_session(ada: Reader) -> None:
    async with ada.socket() as socket:
        await socket.acknowledged()
        await ada.run("mutation { signOut { userErrors { code } } }")
        assert await socket.closed() == 4403


async def test_somebody_elses_session_is_not_found(ada: Reader, ben: Reader, container: Container) -> None:
    his = (await ben.run(SESSIONS))["viewer"]["sessions"][0]["id"]
    async with nothing_written(container):
        payload = await ada.mutate("revokeSession", "revokedSessionId", id=his)
    assert payload["revokedSessionId"] is None
    assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(["input", "id"], "NOT_FOUND")]
    assert await status(ben) == (200, None)
    assert (await ada.run("query($id: ID!) { node(id: $id) { id } }", id=his))["node"] is None


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read each session from the database at every request, rather than at most every four seconds."""
    monkeypatch.setattr(sessions, "REMEMBERED", 0.0)


@pytest.mark.usefixtures("forgetful")
async def test_an_expired_token_is_401_and_leaves_the_list(ada: Reader, container: Container) -> None:
    await moved(container, timedelta(days=7))
    assert await status(ada) == (401, "UNAUTHENTICATED")
    fresh = await signed_in(Reader(ada.http, username="ada"))
    rows = (await fresh.run(SESSIONS))["viewer"]["sessions"]
    assert [row["current"] for row in rows] == [True]
    expired = (await sql(container, "SELECT id FROM sessions ORDER BY id LIMIT 1"))[0][0]
    node = await fresh.run("query($id: ID!) { node(id: $id) { id } }", id=global_id("Session", expired))
    assert node["node"] is None


async def test_a_remembered_session_expires_all_the_same(ada: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await status(ada) == (200, None)
    later = clock.now() + timedelta(days=7)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await status(ada) == (401, "UNAUTHENTICATED")


@pytest.mark.usefixtures("forgetful")
async def test_use_renews_the_seven_days_at_most_hourly(ada: Reader, container: Container) -> None:
    async with nothing_written(container):
        await ada.run(SESSIONS)
        await ada.run(SESSIONS)
    await moved(container, timedelta(minutes=59))
    async with nothing_written(container):
        assert await status(ada) == (200, None)
    await moved(container, timedelta(minutes=2))
    before = clock.now()
    assert await status(ada) == (200, None)
    seen, expires = (await sql(container, "SELECT last_seen_at, expires_at FROM sessions"))[0]
    assert before <= seen <= clock.now()
    assert expires - seen == timedelta(days=7)
    async with nothing_written(container):
        assert await status(ada) == (200, None)


@pytest.mark.usefixtures("forgetful")
async def test_a_session_in_steady_use_outlives_its_seven_days(ada: Reader, container: Container) -> None:
    for _ in range(3):
        await moved(container, timedelta(days=6))
        assert await status(ada) == (200, None)
