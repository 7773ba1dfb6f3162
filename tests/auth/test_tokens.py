"""Tokens and passwords."""

import asyncio

import pytest

from auth import passwords
from auth.passwords import Passwords
from auth.tokens import hash_token, new_token


def test_tokens_are_long_and_never_the_same() -> None:
    made = {new_token() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(len(token) >= 43 for token in made)


def test_the_hash_of_a_token_does_not_hold_it() -> None:
    token = new_token()
    assert len(hash_token(token)) == 32
    assert token.encode() not in hash_token(token)
    assert hash_token(token) == hash_token(token) != hash_token(token + "x")
    assert len(hash_token("\ud800")) == 32


@pytest.fixture(autouse=True)
def strong_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash as the server does."""
    monkeypatch.setattr(passwords, "HASHER", passwords.STRONG)


async def test_a_hash_costs_two_rounds_over_nineteen_mebibytes() -> None:
    assert (await Passwords().hash("a shell")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_password_matches_its_own_hash_only() -> None:
    hasher = Passwords()
    first, second = await asyncio.gather(hasher.hash("a shell 🐚"), hasher.hash("a shell 🐚"))
    assert first != second
    assert await hasher.verify("a shell 🐚", first)
    assert not await hasher.verify("a shell", first)
    assert not await hasher.verify("", first)
    assert not await hasher.verify("a shell 🐚", "no hash at all")
    assert not await hasher.verify("nobody's password", None)


async def test_the_event_loop_runs_on_while_passwords_are_hashed() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    counting = asyncio.create_task(count())
    hasher = Passwords()
    await asyncio.gather(*(hasher.hash("a password") for _ in range(4)))
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)
    assert turns > 3
