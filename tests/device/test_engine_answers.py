"""The rules, without a network: which answers of the server are taken, and what is left when it says to begin anew."""

from datetime import datetime, timedelta

import pytest

from device import Engine, Refused
from tests.device.support import (
    BOOK,
    NOON,
    answer,
    page,
    pulled,
    pushed,
    removed,
    reopened,
    result,
    seen,
    told,
    upserted,
)

# --- where it stands ---


def test_a_page_is_taken_only_where_it_was_asked_for(engine: Engine) -> None:
    slow = engine.next_pull()
    pulled(engine, page("c2", upserted("c1", told("a", "v1")), upserted("c2", told("a", "v2"))))
    assert not engine.take_page(slow, page("c1", upserted("c1", told("a", "v1")))).taken
    row = engine.store.row("a")
    assert row
    assert (row.version, engine.position.cursor) == ("v2", "c2")


def test_a_push_answered_late_is_ignored_and_the_operation_sent_again(engine: Engine) -> None:
    pulled(engine, page("c1", upserted("c1", told("a", "v1"))))
    engine.edit("a", note="mine")
    request = engine.next_push()
    assert request
    pulled(engine, page("c3", upserted("c3", told("a", "v3", note="mine", color="PINK"))))
    late = answer(result(request.ops[0].op_id, highlight=told("a", "v2", note="mine")), changes=page("c2"))
    assert not engine.take_push(request, late).taken
    row = engine.store.row("a")
    assert row
    assert (row.version, engine.position.cursor, engine.store.pending()) == ("v3", "c3", 1)
    pushed(engine, changes=page("c3"), highlight=told("a", "v3", note="mine", color="PINK"), replayed=True)
    assert engine.store.pending() == 0


def test_an_event_is_taken_only_if_the_feed_stands_where_the_device_does(engine: Engine) -> None:
    feed = engine.position
    assert engine.take_event(feed, upserted("c1", told("a", "v1"))).taken
    feed = engine.position
    engine.edit("a", note="mine")
    pushed(engine, changes=page("c2", upserted("c2", told("a", "v2", note="mine"))))
    assert not engine.take_event(feed, upserted("c1", told("a", "v1"))).taken
    assert seen(engine) == {"a": "mine"}
    assert engine.take_event(engine.position, {"__typename": "SyncCaughtUp", "cursor": "c2"}).taken


def test_its_own_echo_is_applied(engine: Engine) -> None:
    uuid = engine.create(BOOK, "Salt keeps.")
    pushed(engine)
    assert seen(engine) == {}
    pulled(engine, page("c1", upserted("c1", told(uuid, "v1", note="as merged")) | {"originDeviceId": "d"}))
    assert seen(engine) == {uuid: "as merged"}


# --- beginning anew ---


@pytest.mark.parametrize("reason", ["CURSOR_TOO_OLD", "CURSOR_INVALID"])
def test_a_new_run_drops_what_it_lacks_and_keeps_unsent_edits_as_new_highlights(engine: Engine, reason: str) -> None:
    rows = [upserted("c1", told(uuid, "v1")) for uuid in ("dropped", "edited", "kept", "deleted")]
    pulled(engine, page("c1", *rows))
    engine.edit("edited", note="my words")
    engine.delete("deleted")
    assert engine.take_page(engine.next_pull(), page("c1", resync=reason)).resync == reason
    assert set(seen(engine)) == {"dropped", "edited", "kept"}, "nothing goes before the new run is complete"
    engine = reopened(engine)
    pulled(engine, page("n1", upserted("n1", told("new", "v9")), has_more=True))
    engine = reopened(engine)
    assert set(seen(engine)) == {"dropped", "edited", "kept", "new"}
    assert engine.next_push() is None, "the edit may need its highlight made anew before it"
    pulled(engine, page("n2", upserted("n2", told("kept", "v10"))))
    assert seen(engine) == {"edited": "my words", "kept": None, "new": None}
    assert [(op.kind, op.uuid) for op in engine.store.queue()] == [
        ("create", "edited"),
        ("edit", "edited"),
        ("delete", "deleted"),
    ]
    assert engine.store.get("resync") is None


def test_an_answer_from_before_the_new_run_is_ignored(engine: Engine) -> None:
    first = engine.next_pull()
    engine.take_resync("CURSOR_INVALID")
    assert engine.position.cursor is None
    assert not engine.take_page(first, page("c1", upserted("c1", told("a", "v1")))).taken


def test_a_restored_backup_is_offered_everything_before_what_waits(engine: Engine) -> None:
    engine.store.put(skew=3600.0)
    rows = [upserted("c1", told(uuid, "v1")) for uuid in ("a", "b", "gone")]
    pulled(engine, page("c1", *rows))
    pulled(engine, page("c2", removed("c2", "gone", NOON + timedelta(hours=1))))
    engine.edit("b", note="unsent")
    request = engine.next_push()
    assert request
    stale = {"code": "STALE_VERSION", "message": "stale", "field": ["input", "after"]}
    taken = engine.take_push(request, answer(changes=page("c2", resync="EPOCH_CHANGED"), errors=(stale,)))
    assert taken.resync == "EPOCH_CHANGED"
    engine = reopened(engine)
    again = engine.next_push()
    assert again
    assert (again.position.cursor, again.previous_op_id) == (None, None)
    ops = {(op.uuid, op.kind): op for op in again.ops}
    assert set(ops) == {("a", "create"), ("b", "create"), ("gone", "delete"), ("b", "edit")}
    assert again.ops[-1].kind == "edit"
    assert again.ops[-1].op_id == request.ops[0].op_id
    draft = ops["a", "create"].change["create"]
    assert draft["book"] == BOOK, "the book may be gone, so its id says nothing"
    assert draft["createdAt"] == NOON.isoformat()
    assert ops["b", "create"].change["create"]["note"] == "unsent", (
        "the server may have the edit: older words must not win"
    )
    # Times of the server, as this device's clock, an hour ahead, would have told them.
    assert datetime.fromisoformat(ops["a", "create"].done_at) == NOON + timedelta(hours=1)
    assert datetime.fromisoformat(ops["gone", "delete"].done_at) == NOON + timedelta(hours=2)


def test_a_delete_that_is_being_undone_is_not_offered(engine: Engine) -> None:
    pulled(engine, page("c1", upserted("c1", told("a", "v1"))))
    pulled(engine, page("c2", removed("c2", "a")))
    engine.restore("a")
    engine.take_resync("EPOCH_CHANGED")
    assert [op.kind for op in engine.store.queue()] == ["restore"]


def test_what_was_restored_after_the_backup_is_restored_again(engine: Engine) -> None:
    pulled(engine, page("c1", upserted("c1", told("a", "v1", note="alive"))))
    engine.take_resync("EPOCH_CHANGED")
    deleted = told("a", "v0", note="alive", deletedAt=(NOON - timedelta(days=1)).isoformat())
    pushed(engine, changes=page("n1"), outcome="SUPERSEDED", highlight=deleted)
    (op,) = engine.store.queue()
    assert (op.kind, datetime.fromisoformat(op.done_at)) == ("restore", NOON)
    assert seen(engine) == {"a": "alive"}


def test_switches_turned_on_bring_rows_whatever_their_version_and_drop_nothing(engine: Engine) -> None:
    pulled(engine, page("c1", upserted("c1", told("a", "v1")), upserted("c1", told("b", "v1"))))
    engine.take_page(engine.next_pull(), page("c1", resync="SWITCHES_CHANGED"))
    pulled(engine, page("n1", upserted("n1", told("a", "v1", note="came with the switch"))))
    assert seen(engine) == {"a": "came with the switch", "b": None}


# --- refusals ---


def test_a_copy_is_told_and_goes_on_with_an_identity_of_its_own(engine: Engine) -> None:
    pulled(engine, page("c1", upserted("c1", told("a", "v1"))))
    engine.edit("a", note="mine")
    request = engine.next_push()
    assert request
    error = {"code": "CONFLICT", "message": "A copy of this device has pushed.", "field": ["input", "previousOpId"]}
    assert engine.take_push(request, answer(errors=(error,))).copied
    engine.separated("token-2", "d2")
    again = reopened(engine).next_push()
    assert again
    assert (again.device_id, again.position.cursor, again.ops[0].op_id) == ("d2", "c1", request.ops[0].op_id)
    assert again.previous_op_id != request.previous_op_id


def test_other_refusals_of_a_push_are_raised_and_leave_all_as_it_was(engine: Engine) -> None:
    engine.create(BOOK, "Salt keeps.")
    request = engine.next_push()
    assert request
    error = {"code": "NOT_FOUND", "message": "There is no such device of yours.", "field": ["input", "deviceId"]}
    with pytest.raises(Refused, match="no such device"):
        engine.take_push(request, answer(errors=(error,)))
    assert engine.store.pending() == 1
