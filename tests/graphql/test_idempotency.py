"""Idempotency keys: one effect, one answer, for each (reader, operation, key)."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import TestClient
from graphql import GraphQLInputObjectType
from sqlalchemy import text

from core.errors import Unavailable
from core.events import Event
from core.ids import read_id
from repositories.jobs import IdempotencyRepository
from runtime.container import Container
from schema.describe import core_schema
from schema.root import schema
from tests.support.api import PASSWORD, Reader
from tests.support.commenting import comment
from tests.support.idempotency import BOOK, CASES, HIGHLIGHT, PASSAGE, Things
from tests.support.posting import act, post
from tests.support.readers import seated
from tests.support.rows import contents, nothing_written, sql

KEY = "a key of mine 🗝"
ELSEWHERE = {"importHighlights"}  # tested with the imports
EACH = pytest.mark.parametrize("mutation", sorted(CASES))


@pytest.fixture
async def things(ada: Reader, ben: Reader, http: TestClient[Any, Any], container: Container) -> Things:
    made = [(await ada.mutate("createHighlight", "highlight { id }", book=BOOK, passage=PASSAGE)) for _ in range(2)]
    live, deleted = (one["highlight"]["id"] for one in made)
    await ada.mutate("deleteHighlight", "highlight { id }", id=deleted)
    device = {"name": "Spare", "platform": "test"}
    await ada.mutate("signIn", "token", login="ada", password=PASSWORD, device=device)
    bare = await ada.mutate("signIn", "session { id } viewer { devices { id } }", login="ada", password=PASSWORD)
    spare = bare["viewer"]["devices"][1]["id"]
    digest = "a.digest"
    await ada.mutate("linkDocument", "document { id }", digest=digest, book=BOOK)
    cora = await seated(http, container)
    await cora.mutate("follow", "status", userId=ada.id)
    mine, gone = [(await post(ada))["id"] for _ in range(2)]
    await act(ada, "deletePost", gone)
    theirs = ((await post(ben))["id"], (await post(cora))["id"])
    readers = (ben.id, cora.id)
    comments = (await comment(ada, theirs[0]), await comment(ada, theirs[0]))
    await comment(ben, theirs[0], parentId=comments[1])
    return Things(
        live,
        deleted,
        bare["session"]["id"],
        spare,
        ada.device_id,
        digest,
        readers,
        mine,
        gone,
        others_posts=theirs,
        comments=comments,
    )


async def send(reader: Reader, mutation: str, input_: dict[str, Any], key: str | None = KEY) -> Any:
    return await reader.mutate(mutation, CASES[mutation].selection, clientMutationId=key, **input_)


async def effects(container: Container) -> dict[str, tuple[int, str]]:
    return await contents(container, but=("auth_attempts",))


def test_every_mutation_that_takes_a_key_is_tested() -> None:
    mutations = core_schema(schema).mutation_type
    assert mutations is not None
    keyed = set()
    for name, field in mutations.fields.items():
        for argument in field.args.values():
            kind = getattr(argument.type, "of_type", argument.type)
            if isinstance(kind, GraphQLInputObjectType) and "clientMutationId" in kind.fields:
                keyed.add(name)
    assert keyed - ELSEWHERE == set(CASES)


@EACH
async def test_a_key_has_one_effect_and_one_answer_however_often_and_refuses_other_input(
    ada: Reader, things: Things, container: Container, mutation: str
) -> None:
    input_ = CASES[mutation].one(things)
    first, *others = await asyncio.gather(*(send(ada, mutation, input_) for _ in range(3)))
    assert not first["userErrors"], first
    assert others == [first, first]
    remembered = await sql(container, "SELECT operation, key FROM idempotency_keys")
    assert [tuple(row) for row in remembered] == [(mutation, KEY)]
    async with nothing_written(container):
        assert await send(ada, mutation, input_) == first
        assert await send(ada, mutation, dict(reversed(input_.items()))) == first
        payload = await send(ada, mutation, CASES[mutation].other(things))
    assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [
        (["input", "clientMutationId"], "IDEMPOTENCY_MISMATCH")
    ]


async def test_what_fails_at_its_very_end_has_no_effect_and_is_not_told(
    ada: Reader, things: Things, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable("The database went away before the last thing was written.")

    heard: list[Event] = []
    with monkeypatch.context() as patch:
        patch.setattr(IdempotencyRepository, "add", fail)
        patch.setattr(container.bus, "publish", heard.extend)
        async with nothing_written(container):
            for mutation, case in CASES.items():
                payload = await send(ada, mutation, case.one(things))
                assert [error["code"] for error in payload["userErrors"]] == ["UNAVAILABLE"], mutation
    assert heard == []
    assert not (await send(ada, "createPost", CASES["createPost"].one(things)))["userErrors"]


async def test_a_key_of_a_bad_length_is_refused(ada: Reader, things: Things, container: Container) -> None:
    async with nothing_written(container):
        for mutation, case in CASES.items():
            for key in ("", "k" * 65, "🗝" * 65):
                payload = await send(ada, mutation, case.one(things), key)
                refused = [(e["field"], e["code"]) for e in payload["userErrors"]]
                assert refused == [(["input", "clientMutationId"], "INVALID")], mutation


async def test_signed_out_a_key_does_not_help(nobody: Reader, things: Things, container: Container) -> None:
    async with nothing_written(container):
        for mutation, case in CASES.items():
            for key in (KEY, "k" * 65, None):
                payload = await send(nobody, mutation, case.one(things), key)
                assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(None, "UNAUTHENTICATED")], mutation


async def test_the_longest_key_is_taken(ada: Reader, things: Things) -> None:
    for key in ("🗝" * 64, "k", " "):
        for _ in range(2):
            payload = await send(ada, "updateHighlight", {"id": things.highlight, "note": key}, key)
            assert payload["highlight"]["note"] == key


async def test_without_a_key_each_request_has_its_effect(ada: Reader) -> None:
    made = [await send(ada, "createHighlight", {"book": BOOK, "passage": PASSAGE}, None) for _ in range(2)]
    assert made[0]["highlight"]["id"] != made[1]["highlight"]["id"]


async def test_a_key_belongs_to_one_reader(ada: Reader, ben: Reader) -> None:
    input_ = {"book": BOOK, "passage": PASSAGE}
    made = [await send(reader, "createHighlight", input_) for reader in (ada, ben, ada, ben)]
    assert made[0] == made[2]
    assert made[1] == made[3]
    assert made[0]["highlight"]["id"] != made[1]["highlight"]["id"]


async def test_a_key_belongs_to_one_operation(ada: Reader, things: Things) -> None:
    for mutation in ("updateHighlight", "deleteHighlight", "restoreHighlight"):
        payload = await ada.mutate(mutation, "highlight { id }", clientMutationId=KEY, id=things.highlight)
        assert payload == {"highlight": {"id": things.highlight}, "userErrors": []}


async def test_a_refusal_is_not_remembered(ada: Reader, container: Container) -> None:
    bad = {"book": BOOK, "passage": {"text": "", "anchor": {}}}
    async with nothing_written(container):
        assert [e["code"] for e in (await send(ada, "createHighlight", bad))["userErrors"]] == ["INVALID"]
    made = await send(ada, "createHighlight", {"book": BOOK, "passage": PASSAGE})
    assert not made["userErrors"]


async def test_after_a_change_the_replay_answers_the_present_state(ada: Reader) -> None:
    made = (await send(ada, "createHighlight", {"book": BOOK, "passage": PASSAGE}))["highlight"]
    changed = (await ada.mutate("updateHighlight", HIGHLIGHT, id=made["id"], note="since then"))["highlight"]
    again = await send(ada, "createHighlight", {"book": BOOK, "passage": PASSAGE})
    assert again["highlight"] == changed
    assert again["highlight"]["note"] == "since then"
    deleted = (await ada.mutate("deleteHighlight", HIGHLIGHT, id=made["id"]))["highlight"]
    assert (await send(ada, "createHighlight", {"book": BOOK, "passage": PASSAGE}))["highlight"] == deleted


async def test_what_is_gone_answers_gone(ada: Reader, things: Things, container: Container) -> None:
    made = (await send(ada, "createHighlight", {"book": BOOK, "passage": PASSAGE}))["highlight"]
    key: UUID = read_id(made["id"], "Highlight")
    await ada.mutate("deleteHighlight", "highlight { id }", id=made["id"])
    await sql(container, "UPDATE sync_counters SET seq = seq + 1")
    counter = "(SELECT seq FROM sync_counters c WHERE c.user_id = h.user_id)"
    await sql(container, f"UPDATE highlights h SET erased_at = now(), seq = {counter} WHERE id = :key", key=key)  # noqa: S608
    await send(ada, "updateDevice", {"id": things.spare_device, "name": "Renamed"})
    await ada.mutate("removeDevice", "removedDeviceId", id=things.spare_device)
    replays: list[tuple[str, dict[str, Any]]] = [
        ("createHighlight", {"book": BOOK, "passage": PASSAGE}),
        ("updateDevice", {"id": things.spare_device, "name": "Renamed"}),
    ]
    async with nothing_written(container):
        for mutation, input_ in replays:
            payload = await send(ada, mutation, input_)
            assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(None, "GONE")]


@pytest.mark.parametrize("mutation", ["createHighlight", "updateProfile"])
async def test_a_twin_that_runs_on_is_told_after_two_seconds(
    ada: Reader, things: Things, container: Container, mutation: str
) -> None:
    name = f"{read_id(ada.id, 'User')}|{mutation}|{KEY}"
    async with container.database.writing() as twin:
        await twin.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
        before = await effects(container)
        loop = asyncio.get_running_loop()
        began = loop.time()
        payload = await send(ada, mutation, CASES[mutation].one(things))
        assert 1.5 < loop.time() - began < 10
        assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(None, "IDEMPOTENCY_IN_PROGRESS")]
        assert await effects(container) == before
    assert not (await send(ada, mutation, CASES[mutation].one(things)))["userErrors"]


async def test_a_left_out_field_and_one_that_says_unset_are_two_inputs(ada: Reader, things: Things) -> None:
    await send(ada, "updateHighlight", {"id": things.highlight, "color": "PINK"})
    for other in ({"note": "UNSET"}, {"note": None}, {"note": "\x01unset"}):
        payload = await send(ada, "updateHighlight", {"id": things.highlight, "color": "PINK"} | other)
        assert [e["code"] for e in payload["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]


async def test_a_right_that_was_lost_is_not_given_back_by_a_replay(ada: Reader, container: Container) -> None:
    made = await send(ada, "addBook", {"title": "Tides", "authors": []})
    assert made["book"]
    await sql(container, "DELETE FROM book_holders")
    payload = await send(ada, "addBook", {"title": "Tides", "authors": []})
    assert payload["book"] is None
    assert [e["code"] for e in payload["userErrors"]] == ["GONE"]
