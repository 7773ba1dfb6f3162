"""KOReader's sync protocol: who is let in by a name and a key, who registers, and how guessing is limited."""

import asyncio
import hashlib
import time
from typing import Any

import pytest

from runtime.container import Container
from tests.endpoints.koreader_device import DIGEST, XPOINTER, Device, refusal
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql

UNAUTHORIZED = {"code": 2001, "message": "Unauthorized"}


# --- signing in ---


async def test_a_right_key_is_authorized(device: Device) -> None:
    found = await device.call("GET", "/users/auth")
    assert (found.status, found.json) == (200, {"authorized": "OK"})
    assert (await Device(device.http, "ADA").call("GET", "/users/auth")).status == 200


async def test_all_wrong_credentials_look_the_same(device: Device, container: Container) -> None:
    key, http = str(device.key), device.http
    wrong = [
        Device(http, None),
        Device(http, "ada", ""),
        Device(http, "", key),
        Device(http, "ada", hashlib.md5(b"another", usedforsecurity=False).hexdigest()),
        Device(http, "nobody_here", key),
        Device(http, "ada", key.upper()),
        Device(http, "ada", "not 32 hex"),
        Device(http, "ada", "correct horse battery"),
        Device(http, "ada", "k" * 5_000),
        Device(http, "u" * 5_000, key),
        Device(http, "\u00e9\u00df\u4e2d", key),
    ]
    answers = []
    async with nothing_written(container, but=("auth_attempts",)):
        for one in wrong:
            for method, path, body in (
                ("GET", "/users/auth", None),
                ("GET", f"/syncs/progress/{DIGEST}", None),
                ("PUT", "/syncs/progress", {"document": DIGEST}),
            ):
                found = await one.call(method, path, body)
                answers.append((found.status, found.json, sorted(set(found.headers) - {"X-Request-ID"})))
    assert answers == [(401, UNAUTHORIZED, answers[0][2])] * len(answers)


async def test_the_key_does_not_open_the_account(ada: Reader, nobody: Reader, device: Device) -> None:
    key = str(device.key)
    payload = await nobody.mutate("signIn", "token", login="ada", password=key)
    assert payload["userErrors"][0]["code"] == "UNAUTHENTICATED"
    payload = await ada.mutate("changePassword", "__typename", currentPassword=key, newPassword="another password")
    assert payload["userErrors"][0]["code"] == "FORBIDDEN"
    payload = await ada.mutate("deleteAccount", "deletedUserId", password=key)
    assert payload["userErrors"][0]["code"] == "FORBIDDEN"
    async with nobody.http.post(
        "/graphql", json={"query": "{ viewer { email } }"}, headers={"Authorization": f"Bearer {key}"}
    ) as response:
        assert response.status == 401


async def test_a_changed_password_changes_the_key_at_once(ada: Reader, device: Device) -> None:
    assert (await device.push()).status == 200
    await ada.mutate(
        "changePassword", "__typename", currentPassword="correct horse battery", newPassword="a new password"
    )
    for _ in range(2):
        assert refusal(await device.call("GET", "/users/auth")) == (401, 2001)
        assert refusal(await device.push()) == (401, 2001)
    anew = Device(device.http, "ada", hashlib.md5(b"a new password", usedforsecurity=False).hexdigest())
    assert (await anew.pull())["progress"] == XPOINTER


async def test_an_account_from_before_gets_its_key_when_it_signs_in(
    nobody: Reader, device: Device, container: Container
) -> None:
    await sql(container, "UPDATE users SET koreader_hash = NULL")
    assert refusal(await device.call("GET", "/users/auth")) == (401, 2001)
    await nobody.mutate("signIn", "token", login="ada", password="wrong password")
    assert refusal(await device.call("GET", "/users/auth")) == (401, 2001)
    await nobody.mutate("signIn", "token", login="ada@example.org", password="correct horse battery")
    assert (await device.call("GET", "/users/auth")).status == 200
    hashed = (await sql(container, "SELECT koreader_hash FROM users"))[0][0]
    assert hashed.startswith("$argon2id$")
    await nobody.mutate("signIn", "token", login="ada", password="correct horse battery")
    assert (await sql(container, "SELECT koreader_hash FROM users"))[0][0] == hashed


async def test_a_deleted_account_is_out_at_once(ada: Reader, device: Device, container: Container) -> None:
    assert (await device.push()).status == 200
    await ada.mutate("deleteAccount", "deletedUserId", password="correct horse battery")
    assert refusal(await device.push()) == (401, 2001)
    assert await sql(container, "SELECT 1 FROM documents") == []


async def test_a_page_turn_costs_no_hash(device: Device, container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await device.call("GET", "/users/auth")).status == 200

    async def never(*_: object) -> bool:
        raise AssertionError("a key that was right is compared again")

    monkeypatch.setattr(container.passwords, "verify", never)
    async with nothing_written(container, but=("documents",)):
        assert (await device.push()).status == 200
    assert (await device.pull())["progress"] == XPOINTER


async def test_guesses_are_limited_like_those_at_the_password(
    ada: Reader, nobody: Reader, device: Device, container: Container
) -> None:
    del ada
    guesses = [Device(device.http, "ada", f"guess {number}") for number in range(10)]
    assert [(await guess.call("GET", "/users/auth")).status for guess in guesses] == [401] * 10
    refused = await Device(device.http, "ada", "one more").call("GET", "/users/auth")
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert (await device.call("GET", "/users/auth")).status == 429
    payload = await nobody.mutate("signIn", "token", login="ada", password="correct horse battery")
    assert payload["userErrors"][0]["code"] == "RATE_LIMITED"
    await sql(container, "DELETE FROM auth_attempts")
    assert (await device.call("GET", "/users/auth")).status == 200


async def test_a_device_with_an_old_password_locks_nobody_out(
    nobody: Reader, device: Device, container: Container
) -> None:
    old = Device(device.http, "ada", "an old key")
    assert [(await old.push()).status for _ in range(30)] == [401] * 30
    assert len(await sql(container, "SELECT 1 FROM auth_attempts WHERE bucket NOT LIKE 'sign-up%'")) == 2
    payload = await nobody.mutate("signIn", "token", login="ada", password="correct horse battery")
    assert payload["token"]


async def test_a_device_that_is_known_goes_on_while_others_guess(device: Device) -> None:
    assert (await device.push()).status == 200
    for number in range(12):
        await Device(device.http, "ada", f"guess {number}").call("GET", "/users/auth")
    assert (await device.push()).status == 200


async def test_wrong_and_unknown_take_as_long(device: Device) -> None:
    async def seconds(user: str) -> float:
        began = time.perf_counter()
        for number in range(4):
            await Device(device.http, user, f"guess {number}").call("GET", "/users/auth")
        return time.perf_counter() - began

    await seconds("warming_up")
    known, unknown = await seconds("ada"), await seconds("nobody_here")
    assert known / 4 < unknown < known * 4


# --- registering ---


async def test_the_owner_of_an_account_registers_it_once(device: Device) -> None:
    found = await device.register()
    assert (found.status, found.json) == (201, {"username": "ada"})
    assert (await device.call("GET", "/users/auth")).status == 200
    assert refusal(await device.register()) == (402, 2002)


async def test_a_name_that_is_taken_is_not_given_to_another_key(device: Device, container: Container) -> None:
    async with nothing_written(container, but=("auth_attempts",)):
        assert refusal(await device.register(password="0" * 32)) == (402, 2002)
    assert (await device.register()).status == 201


async def test_no_account_is_made_by_a_key_alone(device: Device, container: Container) -> None:
    async with nothing_written(container):
        assert refusal(await device.register("newcomer")) == (402, 2005)
        assert refusal(await device.register("ada@example.org")) == (402, 2005)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "", "password": ""},
        {"username": "ada"},
        {"username": "ada", "password": ""},
        {"username": "ada", "password": 5},
        {"username": "ada", "password": None},
        {"username": ["ada"], "password": "x"},
        {"username": "has:colon", "password": "x"},
        {"username": "a\x00b", "password": "x"},
    ],
)
async def test_a_registration_without_name_or_key_is_refused(
    device: Device, container: Container, body: dict[str, Any]
) -> None:
    async with nothing_written(container):
        assert refusal(await Device(device.http, None).call("POST", "/users/create", body)) == (403, 2003)


async def test_two_who_register_at_once_are_one(device: Device) -> None:
    answers = await asyncio.gather(*(device.register() for _ in range(4)))
    assert sorted(found.status for found in answers) == [201, 402, 402, 402]


async def test_guessing_by_registering_is_limited_too(device: Device) -> None:
    for number in range(10):
        assert (await device.register(password=f"guess {number}")).status == 402
    assert (await device.register(password="one more")).status == 429
