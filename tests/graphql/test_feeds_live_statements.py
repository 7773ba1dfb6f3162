"""Behind the live home feed: one statement for all who listen, sweeps that leave nothing out, and to each what their page has."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update

from auth.viewer import Viewer
from core.events import FeedEntryAdded
from core.text import words_of
from models import Post
from models.feeds import FeedEntry
from models.posts import Fanout
from models.profiles import Role, Visibility
from repositories.feeds import FEED
from repositories.posts_counts import Eyes
from runtime.container import Container
from subscriptions import feeds_shared
from tests.support.seeding import START, Seeder
from tests.support.statements import counted


async def test_a_message_is_one_statement_and_so_is_a_sweep(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        author = await seeder.user()
        viewers = [await seeder.user() for _ in range(30)]
        for viewer in viewers[:20]:
            await seeder.follow(viewer.id, author.id)
        row = await seeder.post(author.id)
    eyes = [Eyes(viewer.id, moderates=number % 2 == 0) for number, viewer in enumerate(viewers)]
    with counted(container.database.engine) as statements:
        async with container.reading() as services:
            found = await services.live_feeds.receivers(FeedEntryAdded(author.id, row.id, is_repost=False), eyes)
    assert len(statements) == 1
    assert {one for one, _ in found} == set(eyes[:20])
    async with container.database.writing() as session:
        await session.execute(update(Post).values(created_at=func.now()))
    with counted(container.database.engine) as statements:
        async with container.reading() as services:
            (swept,) = [found async for found in services.live_feeds.recent(feeds_shared.OVERLAP, eyes)]
    assert len(statements) == 1
    assert {one for one, _ in swept} == set(eyes[:20])


@pytest.mark.parametrize("size", [1, 7, 30])
async def test_a_sweep_leaves_nothing_out_however_much_there_is(
    container: Container, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        author, friend, viewer = [await seeder.user() for _ in range(3)]
        for followed in (author, friend):
            await seeder.follow(viewer.id, followed.id)
        rows = [await seeder.post(author.id) for _ in range(5)]
        await session.execute(update(Post).values(created_at=func.now()))
        for row in rows:
            for reposter in (author, friend):
                await seeder.repost(row.id, reposter.id, created_at=func.now())
    eyes = [Eyes(viewer.id, moderates=False), Eyes(viewer.id, moderates=True)]
    async with container.reading() as services:
        (whole,) = [found async for found in services.live_feeds.recent(feeds_shared.OVERLAP, eyes)]
        monkeypatch.setattr("services.feeds_live.SLICE", size)
        parts = [found async for found in services.live_feeds.recent(feeds_shared.OVERLAP, eyes)]
    assert len(whole) == len(set(whole)) == 30
    assert [told for part in parts for told in part] == whole


async def _world(container: Container, dice: random.Random) -> tuple[list[Eyes], list[FeedEntryAdded]]:
    """Make a random world: readers of all kinds, who follow, block and mute each other, and what they wrote and passed on."""
    async with container.database.writing() as session:
        seeder = Seeder(session)
        users = [await seeder.user(is_private=dice.random() < 0.3) for _ in range(7)]
        books = [await seeder.book() for _ in range(2)]
        pairs = [(one.id, other.id) for one in users for other in users if one is not other]
        for pair in dice.sample(pairs, 18):
            await seeder.follow(*pair)
        for pair in dice.sample(pairs, 3):
            await seeder.block(*pair)
        posts, entries = [], []
        for _ in range(14):
            author = dice.choice(users)
            text = dice.choice(["The sea at night", "A lighthouse", "Of whales"])
            row = await seeder.post(
                author.id,
                text,
                visibility=dice.choice(list(Visibility)),
                book_id=dice.choice([None, *(book.id for book in books)]),
                fanout=dice.choice(list(Fanout)),
                deleted_at=START if dice.random() < 0.1 else None,
            )
            posts.append(row)
            entries.append(FeedEntryAdded(author.id, row.id, is_repost=False))
        for row, user in dice.sample([(row, user) for row in posts for user in users], 12):
            later = timedelta(minutes=dice.randint(0, 20))
            await seeder.repost(row.id, user.id, created_at=row.created_at + later)
            entries.append(FeedEntryAdded(user.id, row.id, is_repost=True))
        for one, other in dice.sample(pairs, 3):
            await seeder.mute(one, muted_user_id=other)
        await seeder.mute(dice.choice(users).id, muted_book_id=books[0].id)
        await seeder.mute(dice.choice(users).id, muted_post_id=posts[0].id)
        await seeder.mute(dice.choice(users).id, word=words_of("lighthouse").strip())
        eyes = [Eyes(user.id, moderates=dice.random() < 0.3) for user in users]
    return eyes, entries


@pytest.mark.parametrize("seed", range(12))
async def test_what_is_told_to_many_is_what_the_page_of_each_has(container: Container, seed: int) -> None:
    eyes, entries = await _world(container, random.Random(seed))  # noqa: S311 - a world by lot
    told: dict[Eyes, dict[UUID, FeedEntry]] = {one: {} for one in eyes}
    for entry in entries:
        async with container.reading() as services:
            for one, received in await services.live_feeds.receivers(entry, eyes):
                known = told[one].get(received.post_id)
                if known is None or _place(known) < _place(received):
                    told[one][received.post_id] = received
    for one in eyes:
        viewer = Viewer(user_id=one.user_id, role=Role.MODERATOR if one.moderates else Role.READER)
        async with container.reading() as services:
            page = await services.feeds.pull(viewer, FEED.request(100, None))
        assert {entry.post_id: entry for entry in page} == told[one]
    assert any(told.values())


def _place(entry: FeedEntry) -> tuple[bool, Any, Any]:
    """A post stands at its newest repost, otherwise at its own time."""
    return entry.reposter_id is not None, entry.at, entry.reposter_id
