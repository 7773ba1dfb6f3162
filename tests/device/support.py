"""Answers as the server gives them, faults on the way to it, and devices that stay in sync for a while."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from device import Device, Engine, Store, Transport, Unreachable
from device.store import Json

BOOK = {"named": {"title": "The Salt Almanac", "authors": ["Orla Finch"]}}
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def told(uuid: str, version: str, **more: Any) -> Json:
    """Make a highlight as the server tells it."""
    return {
        "id": f"id-{uuid}",
        "uuid": uuid,
        "version": version,
        "text": f"Words of {uuid}.",
        "note": None,
        "color": "YELLOW",
        "visibility": "PRIVATE",
        "createdAt": NOON.isoformat(),
        "updatedAt": NOON.isoformat(),
        "deletedAt": None,
        "anchor": dict.fromkeys(("locationStart", "locationEnd", "prefix", "suffix", "cfi", "page", "percent")),
        "book": {"id": "book", "isbn": None, "title": "The Salt Almanac", "authors": ["Orla Finch"]},
        "conflictOf": None,
    } | more


def upserted(cursor: str, highlight: Json) -> Json:
    """Make a change that leaves a highlight."""
    return {"__typename": "HighlightUpserted", "cursor": cursor, "originDeviceId": None, "highlight": highlight}


def removed(cursor: str, uuid: str, at: datetime = NOON) -> Json:
    """Make a change that takes a highlight away."""
    return {"__typename": "HighlightRemoved", "cursor": cursor, "uuid": uuid, "removedAt": at.isoformat()}


def page(cursor: str, *changes: Json, has_more: bool = False, resync: str | None = None) -> Json:
    """Make a page of changes."""
    return {"changes": list(changes), "cursor": cursor, "hasMore": has_more, "resync": resync}


def result(op_id: str, outcome: str = "APPLIED", **more: Any) -> Json:
    """Make the outcome of an operation."""
    return {"opId": op_id, "outcome": outcome, "replayed": False, "highlight": None, "fork": None, "error": None} | more


def answer(*results: Json, changes: Json | None = None, errors: tuple[Json, ...] = ()) -> Json:
    """Make the payload of a push."""
    return {"results": list(results), "changes": changes, "userErrors": list(errors)}


class Clock:
    """A device's clock, which may be wrong."""

    def __init__(self, off: timedelta = timedelta()) -> None:
        self.off = off

    def __call__(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) + self.off


class Faulty:
    """A way to the server that loses requests, or answers to requests that arrived."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.lose_requests = 0
        self.lose_answers = 0
        self.sent: list[Mapping[str, Any]] = []

    @property
    def token(self) -> str | None:
        """The session."""
        return self.inner.token

    @token.setter
    def token(self, token: str | None) -> None:
        self.inner.token = token

    async def execute(self, document: str, variables: Mapping[str, Any]) -> Json:
        """Send an operation, or seem to."""
        self.sent.append(variables)
        if self.lose_requests:
            self.lose_requests -= 1
            raise Unreachable("the request was lost")
        data = await self.inner.execute(document, variables)
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unreachable("the answer was lost")
        return data

    async def close(self) -> None:
        """Let connections go."""
        await self.inner.close()


def faulty(device: Device) -> Faulty:
    """Put faults between a device and its server."""
    found = device._transport = Faulty(device.transport)
    return found


async def until(holds: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until something holds."""
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


@asynccontextmanager
async def running(*devices: Device) -> AsyncIterator[None]:
    """Keep devices in sync for a while."""
    tasks = [asyncio.create_task(device.run()) for device in devices]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


def words(device: Device) -> dict[str, tuple[str, str | None, str]]:
    """Tell what a user sees: text, note and colour of each highlight."""
    return {s.uuid: (s.body["text"], s.body["note"], s.body["color"]) for s in device.engine.view()}


async def all_sync(*devices: Device) -> None:
    """Let each push, then each pull; afterwards all must hold the same."""
    for device in (*devices, *devices):
        await device.sync_once()
    first = {row.uuid: row.body for row in devices[0].store.rows()}
    for device in devices[1:]:
        assert {row.uuid: row.body for row in device.store.rows()} == first
    assert all(device.store.pending() == 0 for device in devices)


class HalfDead:
    """A way to a server on which, once `dead`, nothing passes any more, and nobody is told."""

    def __init__(self, url: str) -> None:
        self._port = int(url.rpartition(":")[2])
        self.dead = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Let all go."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection("127.0.0.1", self._port)
        for source, target in ((reader, back), (onward, writer)):
            self._tasks.add(asyncio.create_task(self._pass(source, target)))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                if not self.dead:
                    target.write(data)
        finally:
            target.close()


def reopened(engine: Engine) -> Engine:
    """Crash, and begin again from the file."""
    engine.store.close()
    engine.store = Store(engine.store.path)
    return Engine(engine.store)


def pulled(engine: Engine, answered: dict[str, Any]) -> bool:
    """Take a page that was asked for just now."""
    return engine.take_page(engine.next_pull(), answered).taken


def pushed(engine: Engine, changes: dict[str, Any] | None = None, **outcome: Any) -> None:
    """Send what waits, and give each operation the same outcome."""
    request = engine.next_push()
    assert request is not None
    assert engine.take_push(
        request, answer(*(result(op.op_id, **outcome) for op in request.ops), changes=changes)
    ).taken


def seen(engine: Engine) -> dict[str, str | None]:
    """Tell the notes the user sees."""
    return {shown.uuid: shown.body["note"] for shown in engine.view()}
