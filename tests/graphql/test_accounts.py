"""Accounts: signing up and in, passwords, the end of an account."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from app import create_app
from core.database import Base
from core.settings import Settings, SignUp
from runtime.container import Container
from tests.support.api import PASSWORD, Reader, sign_up
from tests.support.rows import nothing_written, sql

USERNAME = "Username must be 3-30 characters and contain only letters, numbers, and underscores"
EMAIL = "Please provide a valid email address"
PASSWORD_RULE = "Password must be 8-256 characters"
DISPLAY_NAME = "Display name cannot be empty or contain HTML"
WRONG = "Wrong user name, e-mail address or password."
SIGNED_IN = "token session { current } viewer { email role user { id username displayName bio followerCount } }"


def fields(**other: Any) -> dict[str, Any]:
    return {"username": "cora", "email": "cora@example.org", "password": PASSWORD, "displayName": "Cora"} | other


async def refusals(reader: Reader, mutation: str, **input_: Any) -> list[tuple[str, str, str]]:
    payload = await reader.mutate(mutation, "__typename", **input_)
    return [("/".join(e["field"] or ()), e["message"], e["code"]) for e in payload["userErrors"]]


async def test_sign_up_makes_an_account_and_signs_it_in(nobody: Reader) -> None:
    made = await nobody.mutate("signUp", SIGNED_IN, **fields(displayName="  Cora Ünal 🐚 "))
    assert made["userErrors"] == []
    user = made["viewer"]["user"]
    assert (user["username"], user["displayName"], user["bio"]) == ("cora", "Cora Ünal 🐚", "")
    assert user["followerCount"] == 0
    assert (made["viewer"]["email"], made["viewer"]["role"]) == ("cora@example.org", "READER")
    assert made["session"]["current"] is True
    cora = Reader(nobody.http, made["token"])
    assert (await cora.run("{ viewer { user { username } } }"))["viewer"]["user"]["username"] == "cora"


async def test_all_problems_of_a_sign_up_are_told_at_once(nobody: Reader, container: Container) -> None:
    wrong = {
        "username": "a b",
        "email": "nowhere",
        "password": "short",
        "displayName": "<b>Cora</b>",
        "device": {"name": " ", "platform": "", "id": "nonsense"},
    }
    async with nothing_written(container):
        assert await refusals(nobody, "signUp", **wrong) == [
            ("input/username", USERNAME, "INVALID"),
            ("input/email", EMAIL, "INVALID"),
            ("input/password", PASSWORD_RULE, "INVALID"),
            ("input/displayName", DISPLAY_NAME, "INVALID"),
            ("input/device/name", "A device's name has 1 to 100 characters", "INVALID"),
            ("input/device/platform", "A platform's name has 1 to 50 characters", "INVALID"),
            ("input/device/id", "This is not an id that this server gave out.", "INVALID"),
        ]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("username", "ab", USERNAME),
        ("username", "a" * 31, USERNAME),
        ("username", "", USERNAME),
        ("username", "cora\n", USERNAME),
        ("username", "cöra", USERNAME),
        ("username", "cora٣", USERNAME),
        ("username", "cora-b", USERNAME),
        ("email", "", EMAIL),
        ("email", "cora@example", EMAIL),
        ("email", "cora@@example.org", EMAIL),
        ("email", "cora @example.org", EMAIL),
        ("email", "cora@example.org\n", EMAIL),
        ("email", "cora@.example.org", EMAIL),
        ("email", f"{'c' * 64}@{'d' * 63}.{'e' * 63}.{'f' * 63}.org", EMAIL),
        ("password", "1234567", PASSWORD_RULE),
        ("password", "🐚" * 257, PASSWORD_RULE),
        ("displayName", "", DISPLAY_NAME),
        ("displayName", " \t\n", DISPLAY_NAME),
        ("displayName", "Cora <script>alert(1)</script>", DISPLAY_NAME),
        ("displayName", "<i>Cora", DISPLAY_NAME),
        ("displayName", "Cora &lt;i&gt;", DISPLAY_NAME),
        ("displayName", "C" * 101, "Display name cannot exceed 100 characters"),
    ],
)
async def test_a_sign_up_with_one_wrong_field_is_refused(
    nobody: Reader, container: Container, field: str, value: str, message: str
) -> None:
    async with nothing_written(container):
        assert await refusals(nobody, "signUp", **fields(**{field: value})) == [(f"input/{field}", message, "INVALID")]


async def test_values_at_the_limits_are_taken(nobody: Reader) -> None:
    email = f"{'c' * 64}@{'d' * 63}.{'e' * 63}.{'f' * 58}.org"
    assert len(email) == 255
    longest = fields(username="a" * 30, email=email, password="🐚" * 256, displayName="🐚" * 100)
    assert await refusals(nobody, "signUp", **longest) == []
    shortest = fields(username="b_9", email="b@b.io", password="12345678", displayName="I <3 U & me")
    assert await refusals(nobody, "signUp", **shortest) == []
    assert await refusals(nobody, "signIn", login="a" * 30, password="🐚" * 256) == []


async def test_taken_names_and_addresses_are_refused_whatever_their_case(nobody: Reader, container: Container) -> None:
    assert await refusals(nobody, "signUp", **fields()) == []
    name = ("input/username", "That username is taken.", "ALREADY_EXISTS")
    email = ("input/email", "That e-mail address already has an account.", "ALREADY_EXISTS")
    async with nothing_written(container, but=("auth_attempts",)):
        assert await refusals(nobody, "signUp", **fields(username="CORA", email="x@example.org")) == [name]
        assert await refusals(nobody, "signUp", **fields(username="dora", email="Cora@EXAMPLE.org")) == [email]
        assert await refusals(nobody, "signUp", **fields(username="Cora", email="CORA@example.org")) == [name, email]


async def test_racing_sign_ups_end_with_one_account(nobody: Reader, container: Container) -> None:
    # "email" in a name must not make the taken name look like a taken address.
    tries = [fields(username=name, email=f"e{i}@example.org") for i, name in enumerate(["emailfan", "EmailFan"] * 3)]
    answers = await asyncio.gather(*(refusals(nobody, "signUp", **one) for one in tries))
    assert sorted(map(len, answers)) == [0, 1, 1, 1, 1, 1]
    taken = ("input/username", "That username is taken.", "ALREADY_EXISTS")
    assert all(answer == [taken] for answer in answers if answer)
    assert (await sql(container, "SELECT count(*) FROM users"))[0][0] == 1
    tries = [fields(username=f"racer{i}", email=email) for i, email in enumerate(["ed@b.org", "ED@b.org"] * 3)]
    answers = await asyncio.gather(*(refusals(nobody, "signUp", **one) for one in tries))
    taken = ("input/email", "That e-mail address already has an account.", "ALREADY_EXISTS")
    assert sorted(answers) == [[], *[[taken]] * 5]


async def test_sign_ups_of_one_address_are_limited_whether_they_succeed_or_find_the_name_taken(
    nobody: Reader, container: Container
) -> None:
    await refusals(nobody, "signUp", **fields())
    await sql(container, "INSERT INTO auth_attempts (bucket) SELECT 'sign-up:127.0.0.1' FROM generate_series(1, 18)")
    assert [r[2] for r in await refusals(nobody, "signUp", **fields())] == ["ALREADY_EXISTS"] * 2
    async with nothing_written(container):
        refused = await refusals(nobody, "signUp", **fields(username="dora", email="dora@example.org"))
        assert refused == [("", "Too many accounts from here. Try again in an hour.", "RATE_LIMITED")]
        assert [r[2] for r in await refusals(nobody, "signUp", **fields())] == ["RATE_LIMITED"]
    await sql(container, "UPDATE auth_attempts SET at = at - interval '61 minutes'")
    assert await refusals(nobody, "signUp", **fields(username="dora", email="dora@example.org")) == []


async def test_a_closed_server_takes_no_new_accounts(
    urls: tuple[str, str], app: web.Application, settings: Settings
) -> None:
    del app  # its fixture empties the database
    closing = settings.model_copy(update={"sign_up": SignUp.CLOSED})
    closed = create_app(closing, database_url=urls[0], redis_url=urls[1])
    async with TestClient(TestServer(closed)) as http:
        refused = await refusals(Reader(http), "signUp", **fields())
    assert refused == [("", "This server takes no new accounts.", "FORBIDDEN")]


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", "Ada@Example.ORG"])
async def test_sign_in_takes_name_or_address_in_any_case(ada: Reader, nobody: Reader, login: str) -> None:
    signed_in = await nobody.mutate("signIn", SIGNED_IN, login=login, password=PASSWORD)
    assert signed_in["userErrors"] == []
    assert signed_in["viewer"]["user"]["id"] == ada.id


async def test_an_address_with_letters_that_fold_oddly_signs_in_and_stays_unique(nobody: Reader) -> None:
    email = "İDA@straße.example"
    assert await refusals(nobody, "signUp", **fields(email=email)) == []
    assert await refusals(nobody, "signIn", login=email, password=PASSWORD) == []
    assert [r[0] for r in await refusals(nobody, "signUp", **fields(username="ida", email=email))] == ["input/email"]


async def test_wrong_names_and_wrong_passwords_answer_alike(ada: Reader, nobody: Reader, container: Container) -> None:
    async with nothing_written(container, but=("auth_attempts",)):
        answers = [
            await refusals(nobody, "signIn", login=login, password=password)
            for login, password in [
                ("ada", "wrong password"),
                ("ada@example.org", "wrong password"),
                ("nobody_at_all", PASSWORD),
                ("", PASSWORD),
                ("a" * 3_000, PASSWORD),
                ("ada", ""),
                ("ada", PASSWORD.upper()),
            ]
        ]
    assert answers == [[("", WRONG, "UNAUTHENTICATED")]] * len(answers)
    assert ada.username == "ada"


async def test_sign_in_may_follow_another_in_the_same_document(ada: Reader, nobody: Reader) -> None:
    signed_in = f'a: signIn(input: {{login: "ada", password: "{PASSWORD}"}}) {{ viewer {{ devices {{ id }} sessions {{ id }} }} }}'
    data = await nobody.run(f"mutation {{ {signed_in} }}")
    assert data["a"]["viewer"]["devices"] == [{"id": ada.device_id}]
    assert len(data["a"]["viewer"]["sessions"]) == 2


async def test_neither_tokens_nor_passwords_are_in_any_table(ada: Reader, container: Container) -> None:
    assert ada.token
    async with container.database.reading() as session:
        for name in Base.metadata.tables:
            rows = (await session.execute(text(f'SELECT t::text FROM "{name}" t'))).scalars().all()  # noqa: S608
            for row in rows:
                assert ada.token not in row, name
                assert ada.token.encode().hex() not in row, name
                assert PASSWORD not in row, name
    hashed = (await sql(container, "SELECT password_hash FROM users"))[0][0]
    assert hashed.startswith("$argon2id$v=19$")


async def test_changing_the_password_ends_all_other_sessions(ada: Reader, nobody: Reader) -> None:
    other = Reader(ada.http, (await nobody.mutate("signIn", "token", login="ada", password=PASSWORD))["token"])
    await other.run("{ viewer { email } }")
    new = "a new and better password"
    assert await refusals(ada, "changePassword", currentPassword=PASSWORD, newPassword=new) == []
    assert (await ada.run("{ viewer { sessions { current } } }"))["viewer"]["sessions"] == [{"current": True}]
    assert (await other.error("{ viewer { email } }"))["extensions"]["code"] == "UNAUTHENTICATED"
    assert await refusals(nobody, "signIn", login="ada", password=PASSWORD) == [("", WRONG, "UNAUTHENTICATED")]
    assert await refusals(nobody, "signIn", login="ada", password=new) == []


@pytest.mark.parametrize(
    ("current", "new", "refused"),
    [
        ("wrong password", "long enough", ("input/currentPassword", "The password is wrong.", "FORBIDDEN")),
        (PASSWORD, "short", ("input/newPassword", PASSWORD_RULE, "INVALID")),
        (
            "x" * 257,
            "long enough",
            ("input/currentPassword", "This cannot be a password of this server.", "INVALID"),
        ),
    ],
)
async def test_a_refused_change_of_password_changes_nothing(
    ada: Reader, container: Container, current: str, new: str, refused: tuple[str, str, str]
) -> None:
    async with nothing_written(container, but=("auth_attempts",)):
        assert await refusals(ada, "changePassword", currentPassword=current, newPassword=new) == [refused]


async def test_two_changes_of_password_at_once_leave_one(ada: Reader, nobody: Reader) -> None:
    words = ["first new password", "second new password"]
    answers = await asyncio.gather(
        *(refusals(ada, "changePassword", currentPassword=PASSWORD, newPassword=new) for new in words)
    )
    assert sorted(map(len, answers)) == [0, 1]
    won = words[answers.index([])]
    assert await refusals(nobody, "signIn", login="ada", password=won) == []


async def test_deleting_the_account_takes_the_right_password(
    ada: Reader, ben: Reader, nobody: Reader, container: Container
) -> None:
    wrong = [("input/password", "The password is wrong.", "FORBIDDEN")]
    async with nothing_written(container, but=("auth_attempts",)):
        assert await refusals(ada, "deleteAccount", password="wrong password") == wrong
    gone = await ada.mutate("deleteAccount", "deletedUserId", password=PASSWORD)
    assert gone == {"deletedUserId": ada.id, "userErrors": []}
    assert (await ada.error("{ viewer { email } }"))["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await ben.run("query($id: ID!) { node(id: $id) { id } }", id=ada.id))["node"] is None
    assert await refusals(nobody, "signIn", login="ada", password=PASSWORD) == [("", WRONG, "UNAUTHENTICATED")]
    again = await sign_up(ada.http, "ada")
    assert again.id != ada.id


async def test_signed_out_the_password_mutations_say_so_first(nobody: Reader, container: Container) -> None:
    async with nothing_written(container):
        for mutation, input_ in [
            ("changePassword", {"currentPassword": "x" * 300, "newPassword": "x"}),
            ("deleteAccount", {"password": "x" * 300}),
        ]:
            assert [r[2] for r in await refusals(nobody, mutation, **input_)] == ["UNAUTHENTICATED"]
