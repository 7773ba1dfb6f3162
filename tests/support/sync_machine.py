"""The state machine: devices, a web client, a network and time do what they like; the oracle watches."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.database import Database
from device.engine import Engine
from tests.support.playing import play
from tests.support.rows import emptied
from tests.support.sync_server import Server
from tests.support.sync_world import NAMES, World

Answer = TypeVar("Answer")
NTH = st.integers(0, 7)
WHO = st.integers(0, len(NAMES) - 1)


@dataclass
class Stage:
    """What the examples of one run share: a loop, a server, a folder, the kind of device."""

    loop: asyncio.AbstractEventLoop
    server: Server
    folder: Path
    kind: type[Engine] = Engine
    counts: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    """What the present example has done so far."""
    on_example: Callable[[], None] = lambda: None


@contextmanager
def staged(database_url: str, kind: type[Engine] = Engine) -> Iterator[Stage]:
    """Set a stage on a migrated database, and leave the tables empty."""
    loop = asyncio.new_event_loop()
    database = Database(database_url, pool_size=4)
    server = Server(database)
    with tempfile.TemporaryDirectory(prefix="commonplace-machine-") as folder, server.clocked():
        try:
            yield Stage(loop, server, Path(folder), kind)
        finally:
            loop.run_until_complete(server.close())
            loop.run_until_complete(emptied(database))
            loop.run_until_complete(database.close())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


WHAT = st.sampled_from(
    ["n", "p", "n", "p n", "cPINK", "cBLUE", "vPUBLIC", "vMUTUALS", "n cGREEN", "p vFOLLOWERS", "n cPINK vPUBLIC"]
)
DECK = {
    "edit": 8,
    "create": 3,
    "edit at the same moment": 4,
    "delete": 4,
    "restore": 4,
    "web create": 1,
    "web edit": 2,
    "web edit, version told": 2,
    "web look": 2,
    "web delete": 1,
    "web delete, version told": 1,
    "web restore": 2,
    "push, taken": 8,
    "push, request lost": 2,
    "push, request delayed": 3,
    "push, answer lost": 3,
    "push, answer delayed": 3,
    "push, crash 4": 1,
    "push, crash 60": 1,
    "pull, taken": 5,
    "pull, answer lost": 1,
    "pull, answer delayed": 2,
    "pull, crash 4": 1,
    "pull, crash 60": 1,
    "sync": 5,
    "hear": 6,
    "hang up": 1,
    "late push": 3,
    "repeated push": 3,
    "late answer": 4,
    "crash": 2,
    "wait 1 minute": 5,
    "wait 31 days": 2,
    "wait 181 days": 1,
    "set clock": 3,
    "back up": 2,
    "restore backup": 2,
    "settle": 1,
}
"""How often each rule is drawn, against the others."""
STEP = st.sampled_from([name for name, weight in DECK.items() for _ in range(weight)])


class Machine(RuleBasedStateMachine):
    """The rules. `stage` is set by whoever runs it."""

    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.stage.counts["example"] += 1
        self.stage.story.clear()
        self.stage.on_example()
        self.world = World(self.stage.server, self.stage.folder, self.stage.kind)
        self.broken = False
        self.run(self.world.begin())

    def run(self, work: Awaitable[Answer]) -> Answer:
        """Run a piece of work to its end."""
        try:
            return self.stage.loop.run_until_complete(work)
        except BaseException:
            self.broken = True
            raise

    @initialize(who=WHO, count=st.integers(1, 3))
    def begin_with_some(self, who: int, count: int) -> None:
        """Begin with highlights that all devices have."""
        self.stage.story.append(f"{count} made: {NAMES[who]}")
        self.run(self.world.begin_with_some(self.world.phones[who], count))

    @rule(step=STEP, who=WHO, nth=NTH, what=WHAT)
    def act(self, step: str, who: int, nth: int, what: str) -> None:
        """Somebody or something does a step, if it can be done now."""
        self.stage.story.append(f"{step}: {NAMES[who]}, {nth}, {what}")
        if self.run(self.world.act(step, self.world.phones[who], nth, what)):
            self.stage.counts[step] += 1
        else:
            self.stage.story.pop()

    @invariant()
    def server_is_as_the_model(self) -> None:
        """Compare after each step."""
        if not self.broken:
            self.stage.counts["check"] += self.run(self.world.oracle.check())

    def teardown(self) -> None:
        """Let everybody sync, compare, and switch off."""
        try:
            if not self.broken:
                self.run(self.world.settle())
                self.stage.counts["settle"] += 1
        finally:
            self.stage.loop.run_until_complete(self.world.close())


def prove(stage: Stage, *, examples: int, steps: int, seed_: int) -> None:
    """Play on this stage; raise what is found."""

    class Played(Machine):
        """The machine on this stage."""

    Played.stage = stage
    play(Played, stage.story, examples=examples, steps=steps, seed_=seed_)
