"""Make timelines anew."""

import asyncio

from clients.timelines import TimelinesLost, ValkeyTimelines
from core.settings import Settings
from runtime.container import Container
from runtime.launch import Broken, CannotStart, backends, container_of, require_current
from services.feeds import TimelineBuilder

TOLD_EVERY = 1_000


async def rebuild_timelines(settings: Settings, stop: asyncio.Event, username: str | None) -> int:
    """Make the timelines of all active readers anew, or that of one; safe beside running servers and workers."""
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        timelines = ValkeyTimelines(found.redis_url, length=settings.timeline_length, days=settings.timeline_days)
        builder = TimelineBuilder(container.snapshot, timelines, length=settings.timeline_length)
        try:
            return await (_one(container, builder, username) if username else _all(timelines, builder, stop))
        except TimelinesLost as error:
            raise Broken("Valkey does not answer, or not in time; what was made anew stays.") from error
        finally:
            await timelines.close()


async def _one(container: Container, builder: TimelineBuilder, username: str) -> int:
    async with container.reading() as services:
        user = await services.accounts.by_login(username)
    if user is None:
        raise CannotStart(f"There is no account named {username!r}.")
    made = await builder.build(user.id)
    print(f"The timeline of {user.username} {'was made anew' if made else 'is being made by another just now'}.")
    return 0


async def _all(timelines: ValkeyTimelines, builder: TimelineBuilder, stop: asyncio.Event) -> int:
    done = seen = 0
    # A scan may name one twice. Making it twice does no harm; remembering millions would.
    async for user_id in timelines.active():
        if stop.is_set():
            break
        seen += 1
        done += await builder.build(user_id, keep_age=True)
        if seen % TOLD_EVERY == 0:
            print(f"{seen:,} looked at, {done:,} made anew", flush=True)
    print(f"{done:,} of {seen:,} timelines were made anew; the others are being made by their readers.")
    return 0
