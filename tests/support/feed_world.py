"""A few readers, their home feeds, and what goes wrong around them, step by step: what the state machine draws from."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from auth.viewer import Viewer
from tests.support.feed_check import Checker
from tests.support.feed_faults import Held, Weather, hold_up, let_go
from tests.support.feed_people import NAMES, Move, People
from tests.support.feed_server import FeedServer

WAITS = {"wait a minute": timedelta(minutes=1), "wait 4 days": timedelta(days=4), "wait 8 days": timedelta(days=8)}
SIZES = (3, 2, 5, 8, 12, 100)
LOOK_AFTER = 0.1
STOPS = (1, 2, 3, 4, 4, 4, 5, 6)
"""Where a reader without a timeline is held up: the fourth trip puts in place what was made."""


class World(People):
    """The readers, the server, its jobs and its Valkey; every step of the machine is a method."""

    def __init__(self, server: FeedServer, weather: Weather, counts: Counter[str]) -> None:
        super().__init__(server)
        self.weather = weather
        self.check = Checker(server, weather, self.oracle, counts)
        self.held: list[Held] = []
        self._counts = counts

    async def begin(self, seed: int) -> None:
        """Begin in good weather."""
        await self._weather()
        await super().begin(seed)

    async def close(self) -> None:
        """Let everybody go."""
        for held in self.held:
            held.task.cancel()
        await asyncio.gather(*(held.task for held in self.held), return_exceptions=True)

    async def settle(self) -> None:
        """Let everything heal and all work be done; then every page of every reader must be right."""
        await self._weather()
        await self._let_all_go()
        await self.server.run_all()
        for number, reader in enumerate(self.readers):
            await self.check.feed(reader, 7 if number == self._written % len(NAMES) else 100)

    async def act(self, step: str, one: Viewer, other: Viewer, nth: int) -> bool:
        """Do a step; False when there is nothing to do it with. Who is held may stand in its way, and is let go then."""
        work = asyncio.ensure_future(self._act(step, one, other, nth))
        while self.held:
            done, _ = await asyncio.wait([work], timeout=LOOK_AFTER)
            if done:
                break
            if await self.server.stands_still():
                self._counts["stood in the way"] += 1
                await self._let_all_go()
        return await work

    async def _act(self, step: str, one: Viewer, other: Viewer, nth: int) -> bool:
        if step in WAITS:
            await self.server.age(WAITS[step])
            self.check.pass_time(WAITS[step])
            return True
        return await self._moves()[step](one, other, nth) is not False

    def _moves(self) -> dict[str, Move]:
        server = self.server
        return {
            **self.moves(),
            "run a job": lambda *_: server.run_one(),
            "run all jobs": lambda *_: server.run_all(),
            "run a job again": lambda _, __, nth: server.run_again(nth % 5),
            "shuffle jobs": lambda _, __, nth: server.shuffle(nth),
            "let jobs lie": lambda *_: server.forget_jobs(),
            "flush Valkey": lambda *_: server.lose(),
            "restart Valkey": lambda *_: server.restart(),
            "lose a timeline": lambda one, *_: server.lose(one.require()),
            "Valkey goes": lambda *_: self._weather(is_away=True),
            "Valkey loses answers": lambda *_: self._weather(loses_answers=True),
            "Valkey is well": lambda *_: self._weather(),
            "look": lambda one, _, nth: self.check.feed(one, SIZES[nth % len(SIZES)]),
            "look while others write": self._look_while,
            "hold a reader": self._hold_reader,
            "hold a job": self._hold_job,
            "write while a timeline is made": self._write_while_made,
            "let go": lambda _, __, nth: self._let_go(nth),
        }

    async def _weather(self, *, is_away: bool = False, loses_answers: bool = False) -> bool:
        before = self.weather.is_away, self.weather.loses_answers
        self.weather.is_away, self.weather.loses_answers = is_away, loses_answers
        self.server.mend()
        return before != (is_away, loses_answers)

    async def _look_while(self, one: Viewer, other: Viewer, nth: int) -> None:
        async def write() -> None:
            await self._post([other], nth)
            if nth % 2:
                await self.server.run_all()

        await self.check.feed(one, SIZES[nth % 4], between=write)

    async def _hold_reader(self, one: Viewer, _: Viewer, nth: int) -> bool:
        """Stop a reader somewhere in the middle, mostly of making their timeline anew."""
        if nth % 4:
            await self.server.lose(one.require())
        return await self._hold("reader", lambda: self.server.read(one, SIZES[nth % 4], None), STOPS[nth % 8], one)

    async def _hold_job(self, _: Viewer, __: Viewer, nth: int) -> bool:
        await self.server.make_due()
        return await self._hold("job", self.server.runner.run_one, nth % 3 + 1)

    async def _write_while_made(self, one: Viewer, other: Viewer, nth: int) -> bool:
        """Stop a reader before their new timeline is put in place, let those they follow write, and look at what came of it."""
        me = one.require()
        followed = [reader for reader in self.readers if (me, reader.require()) in self.oracle.follows] or [other]
        await self.server.lose(me)
        if not await self._hold("reader", lambda: self.server.read(one, SIZES[1], None), (4, 4, 3)[nth % 3], one):
            return False
        held = self.held[-1]
        await self._post([followed[nth % len(followed)]], nth)
        await (self._repost_anew, self._undo, self._delete)[nth % 3](other, one, nth // 3)
        await self.server.run_all()
        if held in self.held:
            await self._let_go(self.held.index(held))
        await self.check.feed(one, 100)
        return True

    async def _hold(self, what: str, work: Callable[[], Any], countdown: int, who: Viewer | None = None) -> bool:
        held = await hold_up(work, countdown, who)
        if who is not None:
            self.check.has_read(who.require())
        if held is not None:
            self.held.append(held)
            self._counts[f"held: {what} at {countdown}"] += 1
        return held is not None

    async def _let_go(self, nth: int) -> bool:
        if not self.held:
            return False
        await self._end(self.held.pop(nth % len(self.held)))
        return True

    async def _let_all_go(self) -> None:
        """Let all go at once: one of them may wait for another."""
        held, self.held = self.held, []
        await asyncio.gather(*map(self._end, held))

    async def _end(self, held: Held) -> None:
        told = await let_go(held)
        if held.who is not None:
            self.check.has_read(held.who.require())
            self.check.allowed(held.who.require(), told)
