"""Attempts to sign in are limited, by account and by address, with or without Valkey."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import create_app
from core.settings import Settings
from runtime.container import Container
from tests.support.api import PASSWORD, Reader, sign_up
from tests.support.rows import nothing_written, sql

TOO_MANY = ("RATE_LIMITED", "Too many attempts. Try again later.")
WRONG = ("UNAUTHENTICATED", "Wrong user name, e-mail address or password.")
DEAD_PORT = "redis://127.0.0.1:9"


async def attempt(reader: Reader, login: str, password: str = "wrong password") -> tuple[str, str] | None:
    payload = await reader.mutate("signIn", "token", login=login, password=password)
    errors = [(error["code"], error["message"]) for error in payload["userErrors"]]
    assert bool(errors) == (payload["token"] is None)
    return errors[0] if errors else None


@pytest.fixture
async def lone(urls: tuple[str, str], settings: Settings, http: object) -> AsyncIterator[Reader]:
    """Somebody who talks to a server whose Valkey is dead."""
    del http
    alone = create_app(settings, database_url=urls[0], redis_url=DEAD_PORT)
    async with TestClient(TestServer(alone)) as client:
        yield Reader(client)


async def test_ten_failures_close_an_account_even_to_the_right_password(ada: Reader, nobody: Reader) -> None:
    logins = ["ada", "ADA", "ada@example.org", "Ada@example.org"]
    assert [await attempt(nobody, logins[i % 4]) for i in range(10)] == [WRONG] * 10
    assert await attempt(nobody, "ada") == TOO_MANY
    assert await attempt(nobody, "ada@example.org", PASSWORD) == TOO_MANY
    assert (await ada.run("{ viewer { email } }"))["viewer"]["email"] == "ada@example.org"


async def test_the_door_opens_again_after_a_quarter_of_an_hour(
    ada: Reader, nobody: Reader, container: Container
) -> None:
    del ada
    await sql(
        container,
        "INSERT INTO auth_attempts (bucket, at) SELECT 'account:' || id, now() - interval '14 minutes' FROM users, generate_series(1, 10)",
    )
    assert await attempt(nobody, "ada", PASSWORD) == TOO_MANY
    await sql(container, "UPDATE auth_attempts SET at = at - interval '2 minutes'")
    assert await attempt(nobody, "ada", PASSWORD) is None


async def test_knocking_on_a_closed_door_neither_keeps_it_closed_nor_counts_against_the_address(
    ada: Reader, nobody: Reader, container: Container
) -> None:
    del ada
    for _ in range(10):
        await attempt(nobody, "ada")
    async with nothing_written(container):
        for _ in range(5):
            assert await attempt(nobody, "ada") == TOO_MANY


async def test_success_clears_the_failures_of_the_account(ada: Reader, nobody: Reader) -> None:
    del ada
    for _ in range(9):
        assert await attempt(nobody, "ada") == WRONG
    assert await attempt(nobody, "ada", PASSWORD) is None
    for _ in range(10):
        assert await attempt(nobody, "ada") == WRONG
    assert await attempt(nobody, "ada", PASSWORD) == TOO_MANY


async def test_a_name_that_is_nobodys_is_limited_like_any_other(nobody: Reader) -> None:
    assert [await attempt(nobody, "no_such_reader") for _ in range(10)] == [WRONG] * 10
    assert await attempt(nobody, "No_Such_Reader") == TOO_MANY


async def test_fifty_failures_close_the_address_to_all_names(ada: Reader, nobody: Reader, container: Container) -> None:
    del ada
    await sql(container, "INSERT INTO auth_attempts (bucket) SELECT 'address:127.0.0.1' FROM generate_series(1, 49)")
    assert await attempt(nobody, "ada", PASSWORD) is None
    assert await attempt(nobody, "somebody") == WRONG
    async with nothing_written(container):
        assert await attempt(nobody, "somebody_else") == TOO_MANY
        assert await attempt(nobody, "ada", PASSWORD) == TOO_MANY


async def test_a_burst_of_parallel_guesses_gets_ten_tries(ada: Reader, nobody: Reader, container: Container) -> None:
    del ada
    answers = await asyncio.gather(*(attempt(nobody, "ada") for _ in range(30)))
    assert answers.count(WRONG) == 10
    assert answers.count(TOO_MANY) == 20
    assert await attempt(nobody, "ada", PASSWORD) == TOO_MANY
    counts = await sql(
        container, "SELECT split_part(bucket, ':', 1), count(*) FROM auth_attempts GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in counts if row[0] != "sign-up"] == [("account", 10), ("address", 10)]


async def test_the_limits_hold_with_valkey_dead(lone: Reader) -> None:
    await sign_up(lone.http, "ada")
    assert [await attempt(lone, "ada") for _ in range(10)] == [WRONG] * 10
    assert await attempt(lone, "ada", PASSWORD) == TOO_MANY
    answers = await asyncio.gather(*(attempt(lone, "somebody") for _ in range(15)))
    assert answers.count(WRONG) == 10


async def test_two_processes_share_one_tally(ada: Reader, nobody: Reader, lone: Reader) -> None:
    del ada
    for reader in (nobody, lone) * 5:
        assert await attempt(reader, "ada") == WRONG
    assert await attempt(nobody, "ada", PASSWORD) == TOO_MANY
    assert await attempt(lone, "ada", PASSWORD) == TOO_MANY


async def test_wrong_current_passwords_count_as_failures_of_the_account(ada: Reader, nobody: Reader) -> None:
    for _ in range(5):
        await ada.mutate("changePassword", "__typename", currentPassword="wrong password", newPassword="long enough")
        await ada.mutate("deleteAccount", "deletedUserId", password="wrong password")
    for mutation, input_ in [
        ("changePassword", {"currentPassword": PASSWORD, "newPassword": "long enough"}),
        ("deleteAccount", {"password": PASSWORD}),
    ]:
        payload = await ada.mutate(mutation, "__typename", **input_)
        assert [error["code"] for error in payload["userErrors"]] == ["RATE_LIMITED"]
    assert await attempt(nobody, "ada", PASSWORD) == TOO_MANY


async def test_a_right_password_that_is_refused_for_its_device_is_no_failure(ada: Reader, container: Container) -> None:
    async with nothing_written(container):
        for device in [{"name": "", "platform": "x"}, {"name": "x", "platform": "x", "id": "nonsense"}]:
            payload = await ada.mutate("signIn", "token", login="ada", password=PASSWORD, device=device)
            assert [error["code"] for error in payload["userErrors"]] == ["INVALID"]
    await sql(
        container,
        "INSERT INTO devices (id, user_id, name, platform) SELECT gen_random_uuid(), id, 'x', 'x' FROM users, generate_series(1, 99)",
    )
    async with nothing_written(container):
        payload = await ada.mutate(
            "signIn", "token", login="ada", password=PASSWORD, device={"name": "x", "platform": "x"}
        )
        assert [error["code"] for error in payload["userErrors"]] == ["LIMIT_EXCEEDED"]
        assert payload["userErrors"][0]["field"] == ["input", "device"]
