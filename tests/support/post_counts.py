"""Posts whose counts are watched, live."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import update

from clients import bus
from core.events import PostCountsChanged
from core.ids import global_id, read_id
from models import Post
from runtime.container import Container
from subscriptions.broker import Broker
from tests.support.api import Reader, Socket
from tests.support.feeds import id_of
from tests.support.seeding import Seeder

LIVE = "subscription($ids: [ID!]!) { it: postCounts(postIds: $ids) { postId likeCount commentCount repostCount } }"
PATIENCE = 20.0


async def written(container: Container, author: Reader, **more: Any) -> UUID:
    """Write a post; its key."""
    async with container.database.writing() as session:
        return (await Seeder(session).post(id_of(author), **more)).id


async def liked(container: Container, post_id: UUID, times: int = 1, *, bell: bool = True) -> None:
    """Let so many more readers like a post."""
    async with container.database.writing() as session:
        await session.execute(update(Post).where(Post.id == post_id).values(like_count=Post.like_count + times))
    if bell:
        container.bus.publish([PostCountsChanged(post_id)])


@asynccontextmanager
async def watching(reader: Reader, *post_ids: UUID) -> AsyncIterator[Socket]:
    """Watch the counts of posts."""
    async with reader.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE, ids=[global_id("Post", post_id) for post_id in post_ids])
        yield socket


async def heard(socket: Socket) -> tuple[UUID, int]:
    """Hear of a post: its key, and how many like it."""
    told = (await socket.next(PATIENCE))["it"]
    return read_id(told["postId"], "Post"), told["likeCount"]


async def nothing_left(ear: Broker) -> bool:
    """Tell whether no subscription, post or channel is held any more; that of an open socket's reader is."""
    counts = ear._counts
    channels = {bus.key_of(name) for name in ear._bus._channels}
    held = channels - ear.user_ids
    return not (ear.subscription_count or counts._posts or counts._changed or counts._new or held)
