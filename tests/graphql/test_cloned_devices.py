"""A phone restored from another's backup is the same device to the server, until one of the two is noticed and leaves."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql
from tests.support.sync import ago, editing, making, op, pull, pull_all, push, pushed, sign_in, state_of

DEVICE = "id name platform syncHighlights syncNotes syncedThrough pendingChangeCount"
SEPARATED = f"token session {{ id current device {{ id }} }} device {{ {DEVICE} }}"
CONFLICT = [(["input", "previousOpId"], "CONFLICT")]


@dataclass
class Phone:
    """A device that tells the last operation it knows the outcome of."""

    reader: Reader
    told: str

    async def push(self, *ops: dict[str, Any]) -> Any:
        """Send work; hear the answer."""
        payload = await push(self.reader, *ops, previousOpId=self.told)
        if payload["results"]:
            self.told = payload["results"][-1]["opId"]
        return payload

    def copied(self) -> "Phone":
        """Be restored from a backup elsewhere: same device, same session, same knowledge."""
        return Phone(Reader(self.reader.http, self.reader.token, "", "", self.reader.device_id), self.told)

    async def leave(self, **more: Any) -> Any:
        """Become a device of its own."""
        payload = await self.reader.mutate("separateDevice", SEPARATED, deviceId=self.reader.device_id, **more)
        if payload["device"]:
            self.reader.token, self.reader.device_id = payload["token"], payload["device"]["id"]
        return payload


@pytest.fixture
def phone(ada: Reader) -> Phone:
    """Ada's phone, before its first work."""
    return Phone(ada, str(uuid4()))


def codes(payload: Any) -> list[Any]:
    return [(error["field"], error["code"]) for error in payload["userErrors"]]


@pytest.mark.parametrize("first", ["original", "copy"])
@pytest.mark.parametrize("worked_before", [True, False])
async def test_whichever_of_two_copies_pushes_second_is_refused_whole_and_told_what_to_do(
    phone: Phone, container: Container, first: str, worked_before: bool
) -> None:
    if worked_before:
        assert not (await phone.push(op(making("Before."))))["userErrors"]
    copy = phone.copied()
    one, two = (phone, copy) if first == "original" else (copy, phone)
    assert [r["outcome"] for r in (await one.push(op(making("Mine."))))["results"]] == ["APPLIED"]
    async with nothing_written(container, but=("devices",)):
        payload = await two.push(op(making("Also mine.")), op(making("And this.")))
        assert codes(payload) == CONFLICT
        assert "separateDevice" in payload["userErrors"][0]["message"]
        assert (payload["results"], payload["changes"]) == ([], None)
    assert [r["outcome"] for r in (await one.push(op(making("More."))))["results"]] == ["APPLIED"]


async def test_a_copy_becomes_a_device_of_its_own_and_loses_nothing(phone: Phone) -> None:
    copy = phone.copied()
    await phone.push(op(making("On the one.")))
    work = [op(making("On the other.")), op(making("And more."))]
    assert codes(await copy.push(*work)) == CONFLICT
    payload = await copy.leave()
    assert not payload["userErrors"]
    assert payload["device"]["name"] == "ada's reader (2)"
    assert payload["device"]["platform"] == "test"
    assert payload["device"]["id"] != phone.reader.device_id
    assert payload["session"]["current"] is False
    assert payload["session"]["device"]["id"] == payload["device"]["id"]
    assert [r["outcome"] for r in (await copy.push(*work))["results"]] == ["APPLIED", "APPLIED"]
    assert [r["outcome"] for r in (await phone.push(op(making("Still here."))))["results"]] == ["APPLIED"]
    assert [r["outcome"] for r in (await copy.push(op(making("Here too."))))["results"]] == ["APPLIED"]
    held = state_of((await pull_all(phone.reader))[0])
    assert {h["text"] for h in held.values()} == {
        "On the one.",
        "On the other.",
        "And more.",
        "Still here.",
        "Here too.",
    }
    assert held == state_of((await pull_all(copy.reader))[0])


@pytest.mark.parametrize("leaver", ["original", "copy"])
async def test_work_queued_before_the_copying_is_done_once_and_both_go_on(phone: Phone, leaver: str) -> None:
    await phone.push(op(making("Before.")))
    queued = [op(making("Queued.")), op(making("Queued too."))]
    copy = phone.copied()
    goes, stays = (phone, copy) if leaver == "original" else (copy, phone)
    assert not (await stays.push(*queued, op(making("Stays."))))["userErrors"]
    assert codes(await goes.push(*queued, op(making("Goes.")))) == CONFLICT
    await goes.leave()
    again = await goes.push(*queued)
    assert [r["replayed"] for r in again["results"]] == [True, True]
    assert [r["outcome"] for r in (await goes.push(op(making("Goes."))))["results"]] == ["APPLIED"]
    assert not (await stays.push(op(making("Stays on."))))["userErrors"]
    texts = [h["text"] for h in state_of((await pull_all(stays.reader))[0]).values()]
    assert sorted(texts) == ["Before.", "Goes.", "Queued too.", "Queued.", "Stays on.", "Stays."]


async def test_the_original_is_no_copy_when_the_one_that_left_did_their_common_work(phone: Phone) -> None:
    await phone.push(op(making("Before.")))
    queued = op(making("Queued."))
    copy = phone.copied()
    await copy.leave()
    assert [r["replayed"] for r in (await copy.push(queued, op(making("Away."))))["results"]] == [False, False]
    assert [r["replayed"] for r in (await phone.push(queued))["results"]] == [True]
    assert not (await phone.push(op(making("At home."))))["userErrors"]


async def test_edits_of_two_copies_no_longer_count_as_one_devices(phone: Phone) -> None:
    uuid = str(uuid4())
    made = await phone.push(op(making(), uuid))
    based_on = made["results"][0]["highlight"]["version"]
    copy = phone.copied()
    late = op(editing(note="edited later"), uuid, based_on=based_on)
    await phone.push(late)
    early = op(editing(note="edited earlier"), uuid, based_on=based_on, done_at=ago(hours=1))
    assert codes(await copy.push(early)) == CONFLICT
    await copy.leave()
    (result,) = (await copy.push(early))["results"]
    assert (result["outcome"], result["highlight"]["note"]) == ("SUPERSEDED", "edited later")


async def test_repeats_of_an_old_batch_answer_as_the_first_time_however_late(phone: Phone) -> None:
    before = phone.told
    old = [op(making("One.")), op(making("Two."))]
    first = await phone.push(*old)
    await phone.push(op(making("Three.")))
    for repeated in (old, old[:1], old[1:]):
        again = await push(phone.reader, *repeated, previousOpId=before)
        assert not again["userErrors"]
        assert {r["replayed"] for r in again["results"]} == {True}
        assert {r["opId"] for r in again["results"]} <= {r["opId"] for r in first["results"]}
    assert not (await phone.push(op(making("Four."))))["userErrors"]


async def test_a_lost_answer_is_no_copy(phone: Phone) -> None:
    lost, more = op(making("Lost answer.")), op(making("More."))
    await push(phone.reader, lost, previousOpId=phone.told)
    payload = await phone.push(lost, more)
    assert [r["replayed"] for r in payload["results"]] == [True, False]


async def test_a_refused_operation_is_a_link_of_the_chain_too(phone: Phone) -> None:
    payload = await phone.push(op(editing(note="of nothing")))
    assert payload["results"][0]["outcome"] == "REJECTED"
    assert not (await phone.push(op(making("Goes on."))))["userErrors"]


async def test_nothing_is_checked_for_a_device_that_tells_no_previous_operation(phone: Phone) -> None:
    await phone.push(op(making("With.")))
    assert [r["outcome"] for r in await pushed(phone.reader, op(making("Without.")))] == ["APPLIED"]
    assert codes(await phone.push(op(making("With again.")))) == CONFLICT


async def test_a_new_epoch_makes_no_false_copy(phone: Phone, container: Container) -> None:
    await phone.push(op(making("Before.")))
    known_later = str(uuid4())  # done after the backup that was restored
    async with container.transaction() as services:
        await services.sync.new_epoch()
    phone.told = known_later
    assert not (await phone.push(op(making("After."))))["userErrors"]
    assert not (await phone.push(op(making("And on."))))["userErrors"]


async def test_a_database_found_to_be_another_forgets_the_chains_too(phone: Phone, container: Container) -> None:
    await phone.push(op(making("Before.")))
    await sql(container, "UPDATE sync_epoch SET fingerprint = 'elsewhere'")
    await container.refresh_epoch()
    assert (await sql(container, "SELECT pushed_op_id FROM devices"))[0][0] is None
    phone.told = str(uuid4())
    assert not (await phone.push(op(making("After."))))["userErrors"]


async def test_a_stale_cursor_is_told_before_a_copy(phone: Phone, container: Container) -> None:
    await phone.push(op(making("Before.")))
    cursor = (await pull(phone.reader))["cursor"]
    async with container.transaction() as services:
        await services.sync.new_epoch()
    payload = await push(phone.reader, op(making("After.")), previousOpId=str(uuid4()), after=cursor)
    assert codes(payload) == [(["input", "after"], "STALE_VERSION")]
    assert payload["changes"]["resync"] == "EPOCH_CHANGED"


async def test_the_new_device_has_the_switches_and_the_place_of_the_old(phone: Phone, container: Container) -> None:
    await phone.push(op(making("One.")), op(making("Two.")))
    await pull(phone.reader)
    await phone.reader.mutate("updateDevice", "device { id }", id=phone.reader.device_id, syncNotes=False)
    tablet = await sign_in(phone.reader, "Tablet")
    places = "SELECT synced_seq, synced_at, must_resync, sync_notes, platform FROM devices WHERE id = :id"
    await sql(container, "UPDATE devices SET synced_seq = 1, must_resync = true WHERE name = 'ada''s reader'")
    copy = phone.copied()
    payload = await copy.leave(name="  Ada's other phone ")
    device = payload["device"]
    assert (device["name"], device["syncNotes"], device["pendingChangeCount"]) == ("Ada's other phone", False, 1)
    rows = await sql(container, "SELECT id FROM devices WHERE name LIKE 'ada%' OR name LIKE 'Ada%' ORDER BY id")
    old, new = [(await sql(container, places, id=row[0]))[0] for row in rows]
    assert tuple(old) == tuple(new)
    assert tablet.device_id not in {device["id"], phone.reader.device_id}


async def test_names_of_copies_count_on_and_stay_short_enough(phone: Phone) -> None:
    await phone.reader.mutate("updateDevice", "device { id }", id=phone.reader.device_id, name="x" * 100)
    names = [(await phone.copied().leave())["device"]["name"] for _ in range(2)]
    assert names == ["x" * 96 + " (2)", "x" * 96 + " (3)"]


@pytest.mark.parametrize("name", ["", " ", "x" * 101])
async def test_a_bad_name_makes_no_device(phone: Phone, container: Container, name: str) -> None:
    async with nothing_written(container):
        payload = await phone.leave(name=name)
    assert payload["token"] is payload["session"] is payload["device"] is None
    assert codes(payload) == [(["input", "name"], "INVALID")]


async def test_only_a_session_of_that_device_leaves_it(ada: Reader, ben: Reader, container: Container) -> None:
    tablet = await sign_in(ada, "Tablet")
    bare = await ada.mutate("signIn", "token", login="ada", password="correct horse battery")
    without_device = Reader(ada.http, bare["token"], "ada", ada.id)
    async with nothing_written(container):
        for who, device, code in (
            (ada, tablet.device_id, "FORBIDDEN"),
            (without_device, ada.device_id, "FORBIDDEN"),
            (ada, ben.device_id, "NOT_FOUND"),
            (ada, str(UUID(int=0)), "INVALID"),
            (Reader(ada.http), ada.device_id, "UNAUTHENTICATED"),
        ):
            payload = await who.mutate("separateDevice", "token device { id }", deviceId=device)
            assert payload["token"] is payload["device"] is None
            assert [error["code"] for error in payload["userErrors"]] == [code]


async def test_both_sessions_live_on_and_end_apart(phone: Phone) -> None:
    copy = phone.copied()
    await copy.leave()
    await copy.reader.mutate("removeDevice", "removedDeviceId", id=copy.reader.device_id)
    assert (await copy.reader.error("{ viewer { email } }"))["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await phone.reader.run("{ viewer { email } }"))["viewer"]


async def test_a_hundred_devices_are_enough(phone: Phone, container: Container) -> None:
    await sql(
        container,
        "INSERT INTO devices (id, user_id, name, platform) "
        "SELECT gen_random_uuid(), (SELECT id FROM users WHERE username = 'ada'), 'd' || n, 'test' FROM generate_series(1, 99) n",
    )
    async with nothing_written(container):
        payload = await phone.leave()
    assert codes(payload) == [(["input", "deviceId"], "LIMIT_EXCEEDED")]


async def test_a_draft_brings_its_time_of_making_but_never_one_to_come(ada: Reader) -> None:
    made = ago(days=400)
    old, future = uuid4(), uuid4()
    await pushed(
        ada,
        op(making("Long ago.", createdAt=made.isoformat()), old),
        op(making("Not yet.", createdAt=ago(days=-30).isoformat()), future),
    )
    await pushed(ada, op(making("Long ago.", createdAt=ago(days=3).isoformat(), note="n"), old))
    nodes = (await ada.run("{ viewer { highlights { nodes { uuid note createdAt } } } }"))["viewer"]["highlights"][
        "nodes"
    ]
    found = {node["uuid"]: node for node in nodes}
    assert found[str(old)]["createdAt"] == made.isoformat().replace("+00:00", "Z")
    assert found[str(old)]["note"] == "n"
    assert found[str(future)]["createdAt"] < ago(days=-1).isoformat()
