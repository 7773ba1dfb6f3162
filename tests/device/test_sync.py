"""The reference device against the real API: lost answers, refusals, copies, wrong clocks."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from device import Device, Engine, Store, Unreachable
from tests.device.conftest import MakeDevice
from tests.device.support import BOOK, Clock, all_sync, faulty, words


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
