"""The state machine of home feeds: readers, jobs, Valkey and time do what they like; the oracle watches."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from structlog.testing import capture_logs

from core.database import Database
from tests.support.feed_check import WrongFeed
from tests.support.feed_faults import Weather, weathered
from tests.support.feed_people import NAMES
from tests.support.feed_server import LATE, LOOKED_AT, FeedServer
from tests.support.feed_world import World
from tests.support.playing import play
from tests.support.rows import emptied

Answer = TypeVar("Answer")
CHANCE = st.integers(0, 2**32 - 1)
DECK = {
    "post": 9,
    "post together": 4,
    "delete": 4,
    "restore": 4,
    "repost": 6,
    "repost together": 3,
    "undo repost": 4,
    "repost anew": 4,
    "follow": 6,
    "unfollow": 4,
    "remove follower": 2,
    "accept": 3,
    "decline": 1,
    "block": 2,
    "unblock": 2,
    "mute": 5,
    "unmute": 4,
    "close or open account": 3,
    "run a job": 9,
    "run all jobs": 8,
    "run a job again": 4,
    "shuffle jobs": 3,
    "let jobs lie": 2,
    "flush Valkey": 1,
    "restart Valkey": 4,
    "lose a timeline": 3,
    "Valkey goes": 2,
    "Valkey loses answers": 2,
    "Valkey is well": 5,
    "wait a minute": 2,
    "wait 4 days": 3,
    "wait 8 days": 1,
    "look": 10,
    "look while others write": 5,
    "hold a reader": 5,
    "write while a timeline is made": 4,
    "hold a job": 4,
    "let go": 6,
}
"""How often each step is drawn, against the others."""
AWAKE = 5
"""So many readers are looked at again and again; the others fall asleep."""


@dataclass
class Stage:
    """What the examples of one run share: a loop, a server, the weather."""

    loop: asyncio.AbstractEventLoop
    server: FeedServer
    weather: Weather
    counts: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    """What the present example has done so far."""
    on_example: Callable[[], None] = lambda: None
    found: WrongFeed | None = None
    """What was found first, with what came before it; when it is played again, it need not come again."""
    found_in: int = 0


@contextmanager
def lowered() -> Iterator[None]:
    """Set limits so that a few entries reach them, and a crowded machine does not."""
    with mock.patch("services.feeds.LOOKED_AT", LOOKED_AT), mock.patch("repositories.feeds.LATE", LATE):
        yield


@contextmanager
def staged(urls: tuple[str, str]) -> Iterator[Stage]:
    """Set a stage on a migrated database and a Valkey that nobody else uses, and leave both empty."""
    loop = asyncio.new_event_loop()
    database = Database(urls[0], pool_size=8)
    # What goes wrong here is meant to, and rendering its tracebacks would take most of the time.
    with weathered() as weather, lowered(), capture_logs():
        server = FeedServer(database, urls[1])
        try:
            yield Stage(loop, server, weather)
        finally:
            loop.run_until_complete(server.close())
            loop.run_until_complete(emptied(database))
            loop.run_until_complete(database.close())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


class Machine(RuleBasedStateMachine):
    """The rules. `stage` is set by whoever runs it."""

    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.stage.counts["example"] += 1
        self.stage.story.clear()
        self.stage.on_example()
        self.world = World(self.stage.server, self.stage.weather, self.stage.counts)
        self.broken = False
        self.turn = 0
        self.actor = 0

    def run(self, work: Awaitable[Answer]) -> Answer:
        """Run a piece of work to its end."""
        try:
            return self.stage.loop.run_until_complete(work)
        except BaseException as error:
            self.broken = True
            if isinstance(error, WrongFeed) and self.stage.found is None:
                error.add_note("after\n" + "\n".join(self.stage.story))
                self.stage.found, self.stage.found_in = error, self.stage.counts["example"]
            raise

    @initialize(chance=CHANCE)
    def begin(self, chance: int) -> None:
        """Begin with some who follow each other, and have written."""
        self.stage.story.append(f"begin: {chance}")
        self.run(self.world.begin(chance))

    @rule(chance=CHANCE)
    def act(self, chance: int) -> None:
        """Somebody or something does a step, if it can be done now."""
        # Drawn here, not by hypothesis, which likes to draw the same again: to say "post" thirty times finds nothing.
        dice = random.Random(chance + 2**32 * self.turn)  # noqa: S311
        [step] = dice.choices(list(DECK), list(DECK.values()))
        who, whom, nth = dice.randrange(len(NAMES)), dice.randrange(len(NAMES)), dice.randrange(64)
        self.turn += 1
        self.stage.story.append(f"{step}: {NAMES[who]}, {NAMES[whom]}, {nth}")
        if self.run(self.world.act(step, self.world.readers[who], self.world.readers[whom], nth)):
            self.stage.counts[step] += 1
            self.actor = who
        else:
            self.stage.story.pop()

    @invariant()
    def somebody_s_feed_is_right(self) -> None:
        """Look at a feed after every second step: at that of who did the last one, or at another, in turns."""
        if not self.broken and self.world.readers and self.turn % 2 == 0:
            who = self.actor if self.turn % 4 else self.turn // 4
            self.run(self.world.check.feed(self.world.readers[who % AWAKE], 100))

    def teardown(self) -> None:
        """Let everything come to rest, and look at everybody's feed."""
        try:
            if not self.broken:
                self.run(self.world.settle())
                self.stage.counts["settle"] += 1
        finally:
            self.stage.loop.run_until_complete(self.world.close())


def prove(stage: Stage, *, examples: int, steps: int, seed_: int) -> None:
    """Play on this stage; raise what was found first, which need not come again when it is played again."""

    class Played(Machine):
        """The machine on this stage."""

    Played.stage = stage
    try:
        play(Played, stage.story, examples=examples, steps=steps, seed_=seed_)
    except BaseException:
        if stage.found is not None:
            raise stage.found from None
        raise
