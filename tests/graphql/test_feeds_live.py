"""The home feed, live: who is told what, what is withheld, and what a lost message costs."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, update

from app import BROKER, create_app
from auth.viewer import Viewer
from core.events import FeedEntryAdded
from core.ids import read_id
from core.settings import Settings
from core.text import words_of
from models import Post, User
from models.feeds import FeedEntry
from models.posts import Fanout
from models.profiles import Role, Visibility
from repositories.feeds import FEED
from repositories.posts_counts import Eyes
from runtime.container import Container
from services.feeds_live import LiveFeedService
from subscriptions import broker, feeds, feeds_shared
from subscriptions.broker import Broker
from tests.support.api import Reader, Socket, sign_up
from tests.support.posting import act, post
from tests.support.seeding import START, Seeder
from tests.support.statements import counted
from tests.support.sync import until

LIVE = "subscription { it: homeFeed { cursor repostedBy { username } node { id text author { username } } } }"
PAGE = "{ it: homeFeed(first: 5) { edges { cursor repostedBy { username } node { id text author { username } } } } }"
PATIENCE = 20.0


def key(reader: Reader) -> UUID:
    return read_id(reader.id, "User")


def ear_of(reader: Reader) -> Broker:
    assert reader.http.app is not None
    found: Broker = reader.http.app[BROKER]
    return found


async def follow(reader: Reader, other: Reader) -> None:
    payload = await reader.mutate("follow", "user { id }", userId=other.id)
    assert not payload["userErrors"], payload


@asynccontextmanager
async def watching(reader: Reader) -> AsyncIterator[Socket]:
    """Watch a reader's home feed, once the server does."""
    shared = ear_of(reader)._feeds
    before = shared.watch_count

    async def begun() -> bool:
        watches = [watch for them in shared._watches.values() for watch in them]
        return len(watches) > before and all(watch._begun.is_set() for watch in watches)

    async with reader.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE)
        await until(begun)
        yield socket


async def heard(socket: Socket) -> tuple[str, str | None]:
    """Hear of an entry: the words of the post, and who passed it on."""
    told = (await socket.next(PATIENCE))["it"]
    return told["node"]["text"], told["repostedBy"] and told["repostedBy"]["username"]


@pytest.fixture
async def cleo(ada: Reader) -> Reader:
    """A third reader."""
    return await sign_up(ada.http, "cleo")


@asynccontextmanager
async def elsewhere(reader: Reader, urls: tuple[str, str], settings: Settings) -> AsyncIterator[Reader]:
    """The same reader at another process."""
    async with TestClient(TestServer(create_app(settings, database_url=urls[0], redis_url=urls[1]))) as client:
        await until(lambda: _is_up(client))
        yield Reader(client, reader.token, reader.username, reader.id, reader.device_id)


async def _is_up(client: "TestClient[Any, Any]") -> bool:
    assert client.app is not None
    return bool(client.app[BROKER].is_up)


async def test_posts_of_those_i_follow_and_my_own_reach_me_in_every_process(
    ada: Reader, ben: Reader, cleo: Reader, urls: tuple[str, str], settings: Settings
) -> None:
    await follow(ada, ben)
    async with elsewhere(ada, urls, settings) as there, watching(ada) as here, watching(there) as other:
        await post(cleo, "A stranger's.")
        await post(ben, "A friend's.")
        await post(ada, "Mine.")
        for socket in (here, other):
            assert await heard(socket) == ("A friend's.", None)
            assert await heard(socket) == ("Mine.", None)


async def test_an_edge_is_what_the_page_has(ada: Reader, ben: Reader) -> None:
    await follow(ada, ben)
    async with watching(ada) as socket:
        await post(ben, "Once.")
        told = (await socket.next(PATIENCE))["it"]
        assert (await ada.run(PAGE))["it"]["edges"] == [told]


async def test_a_repost_lifts_a_post_that_was_told_and_is_told_once(ada: Reader, ben: Reader, cleo: Reader) -> None:
    for other in (ben, cleo):
        await follow(ada, other)
    async with watching(ada) as socket:
        made = await post(ben, "Lifted.")
        assert await heard(socket) == ("Lifted.", None)
        await act(cleo, "repost", made["id"])
        assert await heard(socket) == ("Lifted.", "cleo")
        await act(cleo, "repost", made["id"])
        await post(cleo, "Next.")
        assert await heard(socket) == ("Next.", None)
        assert [edge["node"]["text"] for edge in (await ada.run(PAGE))["it"]["edges"]] == ["Next.", "Lifted."]


async def test_a_repost_by_somebody_followed_brings_the_post_of_a_stranger(
    ada: Reader, ben: Reader, cleo: Reader
) -> None:
    await follow(ada, ben)
    made = await post(cleo, "From afar.")
    async with watching(ada) as socket, watching(cleo) as author:
        await act(ben, "repost", made["id"])
        assert await heard(socket) == ("From afar.", "ben")
        await post(cleo, "After.")
        assert await heard(author) == ("After.", None), "whoever does not follow ben is not told that he passed it on"


async def test_authors_whom_too_many_follow_are_live_too(ada: Reader, ben: Reader, container: Container) -> None:
    await follow(ada, ben)
    async with watching(ada) as socket:
        async with container.database.writing() as session:
            row = await Seeder(session).post(key(ben), "To very many.", fanout=Fanout.PULL)
        container.bus.publish([FeedEntryAdded(key(ben), row.id, is_repost=False)])
        assert await heard(socket) == ("To very many.", None)


# --- what is withheld ---

VISIBILITY = ("narrowed", "deleted", "blocks", "is blocked")
MUTES = ("mutes the author", "mutes the book", "mutes the post", "mutes a word")


async def _written(container: Container, author: Reader, text: str) -> Post:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        return await seeder.post(key(author), text, book_id=(await seeder.book()).id)


async def _changed(container: Container, name: str, viewer: Reader, author: Reader, row: Post) -> None:
    me, them = key(viewer), key(author)
    mutes: dict[str, dict[str, Any]] = dict(
        zip(
            MUTES,
            (
                {"muted_user_id": them},
                {"muted_book_id": row.book_id},
                {"muted_post_id": row.id},
                {"word": "lighthouse"},
            ),
            strict=True,
        )
    )
    async with container.database.writing() as session:
        seeder, itself = Seeder(session), update(Post).where(Post.id == row.id)
        if name in mutes:
            await seeder.mute(me, **mutes[name])
        elif name == "narrowed":
            await session.execute(itself.values(visibility=Visibility.PRIVATE))
        elif name == "deleted":
            await session.execute(itself.values(deleted_at=row.created_at))
        else:
            await seeder.block(*((me, them) if name == "blocks" else (them, me)))


@pytest.mark.parametrize("name", [*VISIBILITY, *MUTES])
async def test_before_the_event_it_is_obeyed(ada: Reader, ben: Reader, container: Container, name: str) -> None:
    await follow(ada, ben)
    async with watching(ada) as socket:
        row = await _written(container, ben, "The lighthouse keeper.")
        await _changed(container, name, ada, ben, row)
        container.bus.publish([FeedEntryAdded(key(ben), row.id, is_repost=False)])
        await post(ada, "Witness.")
        assert await heard(socket) == ("Witness.", None)


@pytest.mark.parametrize("name", [*VISIBILITY, *MUTES, "unfollows"])
async def test_between_event_and_delivery_it_is_obeyed(
    ada: Reader, ben: Reader, container: Container, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    await follow(ada, ben)
    monkeypatch.setattr(feeds_shared, "FRESH", -1.0)
    row = await _written(container, ben, "The lighthouse keeper.")
    receivers = LiveFeedService.receivers

    async def then_changed(self: LiveFeedService, entry: FeedEntryAdded, eyes: Any) -> Any:
        found = await receivers(self, entry, eyes)
        if entry.post_id == row.id:
            assert found, "it was for them"
            if name == "unfollows":
                await ada.mutate("unfollow", "user { id }", userId=ben.id)
            else:
                await _changed(container, name, ada, ben, row)
        return found

    monkeypatch.setattr(LiveFeedService, "receivers", then_changed)
    async with watching(ada) as socket:
        container.bus.publish([FeedEntryAdded(key(ben), row.id, is_repost=False)])
        await post(ada, "Witness.")
        assert await heard(socket) == ("Witness.", None)


@pytest.mark.parametrize("name", VISIBILITY)
async def test_what_may_not_be_seen_is_never_told_however_soon(
    ada: Reader, ben: Reader, container: Container, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    await follow(ada, ben)
    row = await _written(container, ben, "The lighthouse keeper.")
    seen = feeds._seen

    async def changed_first(info: Any, entry: FeedEntry) -> Any:
        if entry.post_id == row.id:
            await _changed(container, name, ada, ben, row)
        return await seen(info, entry)

    monkeypatch.setattr(feeds, "_seen", changed_first)
    async with watching(ada) as socket:
        container.bus.publish([FeedEntryAdded(key(ben), row.id, is_repost=False)])
        await post(ada, "Witness.")
        assert await heard(socket) == ("Witness.", None)


@pytest.mark.parametrize("who", ["sharer", "author"])
async def test_of_a_repost_both_ends_count(
    ada: Reader, ben: Reader, cleo: Reader, container: Container, who: str
) -> None:
    await follow(ada, ben)
    made = await post(cleo, "Passed on.")
    async with container.database.writing() as session:
        await Seeder(session).block(key(ben if who == "sharer" else cleo), key(ada))
    async with watching(ada) as socket:
        await act(ben, "repost", made["id"])
        await post(ada, "Witness.")
        assert await heard(socket) == ("Witness.", None)


async def test_a_post_of_an_account_that_turned_private_is_not_told_on(
    ada: Reader, ben: Reader, cleo: Reader, container: Container
) -> None:
    await follow(ada, ben)
    made = await post(cleo, "Passed on.")
    async with watching(ada) as socket:
        await act(ben, "repost", made["id"])
        assert await heard(socket) == ("Passed on.", "ben")
        other = await post(cleo, "Not passed on any more.")
        row = read_id(other["id"], "Post")
        async with container.database.writing() as session:
            await Seeder(session).repost(row, key(ben))
            await session.execute(update(User).where(User.id == key(cleo)).values(is_private=True))
        container.bus.publish([FeedEntryAdded(key(ben), row, is_repost=True)])
        await post(ada, "Witness.")
        assert await heard(socket) == ("Witness.", None)


async def test_signed_out_nothing_can_be_followed(nobody: Reader) -> None:
    async with nobody.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE)
        message = await socket.ws.receive_json(timeout=PATIENCE)
        assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


# --- what goes wrong ---


async def test_a_lost_message_is_made_up_for_once_and_old_entries_are_not_told(
    ada: Reader, ben: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "SWEEP", 0.0)
    await follow(ada, ben)
    await post(ben, "Before.")
    async with watching(ada) as socket:
        with monkeypatch.context() as patched:
            patched.setattr(container.bus, "publish", lambda _: None)
            made = await post(ben, "Unheard of.")
        assert await heard(socket) == ("Unheard of.", None)
        # Heard of late, and found by more sweeps: told once.
        container.bus.publish([FeedEntryAdded(key(ben), read_id(made["id"], "Post"), is_repost=False)])
        await asyncio.sleep(2.5)
        await post(ben, "After.")
        assert await heard(socket) == ("After.", None)


async def test_who_leaves_too_much_lying_is_closed(ada: Reader, ben: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_shared, "MOST_UNTAKEN", 3)
    await follow(ada, ben)
    gate, seen = asyncio.Event(), feeds._seen

    async def held(info: Any, entry: FeedEntry) -> Any:
        if info.context.viewer.user_id == key(ada):
            await gate.wait()
        return await seen(info, entry)

    monkeypatch.setattr(feeds, "_seen", held)
    async with watching(ada) as slow, watching(ben) as quick:
        (watch,) = ear_of(ada)._feeds._watches[Eyes(key(ada), moderates=False)]
        for number in range(6):
            await post(ben, f"Post {number}.")
            assert await heard(quick) == (f"Post {number}.", None)

        async def fell_behind() -> bool:
            return watch._is_too_slow

        await until(fell_behind)
        gate.set()
        assert await heard(slow) == ("Post 0.", None)
        assert await slow.closed() == 1013
        await post(ben, "Still here.")
        assert await heard(quick) == ("Still here.", None)

    async def nothing_left() -> bool:
        return not ear_of(ada)._feeds._watches

    await until(nothing_left)


# --- one statement for all, and the same as a page ---


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
