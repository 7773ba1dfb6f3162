"""A device pushes its offline work: each operation once, each with an outcome, none able to hold up the next."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.ids import uuid7
from runtime.container import Container
from tests.support.api import Reader
from tests.support.statements import counted
from tests.support.sync import PUSH, ago, editing, everything, making, op, pull, push, pushed


async def test_a_batch_is_applied_in_order_and_answers_with_the_page_after_the_cursor(ada: Reader) -> None:
    uuid = str(uuid7())
    payload = await push(
        ada,
        op(making("First words.", note="n"), uuid),
        op(editing(note="better"), uuid),
        op({"delete": True}, uuid),
        op({"restore": True}, uuid),
        op(editing(color="PINK"), uuid),
    )
    assert [r["outcome"] for r in payload["results"]] == ["APPLIED"] * 5
    assert [r["replayed"] for r in payload["results"]] == [False] * 5
    (change,) = payload["changes"]["changes"]
    assert (change["highlight"]["uuid"], change["highlight"]["note"], change["highlight"]["color"]) == (
        uuid,
        "better",
        "PINK",
    )
    assert change["originDeviceId"] == ada.device_id
    assert (await pull(ada, payload["changes"]["cursor"]))["changes"] == []


async def test_a_refused_operation_is_told_where_and_does_not_stop_the_next(ada: Reader, container: Container) -> None:
    uuid = str(uuid7())
    await pushed(ada, op(making(), uuid))
    bad: dict[str, tuple[dict[str, Any], list[str] | None, str]] = {
        "NUL": (op(editing(note="a\x00b"), uuid), ["change", "edit", "note"], "INVALID"),
        "NUL in a new title": (
            op(making(book={"named": {"title": "a\x00b", "authors": []}})),
            ["change", "create", "book", "named", "title"],
            "INVALID",
        ),
        "NUL in basedOn": (op(editing(note="x"), uuid, based_on="\x00"), ["basedOn"], "INVALID"),
        "unknown colour": (op(editing(color="MAUVE"), uuid), ["change", "edit", "color"], "INVALID"),
        "unknown visibility": (op(editing(visibility="ALL"), uuid), ["change", "edit", "visibility"], "INVALID"),
        "bad basedOn": (op(editing(note="x"), uuid, based_on="nonsense"), ["basedOn"], "INVALID"),
        "reversed": (
            op(making(passage={"text": "x", "anchor": {"locationStart": 9, "locationEnd": 9}})),
            ["change", "create", "passage", "anchor", "locationEnd"],
            "INVALID",
        ),
        "blank": (
            op(making(passage={"text": " ", "anchor": {}})),
            ["change", "create", "passage", "text"],
            "INVALID",
        ),
        "unknown book": (
            op(making(book={"id": "Qm9vazowMTkwMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDA="})),
            ["change", "create", "book"],
            "NOT_FOUND",
        ),
        "bad isbn": (op(making(book={"isbn": "12"})), ["change", "create", "book", "isbn"], "INVALID"),
        "the same bad isbn": (op(making(book={"isbn": "12"})), ["change", "create", "book", "isbn"], "INVALID"),
        "nothing": (op({"delete": False}, uuid), ["change"], "INVALID"),
        "unknown highlight": (op(editing(note="x")), None, "NOT_FOUND"),
    }
    count = len((await everything(container))[0])
    results = await pushed(ada, *(o for o, _, _ in bad.values()), op(editing(note="the next one"), uuid))
    for index, (name, result) in enumerate(zip(bad, results, strict=False)):
        _, field, code = bad[name]
        path = None if field is None else ["input", "ops", str(index), *field]
        assert result["outcome"] == "REJECTED", name
        assert (result["error"]["field"], result["error"]["code"]) == (path, code), name
        assert result["highlight"] is None
    assert results[-1]["outcome"] == "APPLIED"
    assert results[-1]["highlight"]["note"] == "the next one"
    highlights, _, outcomes, _ = await everything(container)
    assert len(highlights) == count
    assert len(outcomes) == len(bad) + 2


async def test_no_book_is_made_for_a_refused_operation(ada: Reader, container: Container) -> None:
    book = {"named": {"title": "Nobody's Book", "authors": ["Nobody"]}}
    (result,) = await pushed(ada, op(making(book=book, color="MAUVE")))
    assert result["outcome"] == "REJECTED"
    assert (await everything(container))[3] == []


async def test_outcomes_are_told_again_the_same_refusals_included(ada: Reader, container: Container) -> None:
    uuid = str(uuid7())
    ops = [
        op(making(note="n"), uuid),
        op(editing(color="MAUVE"), uuid),
        op(editing(note="x")),
        op({"delete": True}, uuid),
    ]
    first = await pushed(ada, *ops)
    before = await everything(container)
    again = await pushed(ada, *ops)
    assert await everything(container) == before
    assert [r.pop("replayed") for r in first] == [False] * 4
    assert [r.pop("replayed") for r in again] == [True] * 4
    assert again == first


async def test_an_operation_sent_twice_in_one_batch_takes_effect_once(ada: Reader) -> None:
    once = op(making())
    first, second = await pushed(ada, once, once)
    assert second == first | {"replayed": True}
    assert len((await pull(ada))["changes"]) == 1


async def test_an_operation_id_used_for_other_work_is_refused_and_changes_nothing(
    ada: Reader, container: Container
) -> None:
    uuid = str(uuid7())
    made = op(making(note="n"), uuid)
    await pushed(ada, made)
    before = await everything(container)
    for other in (
        made | {"change": editing(note="else")},
        made | {"highlightUuid": str(uuid7())},
        made | {"doneAt": ago(days=2).isoformat()},
    ):
        (result,) = await pushed(ada, other)
        assert (result["outcome"], result["replayed"], result["error"]["code"]) == (
            "REJECTED",
            False,
            "IDEMPOTENCY_MISMATCH",
        )
    assert await everything(container) == before
    assert (await pushed(ada, made))[0]["replayed"]


async def test_too_many_operations_and_others_devices_are_refused(
    ada: Reader, ben: Reader, container: Container
) -> None:
    before = await everything(container)
    many = await push(ada, *(op(making(f"{n}")) for n in range(101)))
    theirs = await push(ada, op(making()), device_id=ben.device_id)
    no_id = await push(ada, op(making()), device_id="nonsense")
    wrong_type = await push(ada, op(making()), device_id=ada.id)
    refusals = [(p["results"], p["changes"], p["userErrors"][0]["code"]) for p in (many, theirs, no_id, wrong_type)]
    assert refusals == [([], None, code) for code in ("LIMIT_EXCEEDED", "NOT_FOUND", "INVALID", "INVALID")]
    assert theirs["userErrors"][0]["field"] == ["input", "deviceId"]
    assert await everything(container) == before


async def test_a_hundred_operations_are_taken_and_the_page_has_its_own_end(ada: Reader) -> None:
    payload = await push(ada, *(op(making(f"Passage {n}.")) for n in range(100)))
    assert [r["outcome"] for r in payload["results"]] == ["APPLIED"] * 100
    assert len(payload["changes"]["changes"]) == 100
    assert payload["changes"]["hasMore"] is False


async def test_a_repeated_batch_costs_the_same_however_long_it_is(ada: Reader, container: Container) -> None:
    costs = []
    for count in (2, 50):
        batch = [op(making(f"Line {number}.")) for number in range(count)]
        await push(ada, *batch)
        with counted(container.database.engine) as statements:
            again = await push(ada, *batch)
        assert all(result["replayed"] and result["highlight"] for result in again["results"])
        costs.append(len(statements))
    assert costs[0] == costs[1]


async def test_signed_out_nothing_is_taken(nobody: Reader, ada: Reader) -> None:
    payload = await push(nobody, op(making()), device_id=ada.device_id)
    assert payload["userErrors"][0]["code"] == "UNAUTHENTICATED"
    assert (await pull(ada))["changes"] == []


async def test_the_trigger_refuses_a_change_that_no_device_would_learn_of(ada: Reader, container: Container) -> None:
    await pushed(ada, op(making(note="n")))
    before = await everything(container)
    for change in (
        "note = 'other'",
        "text = 'other'",
        "deleted_at = now(), restorable_until = now()",
        "color = 'PINK'",
        "visibility = 'PUBLIC'",
        "percent = 3",
        "seq = seq - 1",
    ):
        with pytest.raises(DBAPIError, match="new sequence number"):
            async with container.database.writing() as session:
                await session.execute(text(f"UPDATE highlights SET {change}"))  # noqa: S608 - the list above
    assert await everything(container) == before


@pytest.mark.parametrize("spelled", ["\\u0000", "\\u0000\\u0000", "\\ud800", "\\uDFFF"])
async def test_a_text_that_cannot_be_stored_refuses_its_operation_alone(
    ada: Reader, container: Container, spelled: str
) -> None:
    bad, good = op(making("SPELLED")), op(making("Good words."))
    variables = {"deviceId": ada.device_id, "sentAt": datetime.now(UTC).isoformat(), "ops": [bad, good]}
    query = f"mutation($i: PushHighlightChangesInput!) {{ pushHighlightChanges(input: $i) {{ {PUSH} }} }}"
    body = json.dumps({"query": query, "variables": {"i": variables}}).replace("SPELLED", f"a {spelled} b")
    for replayed in (False, True):
        headers = {**ada.headers, "Content-Type": "application/json"}
        async with ada.http.post("/graphql", data=body, headers=headers) as response:
            answer = await response.json()
        results = answer["data"]["pushHighlightChanges"]["results"]
        assert [(r["outcome"], r["replayed"]) for r in results] == [("REJECTED", replayed), ("APPLIED", replayed)]
        assert results[0]["error"]["code"] == "INVALID"
    assert len((await everything(container))[0]) == 1
