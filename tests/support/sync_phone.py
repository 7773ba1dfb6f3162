"""The reference device's own rules and store, driven step by step over a network that loses, delays and repeats."""

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from auth.viewer import Viewer
from device.api import LIVE, PULL, PUSH
from device.engine import Engine
from device.requests import Position, PullRequest, PushRequest, Taken
from device.store import Op, Store
from tests.support.sync_server import Live, Server, device_id

ZERO = timedelta(0)


class Diverged(AssertionError):
    """Something is not as it must be."""


@dataclass(frozen=True)
class Sent:
    """A push on its way: what left the device, and when that truly was."""

    phone: "Phone"
    request: PushRequest
    at: datetime


Arrived = Callable[[Sent, Any], None]
"""Told of each push that reaches the server, with its payload."""


class Phone:
    """One device: an engine of the given kind over a file, a clock of its own, and what is on its way to and from it."""

    def __init__(self, server: Server, viewer: Viewer, path: Path, kind: type[Engine], arrived: Arrived) -> None:
        self.server = server
        self.viewer = viewer
        self.wrong_by = ZERO
        self._path = path
        self._kind = kind
        self._arrived = arrived
        self._live: tuple[Live, Position] | None = None
        self.answers: list[Callable[[], Any]] = []
        """Answers of the server that have not arrived here yet."""
        self.open()
        self.store.put(device_id=device_id(viewer))
        self.engine.met(server.now.isoformat(), self.now())

    def now(self) -> datetime:
        """Look at this device's clock."""
        return self.server.now + self.wrong_by

    def open(self) -> None:
        """Start the app."""
        self.store = Store(self._path)
        self.store._db.execute("PRAGMA synchronous = OFF")  # the machine stays up; only the app dies
        self.engine = self._kind(self.store, now=self.now)

    async def crash(self) -> None:
        """Die at once and start again: what was on its way to here is lost."""
        await self.hang_up()
        self.answers.clear()
        self.store.close()
        self.open()

    async def crash_while(self, take: Callable[[], Any], after: int) -> None:
        """Die in the middle of taking an answer, after so many steps of the database."""
        left = after

        def stop() -> int:
            nonlocal left
            left -= 1
            return int(left <= 0)

        self.store._db.set_progress_handler(stop, 10)
        with contextlib.suppress(sqlite3.OperationalError):  # interrupted
            take()
        await self.crash()

    def set_clock(self, wrong_by: timedelta) -> None:
        """Set the clock wrong, and sign in, which tells the device by how much."""
        self.wrong_by = wrong_by
        self.engine.met(self.server.now.isoformat(), self.now())

    @property
    def holds(self) -> dict[str, dict[str, Any]]:
        """What its user sees."""
        return {
            shown.uuid: {
                "passage": shown.body["text"],
                "note": shown.body["note"],
                "color": shown.body["color"],
                "visibility": shown.body["visibility"] or "PRIVATE",
            }
            for shown in self.engine.view()
        }

    def queue(self) -> list[Op]:
        """List what waits."""
        return self.store.queue()

    # --- the network ---

    def send(self) -> Sent | None:
        """Let the next batch leave."""
        request = self.engine.next_push()
        return Sent(self, request, self.server.now) if request else None

    async def arrive(self, sent: Sent) -> Any:
        """Let a batch arrive at the server; the payload, on its way back."""
        payload = (await self.server.ask(self.viewer, PUSH, **sent.request.variables))["pushHighlightChanges"]
        self._arrived(sent, payload)
        return payload

    async def push(self) -> Taken | None:
        """Send a batch and take its answer."""
        sent = self.send()
        if sent is None:
            return None
        return self.engine.take_push(sent.request, await self.arrive(sent))

    async def pulled(self, first: int) -> tuple[PullRequest, Any]:
        """Ask for a page, and leave it on its way."""
        request = self.engine.next_pull(first)
        answer = await self.server.ask(self.viewer, PULL, **request.variables)
        return request, answer["highlightChanges"]

    async def pull(self, first: int) -> Taken:
        """Ask for a page and take it."""
        return self.engine.take_page(*await self.pulled(first))

    async def hear(self, most: int | None = None) -> int:
        """Listen, or go on listening, to at most so many events; how many were taken."""
        if self._live is None:
            position = self.engine.position
            live = await self.server.subscribe(
                self.viewer, LIVE, deviceId=device_id(self.viewer), after=position.cursor
            )
            self._live = live, position
        live, position = self._live
        count = 0
        for event in await live.ready(most):
            taken = self.engine.take_event(position, event)
            if not taken.taken or taken.resync:
                await self.hang_up()
                return count
            position = self.engine.position
            count += 1
        self._live = live, position
        if live.over:
            await self.hang_up()
        return count

    async def hang_up(self) -> None:
        """Lose the live connection."""
        if self._live is not None:
            live, self._live = self._live[0], None
            await live.close()

    async def sync(self, first: int = 500) -> int:
        """Push and pull until there is nothing more; how much came of it."""
        did = 0
        for _ in range(200):
            taken = (await self.push() if self.queue() else None) or await self.pull(first)
            did += len(taken.told) + len(taken.changes) + (taken.resync is not None)
            if taken.taken and not taken.has_more and not self.queue():
                return did
        raise Diverged("a device does not come to rest")

    async def close(self) -> None:
        """Switch off."""
        await self.hang_up()
        self.store.close()
