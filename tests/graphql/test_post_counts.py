"""Counts of posts, live: to whom they are told, and when they are not."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from core.events import PostCountsChanged
from core.ids import global_id
from models import Block, Post, User
from models.profiles import Visibility
from runtime.container import Container
from subscriptions import posts_counts_shared
from subscriptions.broker import Broker
from tests.support.api import Reader, Socket
from tests.support.feeds import id_of
from tests.support.feeds_live import ear_of
from tests.support.post_counts import LIVE, PATIENCE, heard, liked, nothing_left, watching, written
from tests.support.seeding import Seeder
from tests.support.sync import until


@pytest.fixture
def ear(ada: Reader) -> Broker:
    """The broker of the running application."""
    return ear_of(ada)


async def changed(container: Container, statement: Any) -> None:
    async with container.database.writing() as session:
        await session.execute(statement)


async def rightly(socket: Socket, post_id: UUID, likes: int) -> None:
    """Hear until a post's count is right; it must not go back on the way."""
    last = -1
    while last != likes:
        told, count = await heard(socket)
        assert told == post_id
        assert last < count <= likes
        last = count


async def silence(socket: Socket, witness: Socket, post_id: UUID, likes: int) -> None:
    """Assert that a socket heard nothing by the time that another one, told in the same turn, has heard it."""
    await rightly(witness, post_id, likes)
    with pytest.raises(TimeoutError):
        await socket.next(patience=0.5)


async def test_it_begins_with_what_is_there_then_tells_changes(ada: Reader, ben: Reader, container: Container) -> None:
    first, second = await written(container, ada), await written(container, ada)
    await liked(container, second, 4)
    async with watching(ben, first, second, first) as socket:
        assert {await heard(socket), await heard(socket)} == {(first, 0), (second, 4)}
        await liked(container, first)
        assert await heard(socket) == (first, 1)
        await changed(container, update(Post).where(Post.id == second).values(comment_count=2, repost_count=3))
        container.bus.publish([PostCountsChanged(second)])
        assert (await socket.next(PATIENCE))["it"] == {
            "postId": global_id("Post", second),
            "likeCount": 4,
            "commentCount": 2,
            "repostCount": 3,
        }


async def test_many_changes_are_few_events_and_the_last_is_right(ada: Reader, container: Container) -> None:
    post_id = await written(container, ada)
    async with watching(ada, post_id) as socket:
        assert await heard(socket) == (post_id, 0)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(50):
            await liked(container, post_id)
        events, last = 0, 0
        while last < 50:
            _, last = await heard(socket)
            events += 1
        assert events <= 2 + (loop.time() - began) / posts_counts_shared.SPACING


async def test_a_bell_that_changes_nothing_is_not_told(ada: Reader, container: Container) -> None:
    post_id = await written(container, ada)
    async with watching(ada, post_id) as socket:
        assert await heard(socket) == (post_id, 0)
        await liked(container, post_id, 0)
        await liked(container, post_id, 1)
        assert await heard(socket) == (post_id, 1)


async def lose_sight(container: Container, how: str, author: Reader, viewer: Reader, post_id: UUID) -> None:
    post = update(Post).where(Post.id == post_id)
    if how == "deleted":
        await changed(container, post.values(deleted_at=Post.created_at))
    elif how == "narrowed":
        await changed(container, post.values(visibility=Visibility.FOLLOWERS))
    elif how == "private account":
        await changed(container, update(User).where(User.id == id_of(author)).values(is_private=True))
    else:
        me, them = (id_of(viewer), id_of(author)) if how == "blocked" else (id_of(author), id_of(viewer))
        async with container.database.writing() as session:
            await Seeder(session).block(me, them)


@pytest.mark.parametrize("how", ["deleted", "narrowed", "private account", "blocked", "is blocked"])
async def test_a_post_out_of_sight_falls_silent(ada: Reader, ben: Reader, container: Container, how: str) -> None:
    gone, other = await written(container, ada), await written(container, ben)
    async with watching(ben, gone, other) as socket, watching(ada, gone, other) as witness:
        assert {await heard(socket), await heard(socket)} == {(gone, 0), (other, 0)}
        await heard(witness)
        await heard(witness)
        await lose_sight(container, how, ada, ben, gone)
        await liked(container, gone, 7)
        if how != "deleted":
            assert await heard(witness) == (gone, 7)
        await liked(container, other, 9)
        assert await heard(socket) == (other, 9)
        await liked(container, gone, 1)
        await liked(container, other, 1)
        assert await heard(socket) == (other, 10)


async def test_a_post_that_comes_back_is_told_again(ada: Reader, ben: Reader, container: Container) -> None:
    post_id = await written(container, ada)
    async with watching(ben, post_id) as socket, watching(ada, post_id) as witness:
        assert await heard(socket) == await heard(witness) == (post_id, 0)
        async with container.database.writing() as session:
            await Seeder(session).block(id_of(ada), id_of(ben))
        await liked(container, post_id)
        await silence(socket, witness, post_id, 1)
        async with container.database.writing() as session:
            row = await session.get_one(Block, (id_of(ada), id_of(ben)))
            await session.delete(row)
        await liked(container, post_id)
        assert await heard(socket) == (post_id, 2)


async def test_of_posts_that_may_not_be_seen_only_the_others_are_told(
    ada: Reader, ben: Reader, container: Container
) -> None:
    hidden, shown = await written(container, ada, visibility=Visibility.PRIVATE), await written(container, ada)
    absent = UUID(int=7)
    async with watching(ben, hidden, absent, shown) as socket, watching(ada, hidden) as witness:
        assert await heard(socket) == (shown, 0)
        assert await heard(witness) == (hidden, 0)
        await liked(container, hidden, 3)
        await silence(socket, witness, hidden, 3)


async def refusal(reader: Reader, ids: Sequence[str]) -> dict[str, Any]:
    async with reader.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE, ids=ids)
        message = await socket.ws.receive_json(timeout=PATIENCE)
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        found: dict[str, Any] = errors[0]
        return found


async def test_what_cannot_be_watched_is_refused(ada: Reader, ben: Reader, container: Container, ear: Broker) -> None:
    hidden = global_id("Post", await written(container, ada, visibility=Visibility.PRIVATE))
    absent = global_id("Post", UUID(int=7))
    messages = {(await refusal(ben, [one]))["message"] for one in (hidden, absent)}
    assert messages == {"There are no such posts."}
    assert (await refusal(ben, [hidden, absent]))["extensions"]["code"] == "NOT_FOUND"
    for ids in ([], [global_id("Post", UUID(int=number)) for number in range(51)], ["nonsense"], [ada.id]):
        assert (await refusal(ben, ids))["extensions"]["code"] == "BAD_USER_INPUT"
    await until(lambda: nothing_left(ear))


async def test_the_signed_out_watch_what_is_public(
    nobody: Reader, ada: Reader, container: Container, ear: Broker
) -> None:
    shown, hidden = await written(container, ada), await written(container, ada, visibility=Visibility.FOLLOWERS)
    async with watching(nobody, shown, hidden) as socket, watching(ada, hidden) as witness:
        assert await heard(socket) == (shown, 0)
        assert await heard(witness) == (hidden, 0)
        await liked(container, hidden)
        await silence(socket, witness, hidden, 1)
        await liked(container, shown)
        assert await heard(socket) == (shown, 1)
    await until(lambda: nobody_watches(ear))


async def nobody_watches(ear: Broker) -> bool:
    return ear.subscription_count == 0
