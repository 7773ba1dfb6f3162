"""What a device's switches leave out of its pulls and bring back, and how far a device is known to be."""

from datetime import datetime, timedelta

import pytest

from core import clock
from core.ids import read_id
from runtime.container import Container
from services.sync.pull import Sent
from tests.support.api import Reader
from tests.support.sync import editing, op, pull, pull_all, push, sign_in, some, until, viewer_of

SWITCHES = "query { viewer { devices { id pendingChangeCount syncedThrough } } }"


async def test_switched_off_highlights_move_the_cursor_and_notes_stay_away(ada: Reader) -> None:
    await some(ada)
    await ada.mutate("updateDevice", "device { id }", id=ada.device_id, syncNotes=False)
    changes, _ = await pull_all(ada)
    assert {c["highlight"]["note"] for c in changes if "highlight" in c} == {None}
    assert {c["highlight"]["note"] for c in (await pull(ada, device=False))["changes"] if "highlight" in c} > {None} - {
        None
    }
    await ada.mutate("updateDevice", "device { id }", id=ada.device_id, syncHighlights=False)
    first = await pull(ada, first=3)
    assert (first["changes"], first["hasMore"]) == ([], True)
    nothing, end = await pull_all(ada, first["cursor"], first=3)
    assert nothing == []
    assert end != first["cursor"]


@pytest.mark.parametrize("switch", ["syncHighlights", "syncNotes"])
async def test_turning_a_switch_on_is_told_until_the_device_pulls_from_the_beginning(ada: Reader, switch: str) -> None:
    uuids = await some(ada)
    await ada.mutate("updateDevice", "device { id }", id=ada.device_id, **{switch: False})
    _, cursor = await pull_all(ada)
    assert (await pull(ada, cursor))["resync"] is None
    await ada.mutate("updateDevice", "device { id }", id=ada.device_id, **{switch: True})
    for _ in range(2):
        assert (await pull(ada, cursor))["resync"] == "SWITCHES_CHANGED"
        assert (await push(ada, op(editing(color="PINK"), uuids[0]), after=cursor))["changes"][
            "resync"
        ] == "SWITCHES_CHANGED"
    assert (await pull(await sign_in(ada, "Other")))["resync"] is None
    assert (await pull(ada, cursor))["resync"] == "SWITCHES_CHANGED"
    changes, fresh = await pull_all(ada)
    assert {c["highlight"]["note"] for c in changes if "highlight" in c} >= {"note 0", "edited"}
    assert (await pull(ada, fresh))["resync"] is None


async def test_a_switch_turned_on_while_the_device_begins_anew_is_told_once_more(
    ada: Reader, container: Container
) -> None:
    await some(ada)
    for notes in (False, True):
        await ada.mutate("updateDevice", "device { id }", id=ada.device_id, syncNotes=notes, syncHighlights=False)
    async with container.snapshot() as services:
        device = await services.pull.device(viewer_of(ada), ada.device_id)
        page, sent = await services.pull.page(viewer_of(ada), device, None, 100)
    assert page.changes == ()
    assert sent is not None
    await ada.mutate("updateDevice", "device { id }", id=ada.device_id, syncHighlights=True)
    async with container.transaction() as services:
        await services.pull.note_sent(sent)
    assert (await pull(ada, page.cursor))["resync"] == "SWITCHES_CHANGED"


async def progress(ada: Reader) -> tuple[int, bool]:
    device = (await ada.run(SWITCHES))["viewer"]["devices"][0]
    return device["pendingChangeCount"], device["syncedThrough"] is not None


async def waits(ada: Reader, wanted: int) -> None:
    """Progress is written within a second."""

    async def is_so() -> bool:
        return (await progress(ada))[0] == wanted

    await until(is_so)


async def test_pending_changes_are_counted_after_the_last_cursor_that_was_sent(ada: Reader) -> None:
    assert await progress(ada) == (0, False)
    await some(await sign_in(ada, "Other"))
    assert await progress(ada) == (7, False)
    page = await pull(ada, first=3)
    await waits(ada, 4)
    await pull_all(ada, page["cursor"])
    await waits(ada, 0)
    assert await progress(ada) == (0, True)
    await pull(ada, first=2)
    await waits(ada, 5)


async def test_the_latest_of_several_racing_answers_counts(ada: Reader, container: Container) -> None:
    await some(await sign_in(ada, "Other"))
    key, now = read_id(ada.device_id, "Device"), clock.now()

    async def note(seq: int, at: datetime) -> None:
        async with container.transaction() as services:
            await services.pull.note_sent(Sent(key, seq, at, False, highlights=True, notes=True))  # noqa: FBT003

    await note(11, now)
    await note(3, now - timedelta(seconds=1))
    assert (await progress(ada))[0] == 0
    await note(0, now + timedelta(seconds=1))
    assert (await progress(ada))[0] == 7
