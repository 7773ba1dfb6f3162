"""Devices: known by id, renamed, switched, removed."""

import pytest

from runtime.container import Container
from tests.support.api import PASSWORD, Reader
from tests.support.rows import nothing_written, sql

DEVICE = "id name platform lastSeenAt syncedThrough pendingChangeCount syncHighlights syncNotes"
DEVICES = f"{{ viewer {{ devices {{ {DEVICE} }} }} }}"


async def sign_in(reader: Reader, **device: str) -> Reader:
    payload = await reader.mutate(
        "signIn", "token viewer { devices { id } }", login=reader.username, password=PASSWORD, device=device
    )
    assert not payload["userErrors"], payload
    return Reader(reader.http, payload["token"], reader.username, reader.id)


async def test_a_known_device_is_used_again_and_takes_its_new_name(ada: Reader) -> None:
    again = await sign_in(ada, name=" Ada's phone ", platform="ios", id=ada.device_id)
    devices = (await again.run(DEVICES))["viewer"]["devices"]
    assert [(d["id"], d["name"], d["platform"]) for d in devices] == [(ada.device_id, "Ada's phone", "ios")]
    assert devices[0]["lastSeenAt"] is not None
    assert devices[0]["syncHighlights"] is devices[0]["syncNotes"] is True


async def test_without_an_id_it_is_a_new_device(ada: Reader) -> None:
    again = await sign_in(ada, name="ada's reader", platform="test")
    devices = (await again.run(DEVICES))["viewer"]["devices"]
    assert [d["name"] for d in devices] == ["ada's reader", "ada's reader"]
    assert devices[0]["id"] == ada.device_id


async def test_the_id_of_somebody_elses_device_makes_a_new_one(ada: Reader, ben: Reader) -> None:
    again = await sign_in(ada, name="Borrowed", platform="test", id=ben.device_id)
    devices = (await again.run(DEVICES))["viewer"]["devices"]
    assert [d["name"] for d in devices] == ["ada's reader", "Borrowed"]
    assert ben.device_id not in {d["id"] for d in devices}
    assert [d["name"] for d in (await ben.run(DEVICES))["viewer"]["devices"]] == ["ben's reader"]


async def test_a_device_is_renamed_and_what_is_left_out_or_null_stays(ada: Reader) -> None:
    renamed = await ada.mutate("updateDevice", f"device {{ {DEVICE} }}", id=ada.device_id, name="  Shelf  ")
    assert renamed["device"]["name"] == "Shelf"
    switched = await ada.mutate(
        "updateDevice", f"device {{ {DEVICE} }}", id=ada.device_id, name=None, syncNotes=False, syncHighlights=None
    )
    device = switched["device"]
    assert (device["name"], device["syncNotes"], device["syncHighlights"]) == ("Shelf", False, True)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
async def test_a_bad_name_is_refused(ada: Reader, container: Container, name: str) -> None:
    async with nothing_written(container):
        payload = await ada.mutate("updateDevice", "device { id }", id=ada.device_id, name=name, syncNotes=False)
    assert payload["device"] is None
    assert payload["userErrors"] == [
        {"field": ["input", "name"], "message": "A device's name has 1 to 100 characters", "code": "INVALID"}
    ]


async def test_a_name_of_a_hundred_four_byte_characters_is_taken(ada: Reader) -> None:
    payload = await ada.mutate("updateDevice", "device { name }", id=ada.device_id, name="🐚" * 100)
    assert payload["device"]["name"] == "🐚" * 100


async def test_a_removed_device_takes_its_sessions_and_sockets_with_it(ada: Reader, container: Container) -> None:
    tablet = await sign_in(ada, name="Tablet", platform="test")
    tablet_id = (await ada.run(DEVICES))["viewer"]["devices"][1]["id"]
    async with tablet.socket() as socket:
        await socket.acknowledged()
        payload = await ada.mutate("removeDevice", "removedDeviceId device { id }", id=tablet_id)
        assert payload == {"removedDeviceId": tablet_id, "device": None, "userErrors": []}
        assert (await tablet.error("{ viewer { email } }"))["extensions"]["code"] == "UNAUTHENTICATED"
        assert await socket.closed() == 4403
    assert len((await ada.run(DEVICES))["viewer"]["devices"]) == 1
    assert (await ada.run("query($id: ID!) { node(id: $id) { id } }", id=tablet_id))["node"] is None
    assert (await sql(container, "SELECT count(*) FROM sessions"))[0][0] == 1


async def test_removing_the_device_one_uses_signs_out(ada: Reader) -> None:
    payload = await ada.mutate("removeDevice", "removedDeviceId", id=ada.device_id)
    assert payload["removedDeviceId"] == ada.device_id
    assert (await ada.error("{ viewer { email } }"))["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("mutation", ["updateDevice", "removeDevice"])
async def test_somebody_elses_device_is_not_found(
    ada: Reader, ben: Reader, container: Container, mutation: str
) -> None:
    async with nothing_written(container):
        payload = await ada.mutate(mutation, "device { id } removedDeviceId", id=ben.device_id)
    assert payload["device"] is payload["removedDeviceId"] is None
    assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(["input", "id"], "NOT_FOUND")]
    assert (await ada.run("query($id: ID!) { node(id: $id) { id } }", id=ben.device_id))["node"] is None
