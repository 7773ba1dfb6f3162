"""Counts of posts, live: to whom they are told, when they are not, and one read for all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app import BROKER
from auth.viewer import Viewer
from clients import bus
from core.events import PostCountsChanged
from core.ids import global_id, read_id
from models import Block, Post, User
from models.profiles import Role, Visibility
from repositories import posts_counts
from repositories.posts_counts import Counts, Eyes, PostCountsRepository
from runtime.container import Container
from subscriptions import broker, posts_counts_shared
from subscriptions.broker import Broker
from tests.support.api import Reader, Socket, sign_up
from tests.support.seeding import Seeder
from tests.support.statements import counted
from tests.support.sync import until

LIVE = "subscription($ids: [ID!]!) { it: postCounts(postIds: $ids) { postId likeCount commentCount repostCount } }"
PATIENCE = 20.0


def key(reader: Reader) -> UUID:
    return read_id(reader.id, "User")


@pytest.fixture
def ear(ada: Reader) -> Broker:
    """The broker of the running application."""
    assert ada.http.app is not None
    found: Broker = ada.http.app[BROKER]
    return found


async def written(container: Container, author: Reader, **more: Any) -> UUID:
    async with container.database.writing() as session:
        return (await Seeder(session).post(key(author), **more)).id


async def liked(container: Container, post_id: UUID, times: int = 1, *, bell: bool = True) -> None:
    """Let so many more readers like a post."""
    async with container.database.writing() as session:
        await session.execute(update(Post).where(Post.id == post_id).values(like_count=Post.like_count + times))
    if bell:
        container.bus.publish([PostCountsChanged(post_id)])


async def changed(container: Container, statement: Any) -> None:
    async with container.database.writing() as session:
        await session.execute(statement)


@asynccontextmanager
async def watching(reader: Reader, *post_ids: UUID) -> AsyncIterator[Socket]:
    async with reader.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE, ids=[global_id("Post", post_id) for post_id in post_ids])
        yield socket


async def heard(socket: Socket) -> tuple[UUID, int]:
    told = (await socket.next(PATIENCE))["it"]
    return read_id(told["postId"], "Post"), told["likeCount"]


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
        await changed(container, update(User).where(User.id == key(author)).values(is_private=True))
    else:
        me, them = (key(viewer), key(author)) if how == "blocked" else (key(author), key(viewer))
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
            await Seeder(session).block(key(ada), key(ben))
        await liked(container, post_id)
        await silence(socket, witness, post_id, 1)
        async with container.database.writing() as session:
            row = await session.get_one(Block, (key(ada), key(ben)))
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


async def nothing_left(ear: Broker) -> bool:
    """Tell whether no subscription, post or channel is held any more; that of an open socket's reader is."""
    counts = ear._counts
    channels = {bus.key_of(name) for name in ear._bus._channels}
    held = channels - ear.user_ids
    return not (ear.subscription_count or counts._posts or counts._changed or counts._new or held)


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


async def test_one_read_serves_all_sockets_and_all_posts(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await written(container, ada), await written(container, ada)
    readers = [await sign_up(ada.http) for _ in range(3)]
    asked: list[int] = []
    seen = PostCountsRepository.seen

    async def noted(self: PostCountsRepository, wanted: Any) -> Any:
        asked.append(len(wanted))
        return await seen(self, wanted)

    async with (
        watching(ada, first, second) as a,
        watching(readers[0], first, second) as b,
        watching(readers[1], first, second) as c,
        watching(readers[1], first, second) as d,
        watching(readers[2], first) as e,
    ):
        sockets = (a, b, c, d)
        for socket in sockets:
            assert {await heard(socket), await heard(socket)} == {(first, 0), (second, 0)}
        assert await heard(e) == (first, 0)
        monkeypatch.setattr(PostCountsRepository, "seen", noted)
        async with container.database.writing() as session:
            await session.execute(update(Post).values(like_count=1))
        assert ada.http.app is not None
        ear: Broker = ada.http.app[BROKER]
        ear._counts.ring_all()
        for socket in sockets:
            assert {await heard(socket), await heard(socket)} == {(first, 1), (second, 1)}
        assert await heard(e) == (first, 1)
    # Four readers watch the first post, three of them the second.
    assert asked == [7]


async def test_many_eyes_cost_one_statement(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        author = await seeder.user()
        posts = [(await seeder.post(author.id)).id for _ in range(3)]
        hidden = (await seeder.post(author.id, visibility=Visibility.FOLLOWERS)).id
        friend, stranger, foe, judge = [await seeder.user() for _ in range(4)]
        await seeder.follow(friend.id, author.id)
        await seeder.block(author.id, foe.id)
        await seeder.report(friend.id, post_id=hidden)
    eyes = {
        "friend": Eyes(friend.id, moderates=False),
        "stranger": Eyes(stranger.id, moderates=False),
        "foe": Eyes(foe.id, moderates=False),
        "author": Eyes(author.id, moderates=False),
        "judge": Eyes(judge.id, moderates=True),
        "nobody": Eyes(None, moderates=False),
    }
    wanted = {(one, post_id) for one in eyes.values() for post_id in (*posts, hidden)}
    with counted(container.database.engine) as statements:
        async with container.reading() as services:
            found = await services.post_counts.seen(wanted)
    assert len(statements) == 1
    assert all(counts == Counts(0, 0, 0) for counts in found.values())
    seen = {name: {post_id for who, post_id in found if who == one} for name, one in eyes.items()}
    all_posts = {*posts, hidden}
    assert seen == {
        "friend": all_posts,
        "author": all_posts,
        "judge": all_posts,
        "stranger": set(posts),
        "nobody": set(posts),
        "foe": set(),
    }


def test_the_eyes_of_a_viewer_are_what_the_predicate_asks_about() -> None:
    assert Eyes.of(Viewer()) == Eyes(None, moderates=False)
    assert Eyes.of(Viewer(user_id=UUID(int=1), role=Role.ADMIN)) == Eyes(UUID(int=1), moderates=True)
    assert posts_counts.Eyes.of(Viewer(user_id=UUID(int=1))) == Eyes(UUID(int=1), moderates=False)


async def test_a_lost_bell_is_made_up_for(ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "SWEEP", 0.0)
    first, second = await written(container, ada), await written(container, ada)
    async with watching(ada, first, second) as socket:
        assert {await heard(socket), await heard(socket)} == {(first, 0), (second, 0)}
        await liked(container, first, 5, bell=False)
        assert await heard(socket) == (first, 5)


async def test_a_sweep_is_one_statement_for_all_posts(ada: Reader, container: Container, ear: Broker) -> None:
    posts = [await written(container, ada) for _ in range(5)]
    async with watching(ada, *posts) as socket:
        for _ in posts:
            await heard(socket)
        with counted(container.database.engine) as statements:
            await ear._counts.sweep()
        assert len(statements) == 1


async def test_nothing_is_left_when_sockets_close_or_unsubscribe(
    ada: Reader, container: Container, ear: Broker
) -> None:
    post_id = await written(container, ada)
    async with ada.socket() as socket:
        await socket.acknowledged()
        ids = [await socket.subscribe(LIVE, ids=[global_id("Post", post_id)]) for _ in range(3)]
        for _ in ids:
            assert await heard(socket) == (post_id, 0)
        assert ear.subscription_count == 3
        for one in ids:
            await socket.ws.send_json({"id": one, "type": "complete"})
        await until(lambda: nothing_left(ear))
    async with watching(ada, post_id) as socket:
        assert await heard(socket) == (post_id, 0)
        assert bus.channel_of(post_id) in ear._bus._channels
    await until(lambda: nothing_left(ear))
