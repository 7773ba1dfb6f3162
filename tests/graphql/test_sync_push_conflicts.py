"""Pushes that meet what others did: edits of one moment, wrong clocks, what is deleted or somebody else's, cursors that are no good."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from core import clock
from core.ids import uuid7
from runtime.container import Container
from services.sync.merge import fork_id
from tests.support.api import Reader
from tests.support.sync import editing, everything, forged, making, op, pull, push, pushed, sign_in

YEAR = timedelta(days=365)


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
