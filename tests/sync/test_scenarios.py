"""What the machine has found, and what other readers' apps got wrong, step by step."""

import random
from datetime import timedelta

from tests.support.sync_phone import Phone
from tests.support.sync_server import device_id, place
from tests.support.sync_world import World

MINUTE = timedelta(minutes=1)


async def test_an_edit_after_undoing_a_delete_knows_what_it_was_made_on(world: World) -> None:
    phone, tablet, _ = world.phones
    await world.begin_with_some(phone, 1)
    await world.pass_time(MINUTE)
    world.edit(tablet, 0, "n")
    await tablet.sync()
    await phone.sync()
    world.delete(phone, 0)
    await phone.sync()
    world.restore(phone, 0)
    # At the very moment of the other's edit, by a clock that is set back: only having seen it tells that this one is later.
    phone.server.now -= MINUTE
    world.edit(phone, 0, "n")
    phone.server.now += MINUTE
    await phone.push()
    assert world.oracle.acked[-1].outcome == "APPLIED"
    await world.settle()


async def test_the_count_of_what_waits_for_a_device_is_right_after_each_step(world: World) -> None:
    dice = random.Random(11)  # noqa: S311
    deck = [
        "create",
        "edit",
        "delete",
        "restore",
        "push, taken",
        "pull, taken",
        "pull, answer lost",
        "hear",
        "web edit",
    ]
    await world.begin_with_some(world.phones[0], 3)
    await world.web.look()
    for _ in range(40):
        phone = dice.choice(world.phones)
        await world.act(dice.choice(deck), phone, dice.randrange(8), "n")
        await world.server.progress()
        data = await world.server.ask(phone.viewer, "{ viewer { devices { id pendingChangeCount } } }")
        told = {device["id"]: device["pendingChangeCount"] for device in data["viewer"]["devices"]}
        for each in world.phones:
            # What it was sent last, or what it holds if its cursor is behind that: an answer may have been lost.
            sent = await world.server.sent_to(each.viewer)
            waiting = [entry for entry in world.oracle.model.entries.values() if entry.seq > sent]
            assert told[device_id(each.viewer)] == len(waiting)
            assert sent >= place(each.engine.position.cursor)
    for each in world.phones:
        await each.sync()
    await world.settle()
    await world.server.progress()
    data = await world.server.ask(world.phones[0].viewer, "{ viewer { devices { pendingChangeCount } } }")
    assert [device["pendingChangeCount"] for device in data["viewer"]["devices"]] == [0, 0, 0]


async def test_an_outcome_is_told_again_the_same_after_everything_else_has_changed(world: World) -> None:
    phone, tablet, _ = world.phones
    await world.begin_with_some(phone, 1)
    world.edit_apart(phone, 0, "n")
    await tablet.sync()
    sent = phone.send()
    assert sent is not None
    first = await phone.arrive(sent)
    assert [result["outcome"] for result in first["results"]] == ["FORKED"]
    for _ in range(3):
        world.edit(tablet, 0, "p n cPINK")
        await tablet.sync()
        world.delete(tablet, 1)
        await tablet.sync()
        again = await phone.arrive(sent)  # the oracle compares outcome, fork and code with the first
        assert [(r["outcome"], r["replayed"]) for r in again["results"]] == [("FORKED", True)]
    await world.settle()


async def test_an_operation_that_is_refused_does_not_hold_up_what_waits_behind_it(world: World) -> None:
    phone, tablet, _ = world.phones
    await world.begin_with_some(phone, 2)
    world.delete(tablet, 0)
    await tablet.sync()
    await world.pass_time(timedelta(days=31))
    world.edit(phone, 0, "n")  # of what is erased, without the passage: it cannot be kept there
    world.edit(phone, 1, "n")
    world.create(phone, "n")
    await phone.sync()
    assert [acked.outcome for acked in world.oracle.acked[-3:]] == ["REJECTED", "APPLIED", "APPLIED"]
    (told,) = phone.store.outcomes("REJECTED")
    assert told.error
    assert told.error["code"] == "GONE"
    assert told.change["edit"]["note"]
    await world.settle()


async def made_and_deleted_after_the_backup(world: World) -> tuple[Phone, Phone]:
    """The phone knows of the delete, the tablet does not, and the restored server has heard of neither."""
    phone, tablet, kindle = world.phones
    await world.begin_with_some(phone, 1)
    await world.make_backup()
    world.create(phone, "n")
    for each in (phone, tablet, kindle):
        await each.sync()
    await world.pass_time(MINUTE)
    world.delete(phone, 1)
    await phone.sync()
    await kindle.sync()
    await world.restore_backup()
    return phone, tablet


async def test_a_delete_that_the_backup_forgot_is_done_again_by_whoever_knows_of_it(world: World) -> None:
    phone, tablet = await made_and_deleted_after_the_backup(world)
    await tablet.sync()
    assert len(tablet.holds) == 2
    await phone.sync()
    await world.settle()
    assert [len(each.holds) for each in world.phones] == [1, 1, 1]


async def test_a_highlight_offered_after_its_delete_was_lives_again_and_everybody_has_it(world: World) -> None:
    """The price of keeping what only devices hold: a server that knows neither takes the delete as of nothing."""
    phone, tablet = await made_and_deleted_after_the_backup(world)
    for each in (phone, world.phones[2], tablet):
        await each.sync()
    await world.settle()
    assert [len(each.holds) for each in world.phones] == [2, 2, 2]
