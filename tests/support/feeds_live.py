"""Listen to home feeds, live."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app import BROKER
from subscriptions.broker import Broker
from tests.support.api import Reader, Socket
from tests.support.sync import until

LIVE = "subscription { it: homeFeed { cursor repostedBy { username } node { id text author { username } } } }"
PAGE = "{ it: homeFeed(first: 5) { edges { cursor repostedBy { username } node { id text author { username } } } } }"
PATIENCE = 20.0


def ear_of(reader: Reader) -> Broker:
    """Find the broker of the application that a reader talks to."""
    assert reader.http.app is not None
    found: Broker = reader.http.app[BROKER]
    return found


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
