"""One read for all sockets of a reader that a bell has woken, rather than one for each."""

import asyncio
import time
from uuid import UUID

from auth.viewer import Viewer
from core.tasks import cancel_all
from loaders import Loaders
from runtime.container import Container
from runtime.context import Pulled
from services.sync.cursors import place_of
from services.sync.pull import SharedRead

FRESH_SECONDS = 1.0

Key = tuple[UUID, int]


class SharedPulls:
    """Reads that have not begun yet can be joined; one that has begun may have missed what a later bell is about."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._waiting: dict[Key, asyncio.Task[_Batch]] = {}
        self._running: dict[Key, asyncio.Task[_Batch]] = {}

    async def pull(self, viewer: Viewer, device_id: UUID, after: str | None) -> Pulled:
        """Read the page of a device; what was committed before this call is in it."""
        key = (viewer.require(), place_of(after))
        task = self._waiting.get(key)
        if task is None:
            task = self._waiting[key] = asyncio.create_task(self._read(viewer, key), name="shared-pull")
            task.add_done_callback(_heard)
        # Whoever goes away leaves the read to the others.
        batch = await asyncio.shield(task)
        page, sent = batch.read.page(device_id, after)
        return Pulled(page, sent, lambda: batch.loaders(self._container, viewer))

    async def close(self) -> None:
        """Give up what nobody waits for any more."""
        await cancel_all([*self._waiting.values(), *self._running.values()])

    async def _read(self, viewer: Viewer, key: Key) -> "_Batch":
        # One at a time for each key: those who come while it runs are many, and one more read serves them all.
        if (before := self._running.get(key)) is not None:
            await asyncio.wait([before])
        mine = self._running[key] = self._waiting.pop(key)
        try:
            async with self._container.snapshot() as services:
                return _Batch(await services.pull.shared(viewer, key[1]))
        finally:
            if self._running.get(key) is mine:
                del self._running[key]


class _Batch:
    """A read, and the loaders of its events."""

    def __init__(self, read: SharedRead) -> None:
        self.read = read
        self._at = time.monotonic()
        self._loaders: Loaders | None = None

    def loaders(self, container: Container, viewer: Viewer) -> Loaders:
        """Load for an event. All sockets of a reader have the same eyes; what they loaded is shared only while it is fresh."""
        if time.monotonic() - self._at > FRESH_SECONDS:
            return Loaders(container.database, viewer)
        if self._loaders is None or self._loaders.failed:
            self._loaders = Loaders(container.database, viewer, shared=True)
        return self._loaders


def _heard(task: "asyncio.Task[_Batch]") -> None:
    """Take note of a failure that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
