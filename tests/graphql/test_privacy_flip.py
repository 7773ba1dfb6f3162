"""What is closed is closed at once: every path again right after the change, and on sockets that were open before it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import false

from core.events import PostCountsChanged
from repositories import visibility
from runtime.container import Container
from tests.graphql.test_visibility_matrix import nothing_noted, open_doors, watched, world
from tests.support.api import Reader, Socket
from tests.support.matrix_live import home_feed
from tests.support.matrix_oracle import House
from tests.support.matrix_things import Entry
from tests.support.matrix_watch import PATIENCE, Http, Watch, canaries_in, explained
from tests.support.matrix_world import World
from tests.support.rows import sql
from tests.support.seeding import Seeder
from tests.support.valkey import overheard

__all__ = ["open_doors", "world"]
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


async def closes_to_all(world: World, container: Container, http: Http) -> None:
    """Close an account to its followers, too."""
    await goes_private(world, container, http)
    await loses_its_followers(world, container, http)


async def blocks_everybody(world: World, container: Container, http: Http) -> None:
    """Let an account block the viewers of this test."""
    del http
    async with container.database.writing() as session:
        for name in ("stranger", "mutual"):
            await Seeder(session).block(world.people["open_on"].key, world.people[name].key)
            world.blocks.add(("open_on", name))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("viewer", "flips"),
    [
        ("stranger", [goes_private]),
        ("mutual", [hides_from_followers, loses_its_followers, blocks_everybody]),
    ],
)
async def test_every_path_obeys_each_change_at_once(
    world: World, container: Container, http: Http, viewer: str, flips: list[Flip]
) -> None:
    before = (await watched(world, http, viewer)).seen
    for flip in flips:
        await flip(world, container, http)
        after = (await watched(world, http, viewer)).seen
        assert before - after, "the change must take something away"
        before = after


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


LIVE = """subscription { homeFeed { repostedBy { displayName } node {
  id text hashtags imageUrl quote { text } author { displayName } mentions { displayName } comments { nodes { text } }
} } }"""
COUNTS = "subscription($ids: [ID!]!) { postCounts(postIds: $ids) { postId likeCount } }"


async def _heard(socket: Socket, until: Callable[[Any], bool]) -> list[Any]:
    """Hear of everything until something is told; all of it."""
    told: list[Any] = []
    while not told or not until(told[-1]):
        told.append(await socket.next(PATIENCE))
    return told


def _is_entry(entry: Entry) -> Callable[[Any], bool]:
    return lambda told: told.get("homeFeed", {}).get("node", {}).get("id") == entry.gid


def _is_count(entry: Entry, likes: int) -> Callable[[Any], bool]:
    return lambda told: told.get("postCounts") == {"postId": entry.gid, "likeCount": likes}


async def _like(container: Container, entry: Entry) -> None:
    await sql(container, "UPDATE posts SET like_count = like_count + 1 WHERE id = :id", id=entry.key)
    container.bus.publish([PostCountsChanged(entry.key)])


async def _told_after(world: World, container: Container, watch: Watch, flip: Flip) -> set[str]:
    """Watch an owner's public post, have the owner's things change, and new things happen behind; the secrets then told."""
    public = next(entry for entry in world.entries if entry.name == "open_on's PUBLIC")
    first, second = [entry for entry in world.entries if entry.owner.name == "bystander"]
    async with watch.reader.socket() as feed, watch.reader.socket() as counts:
        await feed.acknowledged()
        await feed.subscribe(LIVE)
        await counts.acknowledged()
        await counts.subscribe(COUNTS, ids=[public.gid, second.gid])
        await watch.ring(home_feed([public, first]))
        assert public.texts["text"] in json.dumps(await _heard(feed, _is_entry(first)))
        begun = [(await counts.next(PATIENCE))["postCounts"]["postId"] for _ in range(2)]
        assert set(begun) == {public.gid, second.gid}
        await flip(world, container, watch.reader.http)
        await _goes_on(world, container, watch.reader.http, public)
        await watch.ring(home_feed([public, second]))
        told = await _heard(feed, _is_entry(second))
        await _like(container, second)
        told += await _heard(counts, _is_count(second, 1))
    raw = json.dumps(told)
    shown = json.dumps([one.texts for one in (second, second.owner, *second.mentioned)])
    counted = {"its counts"} if public.gid in raw else set()
    return counted | {explained(world, one) for one in canaries_in(raw.encode()) - canaries_in(shown.encode())}


async def _goes_on(world: World, container: Container, http: Http, entry: Entry) -> None:
    """Let a post be passed on at a new place in the feed, and liked, and its author write another."""
    text = world.canaries.new("what was written behind the door")
    owner = Reader(http, entry.owner.token)
    assert not (await owner.mutate("createPost", "post { id }", text=text, visibility="FOLLOWERS"))["userErrors"]
    await sql(container, "UPDATE reposts SET created_at = now() WHERE post_id = :id", id=entry.key)
    await _like(container, entry)


@pytest.mark.parametrize(
    ("flip", "viewer"),
    [(goes_private, "stranger"), (closes_to_all, "mutual"), (blocks_everybody, "mutual")],
)
async def test_live_feeds_and_counts_that_were_open_before_tell_nothing_more(
    world: World,
    container: Container,
    http: Http,
    urls: tuple[str, str],
    capfd: pytest.CaptureFixture[str],
    flip: Flip,
    viewer: str,
) -> None:
    async with overheard(urls[1]) as said:
        assert not await _told_after(world, container, Watch(world, http, viewer), flip)
    printed = capfd.readouterr()
    nothing_noted(world, printed.out + printed.err, said)


async def test_without_the_predicates_live_feeds_and_counts_that_were_open_leak(
    world: World, container: Container, http: Http, open_doors: list[str]
) -> None:
    assert open_doors
    told = await _told_after(world, container, Watch(world, http, "stranger", open_doors=True), goes_private)
    assert told >= {"its counts", "<open_on's PUBLIC.text>", "<open_on's PUBLIC.quote>"}


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
