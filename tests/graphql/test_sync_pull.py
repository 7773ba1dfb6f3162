"""Pulls: gap-free and in commit order from any cursor, and an explicit answer to any cursor that is no good."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from auth.viewer import Viewer
from core import clock
from core.ids import read_id, uuid7
from core.settings import Settings
from runtime.container import Container
from services.catalog import BookRef, NamedBook
from services.sync.drafts import Anchor, HighlightDraft, Passage
from services.sync.pull import Sent
from tests.support.api import Reader
from tests.support.sync import (
    PULL,
    editing,
    forged,
    making,
    op,
    pull,
    pull_all,
    push,
    pushed,
    sign_in,
    state_of,
    until,
    uuid_of,
)

SWITCHES = "query { viewer { devices { id pendingChangeCount syncedThrough } } }"


@pytest.fixture
def settings() -> Settings:
    """Room for sixteen writers."""
    return Settings(_env_file=None, database_pool=24)


def viewer_of(reader: Reader) -> Viewer:
    """See with a reader's eyes, below the API."""
    return Viewer(user_id=read_id(reader.id, "User"))


async def sql(container: Container, statement: str, **values: Any) -> None:
    """Do what only time does."""
    async with container.database.writing() as session:
        await session.execute(text(statement), values)


async def some(ada: Reader, count: int = 7) -> list[str]:
    """Make highlights, then edit the second, delete the third and restore the fourth."""
    uuids = [str(uuid7()) for _ in range(count)]
    await pushed(ada, *(op(making(f"Passage {n}.", note=f"note {n}"), uuid) for n, uuid in enumerate(uuids)))
    await pushed(
        ada,
        op(editing(note="edited"), uuids[1]),
        op({"delete": True}, uuids[2]),
        op({"delete": True}, uuids[3]),
        op({"restore": True}, uuids[3]),
    )
    return uuids


# --- from any cursor ---


async def test_stopping_at_any_cursor_with_any_page_size_gives_the_same_changes(ada: Reader) -> None:
    await some(ada)
    whole, end = await pull_all(ada, first=500)
    assert [uuid_of(c) for c in whole] == list(dict.fromkeys(uuid_of(c) for c in whole))
    for size in (1, 2, 3, 6, 7, 8):
        changes, cursor = await pull_all(ada, first=size)
        assert [uuid_of(c) for c in changes] == [uuid_of(c) for c in whole]
        assert cursor == end
    for index, change in enumerate(whole):
        rest, _ = await pull_all(ada, change["cursor"], first=2)
        assert [uuid_of(c) for c in rest] == [uuid_of(c) for c in whole[index + 1 :]]


async def test_stopping_at_any_cursor_while_changes_go_on_ends_in_the_same_state(ada: Reader) -> None:
    uuids = await some(ada)
    whole, end = await pull_all(ada)
    await pushed(ada, op(editing(color="PINK"), uuids[0]), op({"delete": True}, uuids[5]), op(making("New.")))
    truth = state_of((await pull_all(ada))[0])
    for index, change in enumerate(whole):
        held = [*whole[: index + 1], *(await pull_all(ada, change["cursor"], first=1 + index % 3))[0]]
        assert state_of(held) == truth
    assert state_of([*whole, *(await pull_all(ada, end))[0]]) == truth


async def test_an_empty_page_returns_the_cursor_it_was_given(ada: Reader) -> None:
    await some(ada)
    _, cursor = await pull_all(ada)
    for _ in range(2):
        page = await pull(ada, cursor)
        assert page == {"changes": [], "cursor": cursor, "hasMore": False, "resync": None}


async def test_a_tombstone_is_told_to_a_new_device_too(ada: Reader) -> None:
    uuids = await some(ada)
    changes, _ = await pull_all(await sign_in(ada, "New"))
    assert {uuid_of(c) for c in changes if c["__typename"] == "HighlightRemoved"} == {uuids[2]}
    assert set(state_of(changes)) == set(uuids) - {uuids[2]}


async def test_without_a_device_nothing_is_filtered_or_noted(ada: Reader) -> None:
    await some(ada)
    page = await pull(ada, device=False)
    assert len(page["changes"]) == 7


# --- cursors that are no good ---


async def test_strange_and_others_cursors_are_told_so(ada: Reader, ben: Reader) -> None:
    await some(ada)
    _, cursor = await pull_all(ada)
    await pushed(ben, op(making()))
    _, theirs = await pull_all(ben)
    for bad in (
        "",
        "nonsense",
        "é",
        "=" * 9,
        "A" * 5_000,
        theirs,
        forged(cursor, kind="v"),
        forged(cursor, seq="1"),
        forged(cursor, seq=-1),
        forged(cursor, seq=True),
        forged(cursor, base=2**63),
        forged(cursor, seq=1.5),
    ):
        page = await pull(ada, bad)
        assert (page["resync"], page["changes"], page["hasMore"]) == ("CURSOR_INVALID", [], False), bad


async def test_a_cursor_of_another_epoch_or_from_the_future_is_told_so(ada: Reader, container: Container) -> None:
    await some(ada)
    _, cursor = await pull_all(ada)
    for bad in (forged(cursor, epoch="other"), forged(cursor, seq=9_999), forged(cursor, base=9_999)):
        assert (await pull(ada, bad))["resync"] == "EPOCH_CHANGED"
    async with container.transaction() as services:
        await services.sync.new_epoch()
    assert (await pull(ada, cursor))["resync"] == "EPOCH_CHANGED"
    changes, fresh = await pull_all(ada)
    assert len(changes) == 7
    assert (await pull(ada, fresh))["resync"] is None


async def test_a_restored_database_begins_a_new_epoch_once(ada: Reader, container: Container) -> None:
    await some(ada)
    _, cursor = await pull_all(ada)
    before = await container.refresh_epoch()
    assert await container.refresh_epoch() == before
    await sql(container, "UPDATE sync_epoch SET fingerprint = 'where the backup was made'")
    found = await asyncio.gather(*(container.refresh_epoch() for _ in range(4)))
    assert len(set(found)) == 1
    assert found[0] != before
    assert (await pull(ada, cursor))["resync"] == "EPOCH_CHANGED"


@pytest.mark.parametrize("first", [0, -1, 501, 600])
async def test_a_strange_page_size_is_refused(ada: Reader, first: int) -> None:
    error = await ada.error(PULL, deviceId=ada.device_id, after=None, first=first)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "500" in error["message"]


async def test_null_is_the_default_page_size(ada: Reader) -> None:
    assert (await ada.run(PULL, deviceId=None, after=None, first=None))["highlightChanges"]["changes"] == []


async def test_others_and_strange_devices_are_refused_and_signed_out_nothing_is_told(
    ada: Reader, ben: Reader, nobody: Reader
) -> None:
    for device, code in ((ben.device_id, "NOT_FOUND"), (ada.id, "BAD_USER_INPUT"), ("x", "BAD_USER_INPUT")):
        assert (await ada.error(PULL, deviceId=device))["extensions"]["code"] == code
    assert (await nobody.error(PULL))["extensions"]["code"] == "UNAUTHENTICATED"


# --- what time takes away ---


async def age(container: Container, days: int) -> None:
    """Let deleted highlights grow old."""
    await sql(
        container,
        "UPDATE highlights SET deleted_at = deleted_at - make_interval(days => :days),"
        " restorable_until = restorable_until - make_interval(days => :days), seq = seq WHERE deleted_at IS NOT NULL",
        days=days,
    )


async def clean_up(container: Container) -> None:
    """Run the housekeeping until nothing is left."""
    for task in ("erase_deleted", "purge_tombstones"):
        for _ in range(20):
            async with container.transaction() as services:
                if await getattr(services.housekeeping, task)():
                    break


async def old(container: Container, days: int) -> None:
    """Let deleted highlights grow old, past the trigger that watches over edits."""
    await sql(container, "ALTER TABLE highlights DISABLE TRIGGER USER")
    await age(container, days)
    await sql(container, "ALTER TABLE highlights ENABLE TRIGGER USER")
    await clean_up(container)


async def test_erased_content_is_gone_and_its_id_still_told(ada: Reader, container: Container) -> None:
    uuids = await some(ada)
    _, cursor = await pull_all(ada)
    await old(container, 31)
    async with container.database.reading() as session:
        rows = await session.execute(text("SELECT text, note, erased_at FROM highlights WHERE deleted_at IS NOT NULL"))
        assert [(r.text, r.note, r.erased_at is not None) for r in rows] == [("", None, True)]
    assert (await pull(ada, cursor))["changes"] == []
    changes, _ = await pull_all(ada)
    assert [uuid_of(c) for c in changes if c["__typename"] == "HighlightRemoved"] == [uuids[2]]


async def test_a_cursor_older_than_a_forgotten_tombstone_is_too_old_and_a_newer_one_is_not(
    ada: Reader, container: Container
) -> None:
    uuids = await some(ada)
    before, _ = await pull_all(ada)
    earlier = forged(before[0]["cursor"], base=0)
    await pushed(ada, op({"delete": True}, uuids[0]))
    _, later = await pull_all(ada)
    await old(container, 181)
    assert (await pull(ada, earlier))["resync"] == "CURSOR_TOO_OLD"
    assert (await pull(ada, later))["resync"] is None
    assert set(state_of((await pull_all(ada))[0])) == set(uuids) - {uuids[0], uuids[2]}


async def test_a_first_sync_of_single_changes_ends_though_tombstones_are_forgotten_meanwhile(
    ada: Reader, container: Container
) -> None:
    uuids = await some(ada)
    await pushed(ada, *(op({"delete": True}, uuid) for uuid in uuids[4:]))
    page = await pull(ada, first=1)
    changes, pages = list(page["changes"]), 1
    while page["hasMore"]:
        if pages == 2:
            await old(container, 181)
        page = await pull(ada, page["cursor"], first=1)
        assert page["resync"] is None
        changes += page["changes"]
        pages += 1
    assert set(state_of(changes)) == {uuids[0], uuids[1], uuids[3]}
    assert (await pull(ada, page["cursor"]))["resync"] is None


async def test_a_removal_during_a_first_sync_is_not_lost_when_it_is_forgotten_before_the_sync_goes_on(
    ada: Reader, container: Container
) -> None:
    uuids = await some(ada)
    page = await pull(ada, first=2)
    assert uuids[0] in state_of(page["changes"])
    await pushed(ada, op({"delete": True}, uuids[0]))
    await old(container, 181)
    # What it already holds was deleted after it began, and the tombstone is gone: it has to be told.
    assert (await pull(ada, page["cursor"], first=2))["resync"] == "CURSOR_TOO_OLD"


# --- switches and progress ---


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


# --- commit order, under load ---


class OurCursor:
    """The reader's own sequence number."""

    loses = False

    def __init__(self, container: Container, reader: Reader) -> None:
        self._container, self._reader = container, reader
        self._after: str | None = None

    async def read(self) -> list[UUID]:
        async with self._container.snapshot() as services:
            page, _ = await services.pull.page(viewer_of(self._reader), None, self._after, 500)
        self._after = page.cursor
        return [change.row.id for change in page.changes]


class TimestampCursor:
    """Known to be bad: a row committed late has a time that the cursor has passed already."""

    loses = True

    def __init__(self, container: Container, reader: Reader) -> None:
        self._container, self._reader = container, reader
        self._after = datetime(2000, 1, 1, tzinfo=UTC)

    async def read(self) -> list[UUID]:
        statement = (
            "SELECT id, passage_at FROM highlights WHERE user_id = :me AND passage_at > :after ORDER BY passage_at"
        )
        async with self._container.database.reading() as session:
            values = {"me": viewer_of(self._reader).user_id, "after": self._after}
            rows = (await session.execute(text(statement), values)).all()
        if rows:
            self._after = rows[-1].passage_at
        return [row.id for row in rows]


@pytest.mark.parametrize("kind", [OurCursor, TimestampCursor])
async def test_a_reader_that_polls_while_sixteen_write_misses_nothing(
    ada: Reader, container: Container, kind: type[OurCursor] | type[TimestampCursor]
) -> None:
    reader, seen, written, dice = kind(container, ada), list[UUID](), list[UUID](), random.Random(7)  # noqa: S311
    book = BookRef(named=NamedBook("The Salt Almanac", ("Orla Finch",)))
    await pushed(ada, op(making()))
    seen += await reader.read()
    count = len(seen)

    async def write(hold: float) -> None:
        uuid = uuid7()
        draft = HighlightDraft(book, Passage(f"{uuid}", Anchor()))
        async with container.transaction() as services:
            at = clock.now()
            await asyncio.sleep(hold)  # the way to the lock takes a different time each time
            made = await services.highlights.create(viewer_of(ada), uuid, draft, None)
            assert made.highlight is not None
            made.highlight.passage_at = at
            await asyncio.sleep(hold / 4)
        written.append(uuid)

    async def writer() -> None:
        for _ in range(9):
            await write(dice.uniform(0, 0.02))

    work = asyncio.gather(*(writer() for _ in range(16)))
    while not work.done():
        seen += await reader.read()
        await asyncio.sleep(0.002)
    await work
    seen += await reader.read()
    seen += await reader.read()
    assert len(seen) == len(set(seen))
    lost = set(written) - set(seen)
    assert bool(lost) is kind.loses, f"{len(lost)} of {len(written)} lost"
    assert kind.loses or sorted(seen[count:]) == sorted(written)
