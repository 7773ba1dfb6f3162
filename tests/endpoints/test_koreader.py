"""KOReader's sync protocol: the checks of its conformance verifier in their order, then what those cannot see."""

import asyncio
import hashlib
import socket
import time
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app import create_app
from core.errors import Unavailable
from core.settings import Settings
from runtime.container import Container
from tests.endpoints.koreader_device import DIGEST, LEFT_OUT, XPOINTER, Answer, Device
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql
from tests.support.statements import counted

Http = TestClient[Any, Any]
UNAUTHORIZED = {"code": 2001, "message": "Unauthorized"}


def refusal(found: Answer) -> tuple[int, int]:
    assert set(found.json) == {"code", "message"}
    assert isinstance(found.json["message"], str)
    return found.status, found.json["code"]


@pytest.fixture
def device(ada: Reader) -> Device:
    return Device(ada.http, "ada")


@pytest.fixture
def stranger(ben: Reader) -> Device:
    return Device(ben.http, "ben")


# --- transport and framing ---


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/vnd.koreader.v9+json"])
async def test_any_accept_header_is_served(device: Device, accept: str) -> None:
    found = await device.call("GET", "/users/auth", Accept=accept)
    assert (found.status, found.json) == (200, {"authorized": "OK"})


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense", "application/json; charset=x"]
)
async def test_a_body_is_read_as_json_whatever_it_calls_itself(device: Device, kind: str) -> None:
    body = {"document": DIGEST, "progress": "1", "percentage": 0.1, "device": "d"}
    assert (await device.call("PUT", "/syncs/progress", body, **{"Content-Type": kind})).status == 200
    assert (await device.pull())["progress"] == "1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 103),
        (b"{", 103),
        (b"nonsense", 103),
        (b'{"document": NaN}', 103),
        (b'{"document": "\\ud800"}', 103),
        (b"\xff\xfe", 103),
        (b"[" * 5_000, 103),
        (b"[1,2,3]", 104),
        (b"5", 104),
        (b'"x"', 104),
        (b"true", 104),
        (b"null", 104),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("PUT", "/syncs/progress"), ("POST", "/users/create")])
async def test_a_body_that_is_no_object_is_refused_before_its_sender_is_looked_at(
    device: Device, container: Container, method: str, path: str, body: bytes, code: int
) -> None:
    async with nothing_written(container):
        assert refusal(await device.call(method, path, body)) == (400, code)
        assert refusal(await Device(device.http, None).call(method, path, body)) == (400, code)


OTHER_PATHS = [
    ("GET", "/syncs/progress"),
    ("GET", "/syncs/progress/"),
    ("GET", f"/syncs/progress/{DIGEST}/more"),
    ("PUT", f"/syncs/progress/{DIGEST}"),
    ("DELETE", f"/syncs/progress/{DIGEST}"),
    ("GET", "/syncs"),
    ("GET", "/users"),
    ("GET", "/users/"),
    ("GET", "/users/create"),
    ("POST", "/users/auth"),
    ("GET", "/users/auth/"),
    ("GET", "/users/login"),
    ("POST", "/healthcheck"),
    ("GET", "/healthcheck/x"),
]


@pytest.mark.parametrize(("method", "path"), OTHER_PATHS)
async def test_no_other_path_answers_and_none_falls_through_to_a_page(device: Device, method: str, path: str) -> None:
    found = await device.call(method, path)
    assert found.status in (404, 405)
    assert "code" in found.json


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/users/me"), ("PUT", "/users/password")])
async def test_a_key_neither_deletes_the_account_nor_changes_its_password(
    ada: Reader, device: Device, container: Container, method: str, path: str
) -> None:
    async with nothing_written(container):
        found = await device.call(method, path, {"password": "0" * 32})
    assert found.status in (404, 405)
    assert (await ada.run("{ viewer { email } }"))["viewer"]
    assert (await device.call("GET", "/users/auth")).status == 200


async def test_doubled_slashes_are_one(device: Device) -> None:
    """As they go over the wire when an address ends in a slash."""
    url = device.http.make_url("/")
    assert url.host
    assert url.port
    key = f"x-auth-user: {device.user}\r\nx-auth-key: {device.key}\r\n"
    for path in ("//users/auth", "///healthcheck", f"//syncs/progress/{DIGEST}"):
        reader, writer = await asyncio.open_connection(url.host, url.port, family=socket.AF_INET)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{key}Connection: close\r\n\r\n".encode())
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert said.startswith(b"HTTP/1.1 200 "), said


async def test_header_names_have_no_case(device: Device) -> None:
    bare = Device(device.http, None)
    headers = {"X-AUTH-USER": "ada", "X-Auth-Key": str(device.key)}
    assert (await bare.call("GET", "/users/auth", **headers)).status == 200


async def test_the_healthcheck_needs_no_account(nobody: Reader) -> None:
    found = await Device(nobody.http, None).call("GET", "/healthcheck")
    assert (found.status, found.json) == (200, {"state": "OK"})


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


# --- pushing and pulling ---


async def test_a_push_is_given_back_as_it_was_sent(device: Device) -> None:
    before = int(time.time())
    pushed = await device.push()
    assert pushed.status == 200
    assert set(pushed.json) == {"document", "timestamp"}
    at = pushed.json["timestamp"]
    assert type(at) is int
    assert before <= at <= time.time()
    assert await device.pull() == {
        "document": DIGEST,
        "percentage": 0.4213,
        "progress": XPOINTER,
        "device": "shelf",
        "device_id": "AB12",
        "timestamp": at,
    }


async def test_the_time_is_the_servers(device: Device) -> None:
    pushed = await device.push(timestamp=1_000_000_000)
    assert (await device.pull())["timestamp"] == pushed.json["timestamp"] > 1_600_000_000


async def test_an_unknown_document_is_an_empty_answer(device: Device) -> None:
    for document in ("f" * 32, "x" * 500, "a%3Ab", "a%2Fb", "%00", "%E4%B8%AD", "a%20b"):
        assert await device.pull(document) == {}


@pytest.mark.parametrize("document", [LEFT_OUT, None, "", 5, True, ["x"], {}])
async def test_a_push_without_a_document_is_refused(device: Device, container: Container, document: Any) -> None:
    async with nothing_written(container, but=("auth_attempts",)):
        assert refusal(await device.push(document)) == (403, 2004)


REQUIRED = ("progress", "percentage", "device")
NOT_THERE: list[Any] = [LEFT_OUT, None, True, [], {}]
BAD_FIELDS: list[dict[str, Any]] = [
    *(({name: value}) for name in REQUIRED for value in NOT_THERE),
    *(
        {"percentage": value}
        for value in ("", "x", "NaN", "nan", "Infinity", "-inf", "1e999", "0x10", "1_0", "٣", "9" * 500)
    ),
    {"progress": "x" * 10_001},
    {"progress": "a\x00b"},
    {"device": "x" * 201},
    {"device": "\x00"},
    {"device_id": "x" * 201},
    {"device_id": []},
]


@pytest.mark.parametrize("fields", BAD_FIELDS, ids=repr)
async def test_a_push_without_all_it_needs_is_refused(
    device: Device, container: Container, fields: dict[str, Any]
) -> None:
    await device.push()
    async with nothing_written(container):
        assert refusal(await device.push(**fields)) == (403, 2003)
        assert refusal(await device.call("PUT", "/syncs/progress", {"document": DIGEST})) == (403, 2003)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(0, 0), (0.0, 0), (1, 1), ("0.25", 0.25), (" 1e-2 ", 0.01), ("0", 0), (0.42131234567890123, 0.42131234567890123)],
)
async def test_a_percentage_comes_back_as_a_number(device: Device, sent: Any, kept: float) -> None:
    assert (await device.push(percentage=sent)).status == 200
    found = (await device.pull())["percentage"]
    assert type(found) in (int, float)
    assert found == kept


async def test_an_infinite_percentage_in_the_body_is_no_json(device: Device, container: Container) -> None:
    body = b'{"document": "%s", "progress": "1", "device": "d", "percentage": %s}'
    async with nothing_written(container, but=("auth_attempts",)):
        for number in (b"1e999", b"NaN", b"Infinity", b"9" * 400):
            found = await device.call("PUT", "/syncs/progress", body % (DIGEST.encode(), number))
            assert refusal(found) == (400, 103)


@pytest.mark.parametrize(
    "progress",
    [
        "",
        "7",
        " ",
        '/body/DocFragment[3]/body/p[1]/text()[2].0 "q" \\ \u2028 中 🐚',
        "x" * 10_000,
        "\\u0000",
        "/" * 500,
    ],
)
async def test_a_progress_comes_back_byte_for_byte(device: Device, progress: str) -> None:
    await device.push(progress=progress)
    assert (await device.pull())["progress"] == progress


async def test_a_page_number_comes_back_as_text(device: Device) -> None:
    await device.push(progress=42)
    assert (await device.pull())["progress"] == "42"


async def test_empty_names_are_names(device: Device) -> None:
    await device.push(device="", device_id="")
    found = await device.pull()
    assert (found["device"], found["device_id"]) == ("", "")


async def test_the_last_word_counts_whatever_it_says(device: Device) -> None:
    await device.push(percentage=0.9, device="first", progress="/late")
    await device.push(percentage=0.1, device="second", progress="/early")
    found = await device.pull()
    assert (found["percentage"], found["device"], found["progress"]) == (0.1, "second", "/early")


async def test_a_record_is_a_unit(device: Device) -> None:
    await device.push()
    assert (await device.push(device="other", device_id=LEFT_OUT)).status == 200
    assert "device_id" not in await device.pull()


METADATA = {"filename": "ledger.epub", "title": "The Lighthouse Ledger", "authors": "Ida Marsh"}


async def kept_metadata(container: Container) -> Any:
    return tuple((await sql(container, "SELECT filename, title, authors FROM documents"))[0])


async def test_metadata_is_kept_and_not_erased_by_leaving_it_out(device: Device, container: Container) -> None:
    assert (await device.push(metadata=METADATA)).status == 200
    assert (await device.push()).status == 200
    assert (await device.push(metadata={"title": "Second Edition"})).status == 200
    assert await kept_metadata(container) == ("ledger.epub", "Second Edition", "Ida Marsh")
    assert "metadata" not in await device.pull()


@pytest.mark.parametrize(
    "metadata", [None, "x", 5, [], {"title": 5}, {"title": "\x00"}, {"title": {}}, {"authors": [5]}, {"nonsense": 1}]
)
async def test_strange_metadata_is_no_reason_to_refuse_a_place(
    device: Device, container: Container, metadata: Any
) -> None:
    await device.push(metadata=METADATA)
    assert (await device.push(metadata=metadata)).status == 200
    assert await kept_metadata(container) == tuple(METADATA.values())


async def test_long_metadata_is_cut_and_a_list_of_authors_joined(device: Device, container: Container) -> None:
    assert (await device.push(metadata={"title": "t" * 5_000, "authors": ["Ida Marsh", "Ib Lund"]})).status == 200
    assert await kept_metadata(container) == (None, "t" * 500, "Ida Marsh, Ib Lund")


async def test_unknown_fields_are_left_alone(device: Device) -> None:
    identifiers = [{"type": "isbn", "value": "9780306406157"}]
    pushed = await device.push(identifiers=identifiers, nonsense={"deep": [1]})
    assert set(pushed.json) == {"document", "timestamp"}


IDS = ["a-b", "a.b", "a_b", "...", "-", "A" * 128, "0" * 32]


@pytest.mark.parametrize("document", IDS)
async def test_an_id_that_is_taken_can_be_read(device: Device, document: str) -> None:
    assert (await device.push(document)).status == 200
    assert (await device.pull(document))["document"] == document


@pytest.mark.parametrize("document", ["a:b", "a/b", "a b", ".", "..", "A" * 129, "é", "a\x00", "a\n", "٣"])
async def test_an_id_that_could_not_be_read_is_refused(device: Device, container: Container, document: str) -> None:
    await device.call("GET", "/users/auth")
    async with nothing_written(container):
        assert refusal(await device.push(document)) == (403, 2004)


async def test_ids_have_case(device: Device) -> None:
    await device.push("abc")
    assert await device.pull("ABC") == {}


async def test_two_readers_of_one_file_do_not_meet(device: Device, stranger: Device) -> None:
    await device.push(progress="/hers")
    assert await stranger.pull() == {}
    await stranger.push(progress="/his")
    assert (await device.pull())["progress"] == "/hers"


async def test_a_huge_body_is_refused(device: Device, container: Container) -> None:
    async with nothing_written(container):
        for size in (70_000, 900_000):
            found = await device.call("PUT", "/syncs/progress", b'{"document": "' + b"x" * size + b'"}')
            assert refusal(found) == (413, 2003)


async def test_many_pushes_at_once_leave_one_record(device: Device, container: Container) -> None:
    answers = await asyncio.gather(*(device.push(progress=f"/{number}") for number in range(12)))
    assert {found.status for found in answers} == {200}
    assert len(await sql(container, "SELECT 1 FROM documents")) == 1


async def test_a_push_that_races_a_deletion_leaves_nothing(ada: Reader, device: Device, container: Container) -> None:
    await device.push()
    pushes = [device.push(f"doc{number}") for number in range(8)]
    ends = ada.mutate("deleteAccount", "deletedUserId", password="correct horse battery")
    *answers, ended = await asyncio.gather(*pushes, ends)
    assert not ended["userErrors"]
    assert {found.status for found in answers} <= {200, 401}
    assert await sql(container, "SELECT 1 FROM documents") == []


async def test_a_reader_has_so_many_documents(
    device: Device, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.koreader.DOCUMENTS_MOST", 2)
    assert [(await device.push(f"doc{number}")).status for number in range(3)] == [200, 200, 403]
    assert (await device.push("doc1")).status == 200
    assert len(await sql(container, "SELECT 1 FROM documents")) == 2


async def test_a_page_turn_takes_few_statements(ada: Reader, device: Device, container: Container) -> None:
    await device.push()
    with counted(container.database.engine) as plain:
        assert (await device.push()).status == 200
    # Who it is; the key once more, and the account held; the document; its new place.
    assert len(plain) == 4, plain
    with counted(container.database.engine) as read:
        assert (await device.pull())["progress"] == XPOINTER
    assert len(read) == 2, read
    book = {"named": {"title": "The Lighthouse Ledger", "authors": []}}
    await ada.mutate("linkDocument", "document { id }", digest=DIGEST, book=book)
    with counted(container.database.engine) as linked:
        assert (await device.push()).status == 200
    # And the position, the device's own, the time, and both as they are now.
    assert len(linked) == 9, linked


async def test_it_works_without_valkey(device: Device, urls: tuple[str, str], settings: Settings) -> None:
    await device.push()
    alone = create_app(settings, database_url=urls[0], redis_url="redis://127.0.0.1:9")
    async with TestClient(TestServer(alone)) as client:
        there = Device(client, "ada")
        assert (await there.pull())["progress"] == XPOINTER
        assert (await there.push(progress="/on")).status == 200
        assert (await Device(client, "ada", "wrong").push()).status == 401
    assert (await device.pull())["progress"] == "/on"


async def test_without_its_database_it_says_so_in_the_protocols_words(
    device: Device, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise Unavailable("away")

    monkeypatch.setattr(container, "reading", away)
    monkeypatch.setattr(container.koreader_gate, "_reading", away)
    for found in (await device.call("GET", "/users/auth"), await device.push(), await device.register()):
        assert refusal(found) == (502, 1000)
