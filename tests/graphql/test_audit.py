"""What is kept of who did what: without words, tokens and passwords, and without whose once the account is gone."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from core.ids import read_global_id
from runtime.container import Container
from tests.support.api import PASSWORD, Reader
from tests.support.rows import nothing_written, sql


async def entries(container: Container, *actions: str) -> list[dict[str, Any]]:
    """Read the log, oldest first."""
    rows = await sql(container, "SELECT * FROM audit_log ORDER BY id")
    return [row._asdict() for row in rows if not actions or row.action in actions]


async def test_signing_in_and_out_is_kept_with_where_it_came_from(container: Container, ada: Reader) -> None:
    sign_in = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"
    agent = {"User-Agent": "Quill/1.0 (paper)"}
    again = Reader(ada.http, extra_headers=agent)
    again.token = (await again.run(sign_in, i={"login": "ada", "password": PASSWORD}))["signIn"]["token"]
    await again.run("mutation { signOut { userErrors { code } } }")
    _, created, revoked = await entries(container)
    assert (created["action"], created["details"]) == ("session.created", {})
    assert (revoked["action"], revoked["details"]) == ("session.revoked", {"by": "signOut"})
    for entry in (created, revoked):
        assert entry["user_id"] == read_global_id(ada.id)[1]
        assert (entry["resource_type"], entry["ip"], entry["user_agent"]) == (
            "session",
            "127.0.0.1",
            agent["User-Agent"],
        )
    assert created["resource_id"] == revoked["resource_id"]


async def test_every_way_a_session_is_ended_is_kept(container: Container, ada: Reader) -> None:
    sign_in = "mutation($i: SignInInput!) { signIn(input: $i) { viewer { sessions { id current } devices { id } } } }"
    device = {"name": "Shelf", "platform": "test"}
    opened = [
        (await ada.run(sign_in, i={"login": "ada", "password": PASSWORD, "device": device}))["signIn"]["viewer"]
        for _ in range(3)
    ]
    current = next(one["id"] for one in opened[0]["sessions"] if one["current"])
    await ada.mutate("revokeSession", "revokedSessionId", id=current)
    newest = [one["id"] for one in opened[1]["devices"] if one["id"] not in {d["id"] for d in opened[0]["devices"]}]
    await ada.mutate("removeDevice", "removedDeviceId", id=newest[0])
    await ada.mutate("changePassword", "__typename", currentPassword=PASSWORD, newPassword=PASSWORD + "2")
    ended = await entries(container, "session.revoked")
    assert [entry["details"]["by"] for entry in ended] == ["revokeSession", "removeDevice", "changePassword"]
    assert len({entry["resource_id"] for entry in ended}) == 3


async def test_a_refused_sign_in_is_no_session(container: Container, ada: Reader) -> None:
    async with nothing_written(container, but=("auth_attempts",)):
        await ada.mutate("signIn", "token", login="ada", password="not it at all")


async def test_a_change_of_privacy_is_kept_with_what_it_was_and_is(container: Container, ada: Reader) -> None:
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True, allowFollowers=True)
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    [entry] = await entries(container, "privacy.changed")
    assert entry["details"] == {"is_private": [False, True]}
    assert (entry["resource_type"], entry["resource_id"]) == ("user", entry["user_id"])


async def test_a_follow_and_its_end_are_kept_and_a_request_is_neither(
    container: Container, ada: Reader, ben: Reader
) -> None:
    for mutation in ("follow", "follow", "unfollow", "unfollow"):
        await ada.mutate(mutation, "status", userId=ben.id)
    await ben.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    for mutation in ("follow", "unfollow"):
        await ada.mutate(mutation, "status", userId=ben.id)
    kept = await entries(container, "follow.created", "follow.deleted")
    assert [entry["action"] for entry in kept] == ["follow.created", "follow.deleted"]
    me, other = (read_global_id(reader.id)[1] for reader in (ada, ben))
    assert {(entry["user_id"], entry["resource_type"], entry["resource_id"]) for entry in kept} == {(me, "user", other)}


async def test_no_secret_gets_into_the_log(container: Container, ada: Reader) -> None:
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    [dump] = (await sql(container, "SELECT string_agg(a::text, ' ') FROM audit_log a"))[0]
    assert "privacy.changed" in dump
    assert not [word for word in (PASSWORD, ada.token, "ada@example.org", "argon2") if word and word in dump]


async def test_an_account_that_goes_leaves_entries_that_are_nobodys(
    container: Container, ada: Reader, ben: Reader
) -> None:
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    before = await entries(container)
    await ada.mutate("deleteAccount", "deletedUserId", password=PASSWORD)
    after = await entries(container)
    assert [entry["id"] for entry in after] == [entry["id"] for entry in before]
    for then, now in zip(before, after, strict=True):
        if then["user_id"] == read_global_id(ben.id)[1]:
            assert now == then
        else:
            nobodys = dict.fromkeys(("user_id", "resource_id", "ip", "user_agent"))
            assert now == then | nobodys


async def test_entries_are_let_go_after_their_years(container: Container, ada: Reader) -> None:
    assert ada.id
    days = container.settings.audit_days
    await sql(container, "UPDATE audit_log SET timestamp = now() - make_interval(days => :days)", days=days - 1)
    async with container.transaction() as services:
        assert await services.housekeeping.purge_audit()
    assert len(await entries(container)) == 1
    await sql(container, "UPDATE audit_log SET timestamp = timestamp - interval '2 days'")
    async with container.transaction() as services:
        assert not await services.housekeeping.purge_audit()
    assert await entries(container) == []


@pytest.mark.parametrize("agent", [b"x" * 1_000, b"br\xffken", b""])
async def test_a_client_that_calls_itself_strange_things_is_let_in(
    http: "TestClient[Any, Any]", ada: Reader, container: Container, agent: bytes
) -> None:
    assert ada.id
    query = f'mutation {{ signIn(input: {{login: "ada", password: "{PASSWORD}"}}) {{ token }} }}'
    body = json.dumps({"query": query}).encode()
    reader, writer = await asyncio.open_connection(http.host, http.port)
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    writer.write(head.encode() + b"\r\nUser-Agent: " + agent + b"\r\n\r\n" + body)
    assert b'"token":"' in await reader.read()
    writer.close()
    await writer.wait_closed()
    entry = (await entries(container))[-1]
    assert entry["action"] == "session.created"
    assert len(entry["user_agent"] or "") <= 300
