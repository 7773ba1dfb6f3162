"""A device that must begin anew, or whose server was restored from a backup: what it holds alone is not lost."""

from datetime import timedelta

import pytest

from device import Unreachable
from device.api import ADD_BOOK
from runtime.container import Container
from tests.device.conftest import MakeDevice
from tests.device.support import BOOK, Clock, all_sync, faulty, words
from tests.support.rows import sql

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
