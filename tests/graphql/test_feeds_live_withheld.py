"""What the live home feed withholds: what may not be seen and what is muted, however late that is decided."""

from typing import Any

import pytest
from sqlalchemy import update

from core.events import FeedEntryAdded
from core.ids import read_id
from models import Post, User
from models.feeds import FeedEntry
from models.profiles import Visibility
from runtime.container import Container
from services.feeds_live import LiveFeedService
from subscriptions import feeds, feeds_shared
from tests.graphql.test_feeds_live import cleo
from tests.support.api import Reader
from tests.support.feeds import follow, id_of
from tests.support.feeds_live import heard, watching
from tests.support.posting import act, post
from tests.support.seeding import Seeder

__all__ = ["cleo"]
VISIBILITY = ("narrowed", "deleted", "blocks", "is blocked")
MUTES = ("mutes the author", "mutes the book", "mutes the post", "mutes a word")


async def _written(container: Container, author: Reader, text: str) -> Post:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        return await seeder.post(id_of(author), text, book_id=(await seeder.book()).id)


async def _changed(container: Container, name: str, viewer: Reader, author: Reader, row: Post) -> None:
    me, them = id_of(viewer), id_of(author)
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
        container.bus.publish([FeedEntryAdded(id_of(ben), row.id, is_repost=False)])
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
        container.bus.publish([FeedEntryAdded(id_of(ben), row.id, is_repost=False)])
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
        container.bus.publish([FeedEntryAdded(id_of(ben), row.id, is_repost=False)])
        await post(ada, "Witness.")
        assert await heard(socket) == ("Witness.", None)


@pytest.mark.parametrize("who", ["sharer", "author"])
async def test_of_a_repost_both_ends_count(
    ada: Reader, ben: Reader, cleo: Reader, container: Container, who: str
) -> None:
    await follow(ada, ben)
    made = await post(cleo, "Passed on.")
    async with container.database.writing() as session:
        await Seeder(session).block(id_of(ben if who == "sharer" else cleo), id_of(ada))
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
            await Seeder(session).repost(row, id_of(ben))
            await session.execute(update(User).where(User.id == id_of(cleo)).values(is_private=True))
        container.bus.publish([FeedEntryAdded(id_of(ben), row, is_repost=True)])
        await post(ada, "Witness.")
        assert await heard(socket) == ("Witness.", None)
