"""The rules, without a network: what may be taken when, and what stays whatever happens."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from device import Engine, Refused, Store, Unknown
from device.store import TOMBSTONE_DAYS, TRASH_DAYS
from tests.device.support import BOOK, NOON, answer, page, removed, result, told, upserted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A device's file."""
    return tmp_path / "device.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    """The rules over a new store."""
    store = Store(path)
    store.put(device_id="d")
    yield Engine(store)
    store.close()


def reopened(engine: Engine) -> Engine:
    """Crash, and begin again from the file."""
    engine.store.close()
    engine.store = Store(engine.store.path)
    return Engine(engine.store)


def pulled(engine: Engine, answered: dict[str, Any]) -> bool:
    """Take a page that was asked for just now."""
    return engine.take_page(engine.next_pull(), answered).taken


def pushed(engine: Engine, changes: dict[str, Any] | None = None, **outcome: Any) -> None:
    """Send what waits, and give each operation the same outcome."""
    request = engine.next_push()
    assert request is not None
    assert engine.take_push(
        request, answer(*(result(op.op_id, **outcome) for op in request.ops), changes=changes)
    ).taken


def seen(engine: Engine) -> dict[str, str | None]:
    """Tell the notes the user sees."""
    return {shown.uuid: shown.body["note"] for shown in engine.view()}


# --- what the user does ---


def test_work_is_stored_before_it_is_shown_and_survives_a_crash(engine: Engine) -> None:
    uuid = engine.create(BOOK, "Salt keeps.", note="one")
    engine.edit(uuid, note="two")
    engine = reopened(engine)
    assert seen(engine) == {uuid: "two"}
    assert [op.kind for op in engine.store.queue()] == ["create", "edit"]


def test_an_edit_names_the_version_its_maker_was_looking_at(engine: Engine) -> None:
    own = engine.create(BOOK, "New here.")
    pulled(engine, page("c1", upserted("c1", told("a", "v1"))))
    engine.edit(own, note="mine")
    engine.edit("a", note="first")
    pulled(engine, page("c2", upserted("c2", told("a", "v2"))))
    engine.edit("a", color="PINK")
    assert [op.based_on for op in engine.store.queue()] == [None, None, "v1", "v2"]


def test_unsent_work_is_put_on_top_of_what_others_did(engine: Engine) -> None:
    pulled(engine, page("c1", upserted("c1", told("a", "v1")), upserted("c1", told("b", "v1"))))
    engine.edit("a", note="mine")
    engine.delete("b")
    pulled(
        engine,
        page("c2", upserted("c2", told("a", "v2", note="theirs", color="BLUE")), upserted("c2", told("b", "v2"))),
    )
    (shown,) = engine.view()
    assert (shown.body["note"], shown.body["color"], shown.unsent, shown.version) == ("mine", "BLUE", 1, "v2")
    assert [one.uuid for one in engine.trash()] == ["b"]


def test_what_is_not_there_cannot_be_changed(engine: Engine) -> None:
    pulled(engine, page("c1", upserted("c1", told("a", "v1"))))
    with pytest.raises(Unknown):
        engine.edit("x", note="?")
    with pytest.raises(Unknown):
        engine.delete("x")
    with pytest.raises(Unknown):
        engine.restore("a")
    assert engine.store.pending() == 0


def test_a_deleted_highlight_can_be_restored_before_and_after_the_server_knows(engine: Engine) -> None:
    pulled(engine, page("c1", upserted("c1", told("a", "v1", note="kept"))))
    engine.delete("a")
    assert seen(engine) == {}
    engine.restore("a")
    assert seen(engine) == {"a": "kept"}
    pushed(engine)
    pulled(engine, page("c2", removed("c2", "a")))
    assert seen(engine) == {}
    engine.restore("a")
    assert seen(engine) == {"a": "kept"}


# --- the queue ---


def test_an_operation_is_sent_unchanged_until_its_outcome_has_arrived(engine: Engine) -> None:
    engine.create(BOOK, "Salt keeps.")
    first = engine.next_push()
    engine = reopened(engine)
    engine.create(BOOK, "More.")
    second = engine.next_push()
    assert first
    assert second
    assert second.variables["input"]["ops"][0] == first.variables["input"]["ops"][0]
    assert [op.sends for op in engine.store.queue()] == [2, 1]
    assert len(second.ops) == 2


def test_outcome_row_and_leaving_the_queue_are_one_step(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = engine.create(BOOK, "Salt keeps.")
    request = engine.next_push()
    assert request
    taken = answer(result(request.ops[0].op_id, highlight=told(uuid, "v1")), changes=page("c1"))
    for step in ("tell", "remove", "save_row", "put"):
        with monkeypatch.context() as patch:
            patch.setattr(engine.store, step, _crash)
            with pytest.raises(KeyboardInterrupt):
                engine.take_push(request, taken)
        engine = reopened(engine)
        assert (engine.store.pending(), engine.store.count(), engine.store.outcomes()) == (1, 0, [])
        assert engine.position.cursor is None
    assert engine.take_push(request, taken).taken
    engine = reopened(engine)
    assert (engine.store.pending(), engine.store.count(), engine.position.cursor) == (0, 1, "c1")


def test_rows_and_cursor_of_a_page_are_one_step(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = engine.next_pull()
    got = page("c2", upserted("c1", told("a", "v1")), removed("c2", "b"))
    for step in ("bury", "put"):
        with monkeypatch.context() as patch:
            patch.setattr(engine.store, step, _crash)
            with pytest.raises(KeyboardInterrupt):
                engine.take_page(asked, got)
        engine = reopened(engine)
        assert (engine.store.count(), engine.position.cursor) == (0, None)
    assert engine.take_page(asked, got).taken


def _crash(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_refused_operation_leaves_the_queue_and_is_kept_with_its_words(engine: Engine) -> None:
    uuid = engine.create(BOOK, "Salt keeps.", note="do not lose me")
    engine.create(BOOK, "Next.")
    request = engine.next_push()
    assert request
    error = {"code": "INVALID", "message": "A note is too long.", "field": ["input", "ops", "0", "change"]}
    results = [result(request.ops[0].op_id, "REJECTED", error=error), result(request.ops[1].op_id)]
    engine.take_push(request, answer(*results, changes=page("c1")))
    engine = reopened(engine)
    (refused,) = engine.store.outcomes("REJECTED", unseen=True)
    assert (refused.uuid, refused.change["create"]["note"], refused.error) == (uuid, "do not lose me", error)
    assert engine.store.pending() == 0
    engine.store.tidy(datetime.now(UTC) + timedelta(days=400))
    assert [t.outcome for t in engine.store.outcomes()] == ["REJECTED"], "until its user has seen it"
    engine.store.seen(refused.op_id)
    engine.store.tidy(datetime.now(UTC) + timedelta(days=400))
    assert engine.store.outcomes() == []


def test_long_operations_are_sent_in_smaller_batches(engine: Engine) -> None:
    for _ in range(4):
        engine.create(BOOK, "s" * 240_000)
    sizes = []
    while request := engine.next_push():
        sizes.append(len(request.ops))
        engine.take_push(request, answer(*(result(op.op_id) for op in request.ops)))
    assert sizes == [2, 2]


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


# --- the rest ---


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


def test_kept_copies_are_shown_beside_what_they_copy(engine: Engine) -> None:
    original, fork = told("a", "v1", note="one"), told("f", "v2", note="other", conflictOf={"uuid": "a"})
    pulled(engine, page("c1", upserted("c1", original), upserted("c2", fork)))
    (conflict,) = engine.conflicts()
    assert conflict.original
    assert (conflict.fork.uuid, conflict.original.uuid) == ("f", "a")


def test_tombstones_lose_their_words_when_undo_ends_and_go_when_the_server_forgets_them(engine: Engine) -> None:
    now = datetime.now(UTC)
    pulled(engine, page("c1", upserted("c1", told("a", "v1"))))
    pulled(engine, page("c2", removed("c2", "a", now)))
    engine.store.tidy(now + timedelta(days=TRASH_DAYS - 1))
    assert [shown.uuid for shown in engine.trash()] == ["a"]
    engine.store.tidy(now + timedelta(days=TRASH_DAYS + 1))
    assert engine.trash() == []
    assert [t.uuid for t in engine.store.tombstones()] == ["a"]
    engine.store.tidy(now + timedelta(days=TOMBSTONE_DAYS + 1))
    assert engine.store.tombstones() == []


def test_two_processes_may_share_a_store(engine: Engine, path: Path) -> None:
    other = Engine(Store(path))
    uuid = other.create(BOOK, "From another terminal.")
    assert [shown.uuid for shown in engine.view()] == [uuid]
    other.store.close()
