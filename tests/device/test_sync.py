"""The reference device against the real API: lost answers, refusals, new runs, copies, wrong clocks."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from device import Device, Engine, SignedOut, Store, Unreachable
from device.api import ADD_BOOK, HttpTransport
from device.live import Live
from runtime.container import Container
from tests.device.conftest import MakeDevice
from tests.device.support import BOOK, Clock, HalfDead, all_sync, faulty, running, until, words

BACKUP = [
    "DROP TABLE IF EXISTS saved_highlights, saved_outcomes, saved_counters",
    "CREATE TABLE saved_highlights AS SELECT * FROM highlights",
    "CREATE TABLE saved_outcomes AS SELECT * FROM sync_outcomes",
    "CREATE TABLE saved_counters AS SELECT * FROM sync_counters",
]
RESTORE = [
    "ALTER TABLE highlights DISABLE TRIGGER USER",
    "DELETE FROM highlights",
    "DELETE FROM sync_outcomes",
    "DELETE FROM sync_counters",
    "DELETE FROM book_holders WHERE book_id IN (SELECT id FROM books WHERE title = 'Another')",
    "DELETE FROM books WHERE title = 'Another'",
    "INSERT INTO sync_counters SELECT * FROM saved_counters",
    "INSERT INTO highlights SELECT * FROM saved_highlights",
    "INSERT INTO sync_outcomes SELECT * FROM saved_outcomes",
    "ALTER TABLE highlights ENABLE TRIGGER USER",
    "DROP TABLE saved_highlights, saved_outcomes, saved_counters",
]


async def sql(container: Container, statement: str, **values: Any) -> None:
    """Change the database behind the API's back."""
    async with container.database.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def test_what_one_device_does_offline_is_on_the_other_after_both_sync(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    kept = phone.engine.create(BOOK, "Salt keeps what summer gives.", note="for winter")
    gone = phone.engine.create(BOOK, "The tide forgets.")
    phone.engine.delete(gone)
    phone.engine.edit(kept, color="BLUE", note=None)
    await all_sync(phone, tablet)
    assert words(phone) == words(tablet) == {kept: ("Salt keeps what summer gives.", None, "BLUE")}


@pytest.mark.parametrize("lost", ["lose_answers", "lose_requests"])
async def test_a_push_without_an_answer_is_sent_again_and_done_once(device: MakeDevice, lost: str) -> None:
    phone, tablet = await device(), await device()
    made = phone.engine.create(BOOK, "Salt keeps.", note="one")
    phone.engine.edit(made, note="two")
    way = faulty(phone)
    setattr(way, lost, 2)
    for _ in range(2):
        with pytest.raises(Unreachable):
            await phone.sync_once()
        assert phone.store.pending() == 2, "nobody knows whether they arrived"
        assert words(phone)[made][1] == "two"
    sent = [variables["input"]["ops"] for variables in way.sent]
    assert sent[0] == sent[1]
    await phone.sync_once()
    assert [told.outcome for told in phone.store.outcomes()] == ["APPLIED", "APPLIED"]
    await all_sync(phone, tablet)
    assert words(tablet) == {made: ("Salt keeps.", "two", "YELLOW")}


async def test_an_answer_lost_before_a_crash_is_no_different(device: MakeDevice) -> None:
    phone = await device()
    made = phone.engine.create(BOOK, "Salt keeps.")
    faulty(phone).lose_answers = 1
    with pytest.raises(Unreachable):
        await phone.sync_once()
    phone.store.close()
    again = Device(Store(phone.store.path))
    await again.sync_once()
    assert (set(words(again)), again.store.pending()) == ({made}, 0)
    await again.close()
    again.store.close()


async def test_more_than_a_batch_and_more_than_a_page_come_whole(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    with phone.store.transaction():
        made = {phone.engine.create(BOOK, f"Passage {n}.") for n in range(120)}
    seen: list[tuple[int, int | None]] = []
    await phone.sync_once()
    tablet.engine.next_pull = lambda first=50: Engine.next_pull(tablet.engine, first)  # type: ignore[method-assign]
    await tablet.sync_once(lambda done, total: seen.append((done, total)))
    assert set(words(tablet)) == made
    assert seen == [(50, 120), (100, 120), (120, 120)]
    await all_sync(phone, tablet)


async def test_a_refused_operation_does_not_hold_up_the_next(device: MakeDevice) -> None:
    phone = await device()
    bad = phone.engine.create(BOOK, "Salt keeps.", note="long " * 1_000)
    good = phone.engine.create(BOOK, "The tide forgets.")
    await phone.sync_once()
    assert set(words(phone)) == {good}
    (refused,) = phone.store.outcomes("REJECTED")
    assert refused.uuid == bad
    assert refused.change["create"]["note"] == "long " * 1_000
    assert "4000" in str(refused.error).replace(",", "")


async def test_an_operation_that_the_server_cannot_read_does_not_hold_up_the_others(device: MakeDevice) -> None:
    phone = await device()
    first = phone.engine.create(BOOK, "Salt keeps.")
    bad = phone.engine.create(BOOK, "Half a letter.", uuid="not a uuid")
    last = phone.engine.create(BOOK, "The tide forgets.")
    await phone.sync_once()
    assert set(words(phone)) == {first, last}
    (refused,) = phone.store.outcomes("REJECTED")
    assert refused.uuid == bad
    assert phone.store.pending() == 0


async def test_half_a_letter_does_not_jam_the_queue(device: MakeDevice) -> None:
    phone = await device()
    phone.engine.create(BOOK, "Half a letter: \ud83d")
    good = phone.engine.create(BOOK, "The tide forgets.")
    await phone.sync_once()
    assert good in words(phone)
    assert phone.store.pending() == 0


async def test_two_edits_made_apart_are_merged_and_equal_on_both(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    made = phone.engine.create(BOOK, "Salt keeps.")
    await all_sync(phone, tablet)
    phone.engine.edit(made, note="phone")
    # Later by more than a request is on its way: times are corrected by when one arrives.
    await asyncio.sleep(1)
    tablet.engine.edit(made, color="PINK")
    tablet.engine.edit(made, note="tablet, later")
    await all_sync(phone, tablet)
    assert words(phone)[made] == words(tablet)[made] == ("Salt keeps.", "tablet, later", "PINK")


@pytest.mark.parametrize("days", [-366, 366])
async def test_a_device_with_a_wrong_clock_loses_nothing_and_takes_nothing(device: MakeDevice, days: int) -> None:
    phone, tablet = await device(), await device()
    phone.engine.now = Clock(timedelta(days=days))
    made = phone.engine.create(BOOK, "Salt keeps.", note="one")
    await all_sync(phone, tablet)
    tablet.engine.edit(made, note="two")
    await all_sync(tablet, phone)
    phone.engine.edit(made, note="three")
    await all_sync(phone, tablet)
    tablet.engine.edit(made, note="four")
    await all_sync(phone, tablet)
    assert words(phone)[made][1] == "four"
    assert abs(phone.engine.skew - timedelta(days=days)) < timedelta(minutes=1)


# --- beginning anew ---


async def test_a_cursor_that_is_too_old_or_strange_is_replaced_and_nothing_unsent_is_lost(
    device: MakeDevice, container: Container
) -> None:
    phone, tablet = await device(), await device()
    kept, gone, edited = (phone.engine.create(BOOK, word) for word in ("Kept.", "Gone.", "Edited."))
    await all_sync(phone, tablet)
    phone.engine.delete(gone)
    phone.engine.delete(edited)
    await phone.sync_once()
    await sql(container, "DELETE FROM highlights WHERE deleted_at IS NOT NULL")
    await sql(container, "UPDATE sync_counters SET floor = seq")
    tablet.engine.edit(edited, note="unsent")
    tablet.engine.create(BOOK, "New.")
    resyncs = []
    tablet._on_taken = lambda taken: resyncs.append(taken.resync) if taken.resync else None
    await tablet.sync_once()
    assert resyncs == ["CURSOR_TOO_OLD"]
    assert {t for t, _, _ in words(tablet).values()} == {"Kept.", "Edited.", "New."}
    assert words(tablet)[edited][1] == "unsent"
    phone.store.put(cursor="strange")
    await all_sync(phone, tablet)
    assert kept in words(phone)


async def test_what_only_devices_hold_survives_a_restored_backup(device: MakeDevice, container: Container) -> None:
    phone, tablet = await device(), await device()
    tablet.engine.now = Clock(timedelta(days=-400))
    old, deleted, edited = (phone.engine.create(BOOK, word) for word in ("Old.", "Deleted.", "Edited."))
    await all_sync(phone, tablet)
    for statement in BACKUP:
        await sql(container, statement)
    young = tablet.engine.create({"named": {"title": "Another", "authors": ["Ivo Lark"]}}, "Young.", note="mine")
    tablet.engine.edit(edited, note="after the backup")
    tablet.engine.delete(deleted)
    await all_sync(phone, tablet)
    before = words(phone)
    assert set(before) == {old, edited, young}
    for statement in RESTORE:
        await sql(container, statement)
    async with container.transaction() as services:
        await services.sync.new_epoch()
    lately = tablet.engine.create(BOOK, "Made while the server was away.")
    await all_sync(tablet, phone)
    assert words(phone) == before | {lately: ("Made while the server was away.", None, "YELLOW")}
    dates = {row.uuid: row.body["createdAt"] for row in phone.store.rows()}
    assert dates[old] < dates[young] < dates[lately]
    assert tablet.store.outcomes("REJECTED", "FORKED") == []


@pytest.mark.parametrize("last", ["edit", "delete", "restore"])
async def test_work_in_the_backup_whose_answer_was_lost_stands(
    device: MakeDevice, container: Container, last: str
) -> None:
    phone, tablet = await device(), await device()
    made = phone.engine.create(BOOK, "Salt keeps.", note="first")
    if last == "restore":
        phone.engine.delete(made)
    await all_sync(phone, tablet)
    if last == "edit":
        phone.engine.edit(made, note="kept")
    else:
        getattr(phone.engine, last)(made)
    faulty(phone).lose_answers = 1
    with pytest.raises(Unreachable):
        await phone.sync_once()
    async with container.transaction() as services:
        await services.sync.new_epoch()
    await all_sync(phone, tablet)
    await all_sync(tablet, phone)
    notes = {note for _, note, _ in words(tablet).values()}
    assert notes == {"edit": {"kept"}, "delete": set(), "restore": {"first"}}[last]


async def test_a_deleted_highlight_comes_back_with_its_words_everywhere(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    made = phone.engine.create(BOOK, "Salt keeps.", note="mine")
    await all_sync(phone, tablet)
    phone.engine.delete(made)
    await all_sync(phone, tablet)
    assert words(tablet) == {}
    tablet.engine.restore(made)
    assert words(tablet)[made][1] == "mine", "before anybody else knows"
    await all_sync(tablet, phone)
    assert words(phone) == words(tablet) == {made: ("Salt keeps.", "mine", "YELLOW")}


async def test_notes_come_when_their_switch_is_turned_on(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    made = phone.engine.create(BOOK, "Salt keeps.", note="mine")
    await phone.sync_once()
    update = "mutation($input: UpdateDeviceInput!) { updateDevice(input: $input) { userErrors { message } } }"
    for on, note in ((False, None), (True, "mine")):
        await tablet.transport.execute(update, {"input": {"id": tablet.store.get("device_id"), "syncNotes": on}})
        await tablet.sync_once()
        assert words(tablet)[made][1] == note


# --- copies ---


async def test_a_copy_of_a_device_becomes_a_device_of_its_own(device: MakeDevice, tmp_path: Path) -> None:
    phone = await device()
    first = phone.engine.create(BOOK, "Before the copy.")
    await phone.sync_once()
    waiting = phone.engine.create(BOOK, "In both queues.")
    phone.store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(phone.store.path, tmp_path / "copy.db")
    copy = Device(Store(tmp_path / "copy.db"))
    assert copy.store.get("device_id") == phone.store.get("device_id")
    mine = phone.engine.create(BOOK, "On the phone.")
    await phone.sync_once()
    theirs = copy.engine.create(BOOK, "On the copy.")
    await copy.sync_once()
    assert copy.store.get("device_id") != phone.store.get("device_id")
    assert copy.store.get("token") != phone.store.get("token")
    await all_sync(phone, copy)
    assert set(words(phone)) == set(words(copy)) == {first, waiting, mine, theirs}
    await copy.close()
    copy.store.close()


# --- live ---


async def test_two_live_devices_hear_each_other(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    async with running(phone, tablet):
        uuid = phone.engine.create(BOOK, "Salt keeps what summer gives.")
        await until(lambda: len(tablet.engine.view()) == 1)
        tablet.engine.edit(uuid, note="heard")
        await until(lambda: words(phone)[uuid][1] == "heard")
        phone.engine.delete(uuid)
        await until(lambda: not tablet.engine.view() and not phone.store.pending())
    assert phone.engine.view() == tablet.engine.view() == []


async def test_many_edits_on_two_live_devices_end_equal(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    made = [phone.engine.create(BOOK, f"Passage {n}.") for n in range(5)]
    await all_sync(phone, tablet)
    async with running(phone, tablet):
        for number in range(40):
            (phone, tablet)[number % 2].engine.edit(made[number % 5], note=f"note {number}")
            await asyncio.sleep(0.01)
        await until(lambda: not phone.store.pending() and not tablet.store.pending())
        await until(lambda: words(phone) == words(tablet))
    await all_sync(phone, tablet)
    outcomes = [told.outcome for one in (phone, tablet) for told in one.store.outcomes() if "edit" in told.change]
    assert len(outcomes) == 40
    assert set(outcomes) <= {"APPLIED", "SUPERSEDED"}


async def test_work_queued_by_another_process_is_sent_by_the_one_that_runs(device: MakeDevice) -> None:
    phone, tablet = await device(), await device()
    async with running(phone, tablet):
        await asyncio.sleep(0.1)
        other = Store(phone.store.path)
        uuid = Engine(other).create(BOOK, "From another terminal.")
        other.close()
        await until(lambda: uuid in words(tablet))


@pytest.mark.parametrize("told", ["CURSOR_INVALID", "EPOCH_CHANGED"])
async def test_a_run_that_is_told_to_begin_anew_does_so_by_itself(
    device: MakeDevice, container: Container, told: str
) -> None:
    phone, tablet = await device(), await device()
    old = phone.engine.create(BOOK, "Salt keeps.")
    await all_sync(phone, tablet)
    async with running(phone):
        await until(lambda: phone.store.pending() == 0)
        if told == "EPOCH_CHANGED":
            async with container.transaction() as services:
                await services.sync.new_epoch()
        else:
            phone.store.put(cursor="strange")
        new = phone.engine.create(BOOK, "The tide forgets.")
        await until(lambda: phone.store.pending() == 0 and phone.store.get("resync") is None)
        assert set(words(phone)) == {old, new}
    await all_sync(tablet, phone)
    assert set(words(tablet)) == {old, new}


async def test_a_book_that_a_restored_backup_lacks_comes_back_with_its_isbn(
    device: MakeDevice, container: Container
) -> None:
    phone = await device()
    book = {"title": "Tide Tables", "authors": ["Ib Lund"], "isbn": "9780306406157"}
    await phone.transport.execute(ADD_BOOK, {"input": book})
    uuid = phone.engine.create({"isbn": book["isbn"]}, "Low water at six.")
    await phone.sync_once()
    # As a backup of an hour ago would have them.
    for table in ("sync_outcomes", "highlights", "book_holders", "books"):
        await sql(container, f"DELETE FROM {table}")  # noqa: S608
    async with container.transaction() as services:
        await services.sync.new_epoch()
    await phone.sync_once()
    assert phone.engine.unknown_books() == []
    (row,) = phone.store.rows()
    assert (row.uuid, row.body["text"]) == (uuid, "Low water at six.")
    assert {name: row.body["book"][name] for name in book} == book


async def test_a_revoked_session_ends_the_run_and_keeps_the_work(device: MakeDevice) -> None:
    phone = await device()
    phone.engine.create(BOOK, "Salt keeps.")
    await phone.transport.execute("mutation { signOut { userErrors { message } } }", {})
    with pytest.raises(SignedOut):
        async with asyncio.timeout(10):
            await phone.run()
    assert phone.store.pending() == 1
    await phone.sign_in(phone.store.get("url"), "ada", "correct horse battery", name="Device 1")
    await phone.sync_once()
    assert phone.store.pending() == 0


async def test_a_server_that_does_not_answer_hangs_nobody(device: MakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.live.CONNECT_SECONDS", 0.3)
    phone = await device()
    over = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await phone.close()
    phone._transport = HttpTransport(f"http://127.0.0.1:{port}", "token", seconds=0.3)
    phone.engine.create(BOOK, "Salt keeps.")
    with pytest.raises(Unreachable):
        await phone.sync_once()
    with pytest.raises(Unreachable):
        async with Live(f"http://127.0.0.1:{port}").open("token"):
            raise AssertionError("nobody answered")
    assert phone.store.pending() == 1
    over.set()
    server.close()


async def test_a_connection_of_which_half_is_dead_is_noticed(device: MakeDevice, url: str) -> None:
    phone = await device()
    proxy = HalfDead(url)
    await proxy.start()
    async with Live(proxy.url, quiet_seconds=0.3).open(phone.store.get("token")) as feed:
        await feed.subscribe(phone.store.get("device_id"), None)
        assert (await feed.next())["__typename"] == "SyncCaughtUp"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await feed.next()  # quiet, but it answers pings
        proxy.dead = True
        with pytest.raises(Unreachable, match="silent"):
            async with asyncio.timeout(5):
                await feed.next()
    await proxy.stop()
