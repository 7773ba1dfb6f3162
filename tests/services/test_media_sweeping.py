"""What nothing uses goes after a day, and files that are nobody's go soon; what is used stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import TestClient

from core.errors import Unavailable
from core.ids import read_id
from runtime.container import Container
from tests.support.api import PASSWORD, Reader, sign_up
from tests.support.rows import contents, nothing_written, sql
from tests.support.uploads import announce, files_of, picture, stored_keys, upload
from workers.main import HANDLERS
from workers.recurring import RECURRING


async def age(container: Container, **by: int) -> None:
    """Make everything older."""
    for table in ("media", "stored_files"):
        statement = f"UPDATE {table} SET created_at = created_at - make_interval(hours => :hours, mins => :mins)"  # noqa: S608
        await sql(container, statement, hours=by.get("hours", 0), mins=by.get("mins", 0))


async def sweep(container: Container) -> None:
    """Run both sweeps to their ends."""
    for kind in ("sweep_uploads", "sweep_files"):
        for _ in range(20):
            async with container.transaction() as services:
                if await HANDLERS[kind](services, None):  # type: ignore[arg-type]
                    break
        else:
            raise AssertionError("it never ends")


async def avatar(reader: Reader) -> None:
    media_id = await upload(reader, picture(), "image/png", "AVATAR")
    payload = await reader.mutate("updateProfile", "user { avatarUrl }", avatarMediaId=media_id)
    assert payload["user"]["avatarUrl"]


async def media_of(container: Container) -> set[UUID]:
    return {row.id for row in await sql(container, "SELECT id FROM media")}


def test_the_sweeps_come_again_and_again() -> None:
    assert (RECURRING["sweep_uploads"], RECURRING["sweep_files"]) == (timedelta(hours=1), timedelta(minutes=10))


async def test_uploads_that_nothing_uses_go_after_a_day_with_their_files(ada: Reader, container: Container) -> None:
    await avatar(ada)
    used = files_of(container)
    await upload(ada, b"words")
    await announce(ada, 5)
    await age(container, hours=23)
    async with nothing_written(container):
        await sweep(container)
    await age(container, hours=2)
    await sweep(container)
    assert len(await media_of(container)) == 1
    assert files_of(container) == used
    async with nothing_written(container):
        await sweep(container)
    assert not (await announce(ada, 5))["userErrors"]


async def test_the_file_of_an_import_goes_when_it_is_released_or_after_a_week(
    ada: Reader, container: Container
) -> None:
    kept, released = [read_id(await upload(ada, b"words"), "Media") for _ in range(2)]
    await sql(container, "UPDATE media SET attached_at = now()")
    async with container.transaction() as services:
        await services.media.release(released)
    await age(container, hours=48)
    await sweep(container)
    assert await media_of(container) == {kept}
    assert len(files_of(container)) == 1
    await age(container, hours=24 * 6)
    await sweep(container)
    assert (await media_of(container), files_of(container)) == (set(), set())


async def test_a_replaced_avatars_file_goes_and_one_that_is_being_written_does_not(
    ada: Reader, container: Container
) -> None:
    await avatar(ada)
    await avatar(ada)
    await sweep(container)
    assert len(files_of(container)) == 2  # so young that it could still be on its way
    await age(container, mins=16)
    await sweep(container)
    assert {name.removeprefix("media/")[:6] for name in files_of(container)} == {"images"}
    assert len(files_of(container)) == len(await stored_keys(container)) == 1


async def test_an_account_that_is_deleted_takes_its_files_along_and_no_others(
    http: "TestClient[Any, Any]", ada: Reader, container: Container
) -> None:
    carla = await sign_up(http, "carla")
    await avatar(carla)
    hers = files_of(container)
    await avatar(ada)
    await upload(ada, b"words")
    assert (await ada.mutate("deleteAccount", "deletedUserId", password=PASSWORD))["deletedUserId"] == ada.id
    await age(container, mins=16)
    await sweep(container)
    assert files_of(container) == hers
    assert len(await stored_keys(container)) == 1


async def test_more_strays_than_a_slice_go_in_several_steps(ada: Reader, container: Container) -> None:
    await upload(ada, b"words")
    (key,) = await stored_keys(container)
    for number in range(45):
        await sql(container, "INSERT INTO stored_files (key) VALUES (:key)", key=f"images/{number:032}.webp")
    await age(container, mins=16)
    await sweep(container)
    assert await stored_keys(container) == {key}


async def test_while_the_storage_is_away_nothing_is_forgotten(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload(ada, b"words")
    await sql(container, "DELETE FROM media")
    await age(container, mins=16)

    async def away(_: str) -> None:
        raise Unavailable("The file storage does not answer.")

    before = await contents(container)
    with monkeypatch.context() as patched:
        patched.setattr(container.storage, "delete", away)
        with pytest.raises(Unavailable):
            await sweep(container)
    assert await contents(container) == before
    await sweep(container)
    assert (await stored_keys(container), files_of(container)) == (set(), set())


async def test_a_process_that_dies_between_storing_and_writing_it_down_leaves_nothing_for_ever(
    ada: Reader, container: Container
) -> None:
    made = await announce(ada, 5)
    media_id = read_id(made["mediaId"], "Media")
    await sql(
        container,
        "INSERT INTO stored_files (key, media_id) VALUES (:key, :media_id)",
        key="imports/" + "a" * 32,
        media_id=media_id,
    )
    await age(container, hours=25)
    await sweep(container)
    assert (await media_of(container), await stored_keys(container)) == (set(), set())
