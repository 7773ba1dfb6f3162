"""Deleted highlights that come back: the four ways it happened to readers of Readest, each by its issue's number.

https://github.com/readest/readest/issues
"""

from datetime import timedelta

from tests.support.sync_phone import Phone
from tests.support.sync_world import World

MINUTE = timedelta(minutes=1)


async def begun(world: World) -> tuple[Phone, Phone, Phone, str]:
    """One highlight on three devices."""
    phone, tablet, kindle = world.phones
    await world.begin_with_some(phone, 1)
    await world.pass_time(MINUTE)
    (uuid,) = phone.holds
    return phone, tablet, kindle, uuid


async def test_3738_what_was_deleted_offline_does_not_reappear_when_the_account_syncs(world: World) -> None:
    """The live copy on the server was pulled over the local delete."""
    phone, tablet, _, uuid = await begun(world)
    world.delete(phone, 0)
    await world.pass_time(MINUTE)
    world.edit(tablet, 0, "n")
    await tablet.sync()
    await phone.pull(500)  # the live copy, edited since, before the delete is sent
    assert uuid not in phone.holds
    await phone.crash()
    assert uuid not in phone.holds
    await phone.sync()
    await world.settle()
    assert [each.holds for each in world.phones] == [{}, {}, {}]


async def test_4119_a_device_that_is_told_of_a_delete_does_not_upload_its_copy_again(world: World) -> None:
    """The tombstone was skipped, the local copy stayed, and the next full sync sent it as new."""
    phone, tablet, kindle, uuid = await begun(world)
    world.delete(phone, 0)
    await phone.sync()
    await tablet.sync()
    assert uuid not in tablet.holds
    # Everything is offered anew: by the tablet, which was told, and by the kindle, which was not.
    for each in (tablet, kindle):
        each.engine.take_resync("EPOCH_CHANGED")
        await each.sync()
        assert uuid not in each.holds
    await world.settle()
    assert [each.holds for each in world.phones] == [{}, {}, {}]


async def test_4119_nor_does_a_device_that_comes_back_after_the_tombstone_is_forgotten(world: World) -> None:
    phone, tablet, kindle, uuid = await begun(world)
    world.delete(phone, 0)
    await phone.sync()
    for days in (31, 181):
        await world.pass_time(timedelta(days=days))
    assert await world.server.rows() == []
    assert uuid in tablet.holds
    await tablet.sync()
    await kindle.hear()
    await kindle.sync()
    assert (tablet.holds, kindle.holds) == ({}, {})
    await world.settle()


async def test_5818_a_tombstone_is_told_though_another_copy_was_changed_later(world: World) -> None:
    """The pull kept the row with the latest change of its words, and dropped the tombstone; open views did not hear of it."""
    phone, tablet, kindle, uuid = await begun(world)
    await kindle.hear()
    world.edit(tablet, 0, "n")
    world.delete(phone, 0)
    await phone.sync()
    assert await kindle.hear() == 1
    assert uuid not in kindle.holds
    await world.pass_time(MINUTE)
    world.edit(tablet, 0, "n cPINK")
    await tablet.sync()  # later words, to what is deleted
    assert uuid not in tablet.holds
    await kindle.hear()
    assert uuid not in kindle.holds
    page = (await kindle.pulled(500))[1]
    assert [change["__typename"] for change in page["changes"]] in ([], ["HighlightRemoved"])
    await world.settle()
    # The words are not lost: they can be brought back, on the device that wrote them.
    assert world.restore(tablet, 0)
    await world.settle()
    assert [each.holds[uuid]["color"] for each in world.phones] == ["PINK"] * 3


async def test_6159_the_next_pull_after_a_delete_creates_nothing(world: World) -> None:
    """The delete was never sent, so that the next pull brought the highlight back."""
    phone, tablet, _, uuid = await begun(world)
    world.delete(phone, 0)
    await world.push(phone, "request lost")
    await phone.crash()
    await world.push(phone, "answer lost")
    await phone.crash()
    for first in (1, 500):
        await phone.sync(first)
        assert uuid not in phone.holds
    await tablet.sync()
    assert uuid not in tablet.holds
    for each in (phone, tablet):  # a full pull from nothing
        each.engine.take_resync("CURSOR_INVALID")
        await each.sync()
        assert uuid not in each.holds
    await world.settle()
    assert [each.holds for each in world.phones] == [{}, {}, {}]
