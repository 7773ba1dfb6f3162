"""The state machine: readers do what they like with each other and with what they write; the design is watched."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.database import Database
from tests.support.playing import play
from tests.support.rows import emptied
from tests.support.who_sees_what_server import NAMES, Server
from tests.support.who_sees_what_world import World

Answer = TypeVar("Answer")
DECK = {
    "follow": 9,
    "unfollow": 2,
    "respond": 3,
    "remove follower": 1,
    "block": 4,
    "unblock": 2,
    "mute": 3,
    "unmute": 1,
    "go private": 3,
    "go public": 4,
    "switch followers": 1,
    "switch showing": 2,
    "highlight": 4,
    "change highlight": 3,
    "delete highlight": 2,
    "post": 6,
    "delete post": 2,
    "comment": 5,
    "delete comment": 1,
    "read on": 8,
}
"""How often each step is drawn, against the others."""
STEP = st.sampled_from([name for name, weight in DECK.items() for _ in range(weight)])
WHO = st.integers(0, len(NAMES) - 1)
NTH = st.integers(0, 11)


@dataclass
class Stage:
    """What the examples of one run share."""

    loop: asyncio.AbstractEventLoop
    server: Server
    counts: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    """What the present example has done so far."""
    on_example: Callable[[], None] = lambda: None


@contextmanager
def staged(database_url: str) -> Iterator[Stage]:
    """Set a stage on a migrated database, and leave the tables empty."""
    loop = asyncio.new_event_loop()
    database = Database(database_url, pool_size=2)
    try:
        yield Stage(loop, Server(database))
    finally:
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
        self.world = World(self.stage.server)
        self.broken = False
        self.run(self.world.begin())

    def run(self, work: Awaitable[Answer]) -> Answer:
        """Run a piece of work to its end."""
        try:
            return self.stage.loop.run_until_complete(work)
        except BaseException:
            self.broken = True
            raise

    @initialize(nth=NTH)
    def begin_with_some(self, nth: int) -> None:
        """Begin with something to see."""
        self.run(self.world.begin_with_some(nth))

    @rule(step=STEP, who=WHO, nth=NTH, pick=NTH)
    def act(self, step: str, who: int, nth: int, pick: int) -> None:
        """Somebody does something."""
        self.stage.story.append(f"{step}: {NAMES[who]}, {nth}, {pick}")
        if self.run(self.world.act(step, self.world.society.readers[who], nth, pick)):
            self.stage.counts[step] += 1
        else:
            self.stage.story.pop()

    @invariant()
    def everybody_sees_what_the_design_says(self) -> None:
        """Compare after each step."""
        if not self.broken:
            self.stage.counts["compared"] += self.run(self.world.compare())

    def teardown(self) -> None:
        """Compare lists, too."""
        if not self.broken:
            self.stage.counts["compared lists"] += self.run(self.world.compare_lists())


def prove(stage: Stage, *, examples: int, steps: int, seed_: int) -> None:
    """Play on this stage; raise what is found."""

    class Played(Machine):
        """The machine on this stage."""

    Played.stage = stage
    play(Played, stage.story, examples=examples, steps=steps, seed_=seed_)
