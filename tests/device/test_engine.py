"""The rules, without a network: the user's work is stored, shown, queued, and stays whatever happens."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from device import Engine, Store, Unknown
from device.store import TOMBSTONE_DAYS, TRASH_DAYS
from tests.device.support import BOOK, answer, page, pulled, pushed, removed, reopened, result, seen, told, upserted

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


# --- what is kept ---


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
