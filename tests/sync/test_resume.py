"""Stopping anywhere and going on is the same as going in one go: for each cursor, page size, way and process."""

import base64
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest

from auth.viewer import Viewer
from core.database import Database
from device.api import LIVE, PULL
from tests.support.sync_bad import Variant, floor_against_seq, no_floor
from tests.support.sync_server import Live, Server, device_id
from tests.support.sync_world import World

MINUTE, MONTH, HALF_A_YEAR = timedelta(minutes=1), timedelta(days=31), timedelta(days=181)
MOST_PAGES = 40
WAYS = (1, 2, 3, 7, 500, None)
"""Page sizes; None is a subscription."""
BAD_FLOORS = (
    Variant("floor compared with seq alone", attribute="services.sync.pull.read_cursor", replacement=floor_against_seq),
    Variant("no floor", attribute="services.sync.pull.read_cursor", replacement=no_floor),
)


class Endless(AssertionError):
    """A run of pulls that does not end."""


@dataclass
class Reading:
    """What somebody who only reads holds, and where they stopped."""

    server: Server
    viewer: Viewer
    cursor: str | None = None
    held: dict[str, str] = field(default_factory=dict)
    cursors: list[str] = field(default_factory=list)
    began_anew: list[str] = field(default_factory=list)

    def copy(self) -> "Reading":
        """Stop here, to go on later."""
        return Reading(self.server, self.viewer, self.cursor, dict(self.held))

    def take(self, change: Any) -> None:
        """Apply one change."""
        self.cursors.append(change["cursor"])
        if change["__typename"] == "HighlightRemoved":
            self.held.pop(change["uuid"], None)
        else:
            self.held[change["highlight"]["uuid"]] = change["highlight"]["version"]

    def begin_anew(self, reason: str) -> None:
        """Do as told."""
        self.began_anew.append(reason)
        self.cursor, self.held = None, {}

    async def page(self, first: int) -> bool:
        """Pull a page; whether there is more."""
        data = await self.server.ask(self.viewer, PULL, deviceId=device_id(self.viewer), after=self.cursor, first=first)
        page = data["highlightChanges"]
        if page["resync"]:
            self.begin_anew(page["resync"])
            return True
        for change in page["changes"]:
            self.take(change)
        self.cursor = page["cursor"]
        return bool(page["hasMore"])

    async def pull(self, first: int) -> None:
        """Pull until there is no more."""
        for _ in range(MOST_PAGES):
            if not await self.page(first):
                return
        raise Endless

    async def open(self) -> Live:
        """Subscribe where it stopped."""
        return await self.server.subscribe(self.viewer, LIVE, deviceId=device_id(self.viewer), after=self.cursor)

    async def listen(self, most: int | None = None, live: Live | None = None) -> None:
        """Take what a subscription has to say now, and hang up unless it is somebody else's."""
        heard = live or await self.open()
        for event in await heard.ready(most):
            if event["__typename"] == "ResyncRequired":
                self.begin_anew(event["reason"])
                break
            if event["__typename"] != "SyncCaughtUp":
                self.take(event)
            self.cursor = event["cursor"]
        if live is None:
            await heard.close()


def place(cursor: str) -> tuple[int, int]:
    """Read base and seq out of a cursor."""
    _, _, _, base, seq = orjson.loads(base64.urlsafe_b64decode(cursor + "=="))
    return base, seq


async def history(world: World, stops: list[Reading]) -> dict[str, str]:
    """Let much happen; after each step somebody reads on, and somebody begins and stops after each change. What stands in the end."""
    phone, tablet, kindle = world.phones
    steady = Reading(world.server, kindle.viewer)
    for step in (
        *("create",) * 4,
        *("edit", "delete", "edit", "create", "delete", "restore", "delete"),
        *("wait 31 days", "create", "edit", "delete", "wait 181 days", "create", "delete", "edit"),
        *("wait 31 days", "wait 181 days", "create", "edit", "delete", "create", "wait 31 days", "edit"),
    ):
        who = (phone, tablet)[len(stops) % 2]
        await world.act(step, who, len(stops), "n")
        await who.sync()
        await world.oracle.check()
        await steady.pull(500)
        stops.append(steady.copy())
        if step.startswith("wait") or step == "delete":
            begun = Reading(world.server, kindle.viewer)
            while await begun.page(1):
                stops.append(begun.copy())
                if begun.began_anew:
                    raise Endless
    return {str(row.id): row.id.hex for row in await world.server.rows() if row.deleted_at is None}


async def test_going_on_from_any_stop_by_any_way_ends_where_one_go_ends(world: World) -> None:
    await every_stop(world)


@pytest.mark.parametrize("variant", BAD_FLOORS, ids=str)
async def test_a_wrong_floor_is_noticed(world: World, variant: Variant) -> None:
    with variant.in_place(), pytest.raises((Endless, AssertionError)):
        await every_stop(world)


async def every_stop(world: World) -> None:
    """Go on from each stop of a history, in each way."""
    stops: list[Reading] = []
    alive = await history(world, stops)
    whole = Reading(world.server, world.phones[2].viewer)
    await whole.pull(500)
    assert whole.held.keys() == alive.keys()
    _, floor = await world.server.counter()
    told = 0
    for stop in stops:
        for size in WAYS:
            reading = stop.copy()
            await (reading.pull(size) if size else reading.listen())
            if reading.began_anew:
                told += 1
                assert reading.began_anew == ["CURSOR_TOO_OLD"]
                assert floor > max(place(stop.cursor or ""))
                await reading.pull(size or 500)
            assert reading.held == whole.held, f"stopped at {stop.cursor}, went on by {size}"
            assert len(set(reading.cursors)) == len(reading.cursors)
            assert [place(c)[1] for c in reading.cursors] == sorted(place(c)[1] for c in reading.cursors)
    assert 0 < told < len(WAYS) * (len(stops) - 10)


async def test_a_first_sync_of_single_changes_ends_though_what_it_read_is_purged_at_each_cut(world: World) -> None:
    phone, _, kindle = world.phones
    for number in range(9):
        world.create(phone, "n")
        if number % 3 == 0:
            await phone.sync()
            world.delete(phone, 0)
    await phone.sync()
    reading, more = Reading(world.server, kindle.viewer), True
    while more:
        more = await reading.page(1)
        await world.pass_time(HALF_A_YEAR)
    assert reading.began_anew == []
    assert reading.held.keys() == phone.holds.keys()
    await reading.listen()
    assert reading.began_anew == []


@pytest.fixture
async def elsewhere(urls: tuple[str, str], world: World) -> AsyncIterator[Server]:
    """The same reader at another process, whose bells do not ring for the first."""
    database = Database(urls[0], pool_size=4)
    server = Server(database)
    server.user_id = world.server.user_id
    await server.container.refresh_epoch()
    yield server
    await server.close()
    await database.close()


@dataclass
class Restless:
    """Somebody who reads now here, now there, and whose connections break."""

    reading: Reading
    servers: tuple[Server, Server]
    dice: random.Random
    live: Live | None = None

    async def hang_up(self) -> None:
        """Lose the connection."""
        if self.live is not None:
            live, self.live = self.live, None
            await live.close()

    async def step(self) -> None:
        """Read some more, or change one's mind."""
        what = self.dice.choice(["pull", "listen", "break", "other process", "sweep"])
        if what in ("listen", "sweep"):
            if what == "sweep":
                self.reading.server.bells.ring(self.reading.server.user_id)
            self.live = self.live or await self.reading.open()
            await self.reading.listen(self.dice.choice([1, 2, None]), self.live)
            return
        await self.hang_up()
        if what == "other process":
            self.reading.server = self.servers[self.reading.server is self.servers[0]]
        if what == "pull":
            await self.reading.page(self.dice.choice([1, 2, 500]))


@pytest.mark.parametrize("seed", range(4))
async def test_pulls_and_subscriptions_of_two_processes_that_break_at_random_give_each_change_once(
    world: World, elsewhere: Server, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    phone, tablet, kindle = world.phones
    await world.begin_with_some(phone, 3)
    reading = Reading(world.server, kindle.viewer)
    restless = Restless(reading, (world.server, elsewhere), dice)
    for _ in range(60):
        deed = dice.choice(["create", "edit", "edit", "delete", "restore"])
        await world.act(deed, dice.choice([phone, tablet]), dice.randrange(8), "n")
        world.server.bells.deaf = dice.random() < 0.3  # Valkey is away: until the sweep, or the next pull
        for who in (phone, tablet):
            if dice.random() < 0.4 and await who.push() and not world.server.bells.deaf:
                elsewhere.bells.ring(elsewhere.user_id)
        await restless.step()
    await restless.hang_up()
    await reading.pull(2)
    assert reading.began_anew == []
    assert len(set(reading.cursors)) == len(reading.cursors)
    assert [place(c)[1] for c in reading.cursors] == sorted(place(c)[1] for c in reading.cursors)
    await world.settle()
    await reading.pull(500)
    assert reading.held.keys() == phone.holds.keys()
