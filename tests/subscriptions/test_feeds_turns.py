"""Hundreds of sockets that follow one author are told a few at a time, and none keeps the others waiting."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import cast
from unittest import mock
from uuid import UUID

import pytest

from auth.viewer import Viewer
from core.ids import uuid7
from models.feeds import FeedEntry
from repositories.posts_counts import Eyes
from runtime.container import Container
from runtime.context import TooSlow
from subscriptions import feeds_shared
from subscriptions.feeds_shared import FeedWatch, SharedFeeds

READERS = [UUID(int=number) for number in range(1, 51)]
LOST = set(READERS[::2])


def entry() -> FeedEntry:
    return FeedEntry(uuid7(), None, datetime.now(UTC))


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FeedWatch]]:
    """Fifty feeds into which one entry has come; nothing is old enough for the database to be asked again."""
    monkeypatch.setattr(feeds_shared, "FRESH", 1e9)
    shared, new = SharedFeeds(cast("Container", mock.Mock())), entry()
    with ExitStack() as stack:
        made = [stack.enter_context(shared.watch(Viewer(user_id=uuid7()))) for _ in range(50)]
        for watch in made:
            watch.offer(new, time.monotonic())
        yield made


async def test_few_are_told_at_once_and_all_are_told(watches: list[FeedWatch]) -> None:
    telling = most = told = 0

    async def tell(watch: FeedWatch) -> None:
        nonlocal telling, most, told
        await watch.next()
        telling += 1
        most = max(most, telling)
        for _ in range(3):
            await asyncio.sleep(0)
        telling, told = telling - 1, told + 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.next(), 0.5)

    await asyncio.gather(*map(tell, watches))
    assert (told, most) == (50, feeds_shared.AT_ONCE)


async def test_one_that_is_not_told_to_its_end_makes_room(
    watches: list[FeedWatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds_shared, "LONGEST_TURN", 0.1)
    async with asyncio.timeout(30):
        for watch in watches[: 2 * feeds_shared.AT_ONCE]:
            await watch.next()
    # Whoever ends late gives back nothing a second time.
    for watch in watches[: 2 * feeds_shared.AT_ONCE]:
        watch.end()
    monkeypatch.setattr(feeds_shared, "LONGEST_TURN", 60.0)
    free = [asyncio.create_task(watch.next()) for watch in watches[2 * feeds_shared.AT_ONCE :]]
    await asyncio.sleep(0.2)
    assert sum(task.done() for task in free) == feeds_shared.AT_ONCE
    for task in free:
        task.cancel()
    await asyncio.gather(*free, return_exceptions=True)


async def test_who_goes_away_while_it_waits_or_is_told_makes_room(watches: list[FeedWatch]) -> None:
    first, rest = watches[: feeds_shared.AT_ONCE], watches[feeds_shared.AT_ONCE :]
    for watch in first:
        await watch.next()
    waiting = [asyncio.create_task(watch.next()) for watch in rest]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    for watch in first:
        watch.end()
    async with asyncio.timeout(30):
        for task, watch in zip(waiting[1::2], rest[1::2], strict=True):
            await task
            watch.end()


class Feeds:
    """A container whose database says that every other viewer has lost the entry since."""

    def __init__(self) -> None:
        self.asked = 0
        self.live_feeds = self

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["Feeds"]:
        yield self

    async def holders(self, entry: FeedEntry, eyes: Collection[Eyes]) -> set[Eyes]:
        del entry
        self.asked += 1
        return {one for one in eyes if one.user_id not in LOST}


async def test_what_waited_for_long_is_asked_about_once_for_all() -> None:
    container, new = Feeds(), entry()
    shared = SharedFeeds(cast("Container", container))
    told: set[UUID | None] = set()

    async def tell(watch: FeedWatch) -> None:
        await watch.next()
        told.add(watch.eyes.user_id)
        watch.end()

    with ExitStack() as stack:
        watches = [stack.enter_context(shared.watch(Viewer(user_id=reader))) for reader in READERS]
        for watch in watches:
            watch.offer(new, time.monotonic() - 2 * feeds_shared.FRESH)
        telling = [asyncio.create_task(tell(watch)) for watch in watches]
        await asyncio.wait(telling, timeout=0.5)
        for task in telling:
            task.cancel()
        await asyncio.gather(*telling, return_exceptions=True)
    assert told == set(READERS) - LOST
    assert container.asked == 1


async def test_who_becomes_too_slow_while_it_waits_for_a_turn_is_told_so_and_makes_room(
    watches: list[FeedWatch],
) -> None:
    for watch in watches[: feeds_shared.AT_ONCE]:
        await watch.next()
    slow, patient = watches[feeds_shared.AT_ONCE : feeds_shared.AT_ONCE + 2]
    waiting = [asyncio.create_task(watch.next()) for watch in (slow, patient)]
    await asyncio.sleep(0)
    for _ in range(feeds_shared.MOST_UNTAKEN):
        slow.offer(entry(), time.monotonic())
    watches[0].end()
    with pytest.raises(TooSlow):
        await waiting[0]
    async with asyncio.timeout(30):
        await waiting[1]
