"""What can go wrong around a home feed, one step at a time: somebody is held up in the middle of their work, Valkey is away or forgets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from redis.asyncio.client import Pipeline, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.database import Database


@dataclass(eq=False)
class Hold:
    """Somebody who stops at the n-th time that they go to PostgreSQL or Valkey, until let go."""

    countdown: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def pass_by(self) -> None:
        """Go by, or stop here."""
        self.countdown -= 1
        if self.countdown == 0:
            self.reached.set()
            await self.released.wait()


_HELD: ContextVar[Hold | None] = ContextVar("held", default=None)


@dataclass
class Weather:
    """How Valkey fares."""

    is_away: bool = False
    loses_answers: bool = False
    """Whether it does what it is told, and nobody hears of it."""
    trips: int = 0

    async def through(self, go: Callable[[], Any]) -> Any:
        """Go to Valkey, if it is there."""
        if (hold := _HELD.get()) is not None:
            await hold.pass_by()
        self.trips += 1
        if self.is_away:
            raise RedisConnectionError("away")
        answer = await go()
        if self.loses_answers:
            raise RedisTimeoutError("the answer is lost")
        return answer


class Onlooker(Redis):
    """A client that no weather keeps from Valkey."""

    execute_command = Redis.execute_command


@contextmanager
def weathered() -> Iterator[Weather]:
    """Put a place to stop before every trip to Valkey and every session of the database."""
    weather = Weather()
    command: Callable[..., Any] = Redis.execute_command
    execute: Callable[..., Any] = Pipeline.execute
    snapshot, writing = Database.snapshot, Database.writing

    async def one(self: Any, *arguments: Any, **options: Any) -> Any:
        return await weather.through(lambda: command(self, *arguments, **options))

    async def many(self: Any, *arguments: Any, **options: Any) -> Any:
        return await weather.through(lambda: execute(self, *arguments, **options))

    @asynccontextmanager
    async def read(self: Database) -> AsyncIterator[AsyncSession]:
        if (hold := _HELD.get()) is not None:
            await hold.pass_by()
        async with snapshot(self) as session:
            yield session

    @asynccontextmanager
    async def write(self: Database) -> AsyncIterator[AsyncSession]:
        async with writing(self) as session:
            yield session
            if (hold := _HELD.get()) is not None:
                await hold.pass_by()

    with (
        mock.patch.object(Redis, "execute_command", one),
        mock.patch.object(Pipeline, "execute", many),
        mock.patch.object(Database, "snapshot", read),
        mock.patch.object(Database, "writing", write),
    ):
        yield weather


@dataclass(eq=False)
class Held:
    """A piece of work that is held up somewhere in its middle, and the reader who reads, if it is one."""

    task: "asyncio.Task[Any]"
    hold: Hold
    who: Viewer | None


async def hold_up(work: Callable[[], Any], countdown: int, who: Viewer | None) -> Held | None:
    """Begin a piece of work and stop it before its n-th trip; None when it has ended before."""
    hold = Hold(countdown)

    async def begin() -> Any:
        _HELD.set(hold)
        return await work()

    task = asyncio.create_task(begin())
    reached = asyncio.create_task(hold.reached.wait())
    await asyncio.wait([task, reached], return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    if task.done():
        task.result()
        return None
    return Held(task, hold, who)


async def let_go(held: Held) -> Any:
    """Let a held piece of work go on to its end."""
    held.hold.released.set()
    return await held.task
