"""Pulls go on from any cursor without a gap, and answer explicitly where a cursor is no good, forged or too old."""

import asyncio

import pytest
from sqlalchemy import text

from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import sql
from tests.support.sync import (
    PULL,
    editing,
    forged,
    making,
    op,
    pull,
    pull_all,
    pushed,
    sign_in,
    some,
    state_of,
    uuid_of,
)

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
