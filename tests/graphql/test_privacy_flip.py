"""What is closed is closed at once: every path again right after the change, and on sockets that were open before it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import false

from repositories import visibility
from runtime.container import Container
from tests.graphql.test_visibility_matrix import watched, world
from tests.support.api import Reader
from tests.support.matrix_oracle import House
from tests.support.matrix_watch import Http, canaries_in
from tests.support.matrix_world import World
from tests.support.rows import sql
from tests.support.seeding import Seeder

__all__ = ["world"]
Flip = Callable[[World, Container, Http], Awaitable[None]]


async def goes_private(world: World, container: Container, http: Http) -> None:
    """Close a public account, over the API."""
    del container
    owner = world.people["open_on"]
    answer = await Reader(http, owner.token).mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    assert answer == {"privacy": {"isPrivate": True}, "userErrors": []}
    owner.private = True


async def hides_from_followers(world: World, container: Container, http: Http) -> None:
    """Stop showing highlights to followers, over the API."""
    del container
    owner = world.people["open_on"]
    choice = {"isPrivate": True, "showHighlightsToFollowers": False}
    assert not (await Reader(http, owner.token).mutate("updatePrivacy", "privacy { isPrivate }", **choice))[
        "userErrors"
    ]
    owner.private, owner.shows = True, False


async def loses_its_followers(world: World, container: Container, http: Http) -> None:
    """Take the follows of an account away, counts included."""
    del http
    owner = world.people["open_on"]
    for pair in sorted(pair for pair in world.follows if pair[1] == owner.name):
        follower = world.people[pair[0]]
        keys = {"a": follower.key, "b": owner.key}
        await sql(container, "DELETE FROM follows WHERE follower_id = :a AND followed_id = :b", **keys)
        await sql(container, "UPDATE users SET following_count = following_count - 1 WHERE id = :a", a=follower.key)
        await sql(container, "UPDATE users SET follower_count = follower_count - 1 WHERE id = :b", b=owner.key)
        world.follows.discard(pair)


async def blocks_everybody(world: World, container: Container, http: Http) -> None:
    """Let an account block the viewers of this test."""
    del http
    async with container.database.writing() as session:
        for name in ("stranger", "mutual"):
            await Seeder(session).block(world.people["open_on"].key, world.people[name].key)
            world.blocks.add(("open_on", name))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("flip", "viewer"),
    [
        (goes_private, "stranger"),
        (hides_from_followers, "mutual"),
        (loses_its_followers, "mutual"),
        (blocks_everybody, "mutual"),
    ],
)
async def test_every_path_obeys_a_change_at_once(
    world: World, container: Container, http: Http, flip: Flip, viewer: str
) -> None:
    before = (await watched(world, http, viewer)).seen
    await flip(world, container, http)
    after = (await watched(world, http, viewer)).seen
    assert before - after, "the change must take something away"


async def test_an_open_socket_obeys_a_change_at_once(world: World, container: Container, http: Http) -> None:
    owner, viewer = world.people["open_on"], world.people["stranger"]
    public = next(
        mark for mark in world.marks if mark.owner is owner and mark.copy_of and House(world, "stranger").reads(mark)
    )
    query = (
        f'{{ node(id: "{public.gid}") {{ ... on Highlight {{ text owner {{ bio highlights {{ totalCount }} }} }} }} }}'
    )
    async with Reader(http, viewer.token).socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(query)
        seen = (await socket.next())["node"]
        assert seen["text"] == public.texts["text"]
        assert seen["owner"]["bio"] == owner.texts["bio"]
        await goes_private(world, container, http)
        await socket.subscribe(query)
        complete = await socket.ws.receive_json(timeout=5)
        assert complete["type"] == "complete"
        raw = (await socket.ws.receive(timeout=5)).data.encode()
        assert not canaries_in(raw), raw
        assert b'"node":null' in raw.replace(b" ", b"")


async def test_a_block_in_the_middle_of_an_answer_is_a_refusal_and_no_fault(
    world: World, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = next(mark for mark in world.marks if House(world, "stranger").reads(mark))
    monkeypatch.setattr(visibility, "users", lambda _: false())
    answer = await Reader(http, world.people["stranger"].token).post(
        f'{{ highlight(id: "{mark.gid}") {{ text owner {{ displayName }} }} }}'
    )
    assert answer["data"] == {"highlight": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]


async def test_an_ended_session_closes_its_socket_and_is_told_nothing_more(
    world: World, container: Container, http: Http
) -> None:
    owner = world.people["closed_on"]
    device = next(device for device in world.devices if device.owner is owner)
    other = await _second_session(container, world)
    live = f'subscription {{ highlightChanges(deviceId: "{device.gid}") {{ __typename }} }}'
    async with Reader(http, other).socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(live)
        while (await socket.next())["highlightChanges"]["__typename"] != "SyncCaughtUp":
            pass
        await sql(container, "DELETE FROM sessions WHERE user_id = :id", id=owner.key)
        async with asyncio.timeout(8):
            assert await socket.closed(patience=8) == 4403


async def _second_session(container: Container, world: World) -> str:
    async with container.database.writing() as session:
        return (await Seeder(session).session(world.people["closed_on"].key))[1]
