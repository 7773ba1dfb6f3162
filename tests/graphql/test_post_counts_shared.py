"""Counts of posts, live, behind the sockets: one read for all, sweeps for what was not heard, and nothing left at the end."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app import BROKER
from auth.viewer import Viewer
from clients import bus
from core.ids import global_id
from models import Post
from models.profiles import Role, Visibility
from repositories import posts_counts
from repositories.posts_counts import Counts, Eyes, PostCountsRepository
from runtime.container import Container
from subscriptions import broker
from subscriptions.broker import Broker
from tests.graphql.test_post_counts import ear
from tests.support.api import Reader, sign_up
from tests.support.post_counts import LIVE, heard, liked, nothing_left, watching, written
from tests.support.seeding import Seeder
from tests.support.statements import counted
from tests.support.sync import until

__all__ = ["ear"]


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
