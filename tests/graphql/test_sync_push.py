"""A device pushes its offline work: each operation once, each with an outcome, none able to hold up the next."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock
from core.ids import uuid7
from runtime.container import Container
from services.sync.merge import fork_id
from services.sync.writer import HighlightWriter
from tests.support.api import Reader
from tests.support.statements import counted
from tests.support.sync import PUSH, ago, editing, forged, making, op, pull, pull_all, push, pushed, sign_in, uuid_of

YEAR = timedelta(days=365)


async def everything(container: Container) -> list[Any]:
    """Read all that a push can write."""
    statements = (
        "SELECT id, seq, text, note, color, updated_at FROM highlights ORDER BY id",
        "SELECT user_id, seq, floor FROM sync_counters ORDER BY user_id",
        "SELECT op_id, outcome, created_at FROM sync_outcomes ORDER BY op_id",
        "SELECT id, title FROM books ORDER BY id",
    )
    async with container.database.reading() as session:
        return [list(map(tuple, await session.execute(text(statement)))) for statement in statements]


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


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Stop the server's clock, so that two requests can bring operations of the same moment."""
    now = datetime.now(UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    return now


async def test_words_of_one_moment_are_both_kept_and_a_repetition_makes_no_third(
    ada: Reader, container: Container, still: datetime
) -> None:
    tablet, uuid, then = await sign_in(ada, "Tablet"), str(uuid7()), still - timedelta(hours=1)
    await pushed(ada, op(making(), uuid, done_at=then - timedelta(hours=1)), sent_at=still)
    two = op(editing(note="two"), uuid, done_at=then + YEAR)
    (one,) = await pushed(ada, op(editing(note="one"), uuid, done_at=then), sent_at=still)
    (first,) = await pushed(tablet, two, sent_at=still + YEAR)
    assert (one["outcome"], first["outcome"]) == ("APPLIED", "FORKED")
    assert first["fork"]["uuid"] == str(fork_id(UUID(two["opId"])))
    assert (first["fork"]["note"], first["fork"]["conflictOf"]["uuid"], first["highlight"]["note"]) == (
        "two",
        uuid,
        "one",
    )
    before = (await everything(container))[0]
    (again,) = await pushed(tablet, two, sent_at=still + YEAR)
    assert again == first | {"replayed": True}
    async with container.database.writing() as session:
        await session.execute(text("DELETE FROM sync_outcomes"))
    (forgotten,) = await pushed(tablet, two, sent_at=still + YEAR)
    assert forgotten == first
    assert (await everything(container))[0] == before


@pytest.mark.parametrize("wrong_by", [-YEAR, YEAR], ids=["a year behind", "a year ahead"])
async def test_a_device_with_a_wrong_clock_neither_wins_for_ever_nor_loses_its_own(
    ada: Reader, container: Container, still: datetime, wrong_by: timedelta
) -> None:
    wrong, uuid = await sign_in(ada, "Wrong"), str(uuid7())
    made = op(making(note="0"), uuid, done_at=still - timedelta(hours=9) + wrong_by)
    (made_there,) = await pushed(wrong, made, sent_at=still + wrong_by)
    later = op(editing(note="later, by a good clock"), uuid, done_at=still - timedelta(hours=1))
    earlier = op(editing(note="earlier, by the wrong clock"), uuid, done_at=still - timedelta(hours=2) + wrong_by)
    (good,) = await pushed(ada, later, sent_at=still)
    (bad,) = await pushed(wrong, earlier, sent_at=still + wrong_by)
    assert (made_there["outcome"], good["outcome"], bad["outcome"]) == ("APPLIED", "APPLIED", "SUPERSEDED")
    assert bad["highlight"]["note"] == "later, by a good clock"
    last = op(editing(note="the wrong one's own, last"), uuid, done_at=still - timedelta(minutes=1) + wrong_by)
    assert (await pushed(wrong, last, sent_at=still + wrong_by))[0]["outcome"] == "APPLIED"
    async with container.database.reading() as session:
        (newest,) = await session.execute(
            text("SELECT greatest(note_at, passage_at, life_at) <= :now FROM highlights"), {"now": still}
        )
        assert tuple(newest) == (True,)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_no_time_is_too_strange(ada: Reader, moment: str) -> None:
    strange = datetime.fromisoformat(moment)
    uuid = str(uuid7())
    assert (await pushed(ada, op(making(), uuid, done_at=strange)))[0]["outcome"] == "APPLIED"
    assert (await pushed(ada, op(editing(note="x"), uuid), sent_at=strange))[0]["outcome"] == "APPLIED"


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


async def test_a_late_edit_of_a_deleted_highlight_is_kept_and_of_an_erased_one_is_forked(
    ada: Reader, container: Container
) -> None:
    tablet, uuid = await sign_in(ada, "Tablet"), str(uuid7())
    await pushed(ada, op(making(), uuid), op({"delete": True}, uuid))
    (late,) = await pushed(tablet, op(editing(note="from a train"), uuid))
    assert (late["outcome"], late["highlight"]["note"]) == ("MERGED", "from a train")
    assert late["highlight"]["deletedAt"] is not None
    async with container.database.writing() as session:
        await session.execute(text("UPDATE highlights SET restorable_until = now() - interval '1 day'"))
    async with container.transaction() as services:
        assert await services.housekeeping.erase_deleted() is False
    whole = {"passage": {"text": "All of it.", "anchor": {}}, "note": "mine"}
    bare, full, again = await pushed(
        tablet, op(editing(note="lost?"), uuid), op(editing(**whole), uuid), op(making("again"), uuid)
    )
    assert (bare["outcome"], bare["error"]["code"]) == ("REJECTED", "GONE")
    assert (full["outcome"], full["highlight"], full["fork"]["text"], full["fork"]["note"]) == (
        "FORKED",
        None,
        "All of it.",
        "mine",
    )
    assert (again["outcome"], again["highlight"]) == ("SUPERSEDED", None)


async def test_an_id_of_another_reader_is_refused_and_theirs_unchanged(
    ada: Reader, ben: Reader, container: Container
) -> None:
    uuid = str(uuid7())
    await pushed(ada, op(making(note="ada's own"), uuid))
    before = (await everything(container))[0]
    ops = [op(making(), uuid), op(editing(note="x"), uuid), op({"delete": True}, uuid), op({"restore": True}, uuid)]
    for result in await pushed(ben, *ops):
        assert (result["outcome"], result["error"]["code"], result["highlight"]) == ("REJECTED", "CONFLICT", None)
    assert (await everything(container))[0] == before


@pytest.mark.parametrize("stale", ["CURSOR_TOO_OLD", "EPOCH_CHANGED", "CURSOR_INVALID"])
@pytest.mark.parametrize("switched", [False, True])
async def test_a_stale_cursor_refuses_the_batch_before_any_operation(
    ada: Reader, container: Container, stale: str, *, switched: bool
) -> None:
    await pushed(ada, op(making()))
    cursor = (await pull(ada))["cursor"]
    async with container.database.writing() as session:
        if stale == "CURSOR_TOO_OLD":
            await session.execute(text("UPDATE sync_counters SET seq = seq + 5, floor = seq + 5"))
        if switched:
            await session.execute(text("UPDATE devices SET must_resync = true"))
    after = {
        "CURSOR_TOO_OLD": cursor,
        "EPOCH_CHANGED": forged(cursor, epoch="another"),
        "CURSOR_INVALID": "nonsense",
    }[stale]
    before = await everything(container)
    payload = await push(ada, op(making("Second.")), after=after)
    assert payload["results"] == []
    assert (payload["changes"]["resync"], payload["changes"]["changes"]) == (stale, [])
    (error,) = payload["userErrors"]
    assert (error["field"], error["code"]) == (["input", "after"], "STALE_VERSION")
    assert stale in error["message"]
    assert await everything(container) == before


async def test_changed_switches_do_not_refuse_the_batch(ada: Reader) -> None:
    cursor = (await pull(ada))["cursor"]
    for value in (False, True):
        await ada.mutate("updateDevice", "device { id }", id=ada.device_id, syncNotes=value)
    payload = await push(ada, op(making()), after=cursor)
    assert payload["results"][0]["outcome"] == "APPLIED"
    assert payload["changes"]["resync"] == "SWITCHES_CHANGED"


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


async def test_an_edit_based_on_a_version_of_another_epoch_counts_as_unseen(
    ada: Reader, container: Container, still: datetime
) -> None:
    tablet, uuid = await sign_in(ada, "Tablet"), str(uuid7())
    (made,) = await pushed(ada, op(making(note="ada's"), uuid, done_at=still), sent_at=still)
    version = made["highlight"]["version"]
    earlier = {"done_at": still - timedelta(hours=1), "based_on": version}
    async with container.transaction() as services:
        await services.sync.new_epoch()
    (unseen,) = await pushed(tablet, op(editing(note="tablet's"), uuid, **earlier), sent_at=still)
    assert unseen["outcome"] == "SUPERSEDED"
    current = unseen["highlight"]["version"]
    assert current != version
    (seen,) = await pushed(tablet, op(editing(note="tablet's"), uuid, **earlier | {"based_on": current}), sent_at=still)
    assert (seen["outcome"], seen["highlight"]["note"]) == ("APPLIED", "tablet's")


async def test_a_connection_killed_between_two_operations_leaves_nothing_and_the_retry_has_each_effect_once(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pushed(ada, op(making("Before.")))
    before = await everything(container)
    ops = [op(making(f"Passage {n}.")) for n in range(6)]
    apply, calls = HighlightWriter.apply, 0

    async def kill_at_the_fourth(self: HighlightWriter, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            async with container.database.writing() as session:
                killed = await session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"
                        " AND datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
                assert len(killed.all()) == 1
        return await apply(self, *args, **kwargs)

    monkeypatch.setattr(HighlightWriter, "apply", kill_at_the_fourth)
    payload = await push(ada, *ops)
    assert payload["userErrors"][0]["code"] == "UNAVAILABLE"
    assert await everything(container) == before
    retried = await pushed(ada, *ops)
    assert [(r["outcome"], r["replayed"]) for r in retried] == [("APPLIED", False)] * 6
    texts = [change["highlight"]["text"] for change in (await pull(ada))["changes"]]
    assert texts == ["Before.", *(f"Passage {n}." for n in range(6))]


async def test_two_devices_and_the_web_push_at_once_without_deadlock(ada: Reader, container: Container) -> None:
    tablet = await sign_in(ada, "Tablet")
    refs = [{"named": {"title": f"Volume {n}", "authors": ["Orla Finch"]}} for n in range(3)]
    sent = 0

    async def on_the_web(number: int) -> None:
        made = await ada.mutate(
            "createHighlight",
            "highlight { uuid }",
            book=refs[number % 3],
            passage={"text": f"w{number}", "anchor": {}},
            clientMutationId=f"w{number}",
        )
        assert not made["userErrors"]

    for number in range(50):
        turned = refs[number % 3 :] + refs[: number % 3]
        results = await asyncio.gather(
            pushed(ada, *(op(making(f"a{number}", book=ref)) for ref in turned)),
            pushed(tablet, *(op(making(f"t{number}", book=ref)) for ref in reversed(turned))),
            on_the_web(number),
        )
        assert all(r["outcome"] == "APPLIED" for batch in results[:2] for r in batch)
        sent += 7
    changes, _ = await pull_all(ada, first=500)
    assert len({uuid_of(change) for change in changes}) == len(changes) == sent
    async with container.database.reading() as session:
        seqs = list(await session.scalars(text("SELECT seq FROM highlights ORDER BY seq")))
    assert seqs == list(range(1, sent + 1))


async def test_two_readers_with_one_new_id_end_with_one_owner(ada: Reader, ben: Reader, container: Container) -> None:
    for number in range(10):
        uuid = str(uuid7())
        one, two = await asyncio.gather(
            pushed(ada, op(making(f"a{number}"), uuid), op(making("another"))),
            pushed(ben, op(making(f"b{number}"), uuid), op(making("another"))),
        )
        assert sorted([one[0]["outcome"], two[0]["outcome"]]) == ["APPLIED", "REJECTED"]
        assert {one[1]["outcome"], two[1]["outcome"]} == {"APPLIED"}
    assert len((await everything(container))[0]) == 30


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
