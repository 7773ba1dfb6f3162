"""The real schema over the real database, without HTTP and without any clock but the test's: fast, and every step is ours."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import orjson
from sqlalchemy import delete, insert, select, update

from auth.viewer import Viewer
from core import clock
from core.database import Base, Database
from core.events import Event, HighlightsChanged
from core.ids import global_id, uuid7
from core.settings import Settings
from loaders import Loaders
from models import Device, Highlight, SyncCounter, SyncOutcome
from runtime.container import Container
from runtime.context import Context, EntryWatch, Pulled, Watch
from schema.root import schema
from services.sync.pull import Sent
from subscriptions.shared import SharedPulls
from tests.support.seeding import Seeder

START = datetime(2027, 1, 1, 8, tzinfo=UTC)
PLENTY = 10**9


class Bell:
    """The bell of one subscription, which also tells when its subscription has nothing more to say."""

    def __init__(self, idle: asyncio.Event) -> None:
        self._rung = asyncio.Event()
        self._idle = idle

    def ring(self) -> None:
        """Let the next wait return."""
        self._idle.clear()
        self._rung.set()

    async def wait(self) -> None:
        """Return at the next ring."""
        if not self._rung.is_set():
            self._idle.set()
        await self._rung.wait()
        self._rung.clear()


class Bells:
    """A bus that rings within this process."""

    pulls: SharedPulls

    def __init__(self) -> None:
        self.hung: dict[UUID, set[Bell]] = {}
        self.sent: dict[UUID, Sent] = {}
        """How far devices have been sent, not yet written down."""
        self.deaf = False
        """Whether rings get lost."""

    def publish(self, events: Sequence[Event]) -> None:
        """Ring for these events."""
        for event in events:
            if isinstance(event, HighlightsChanged) and not self.deaf:
                self.ring(event.user_id)

    def ring(self, user_id: UUID) -> None:
        """Ring for a reader, as the sweep does that makes up for lost rings."""
        for bell in self.hung.get(user_id, ()):
            bell.ring()


class Ear:
    """The listener of one operation, and no sessions to forget."""

    def __init__(self, bells: Bells) -> None:
        self._bells = bells
        self.idle = asyncio.Event()

    @asynccontextmanager
    async def listen(self, user_id: UUID, topic: str) -> AsyncIterator[Bell]:
        """Hear the bells of a reader."""
        del topic
        bell = Bell(self.idle)
        self._bells.hung.setdefault(user_id, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells.hung[user_id].discard(bell)

    def watch_counts(self, viewer: Viewer, post_ids: Collection[UUID]) -> AbstractAsyncContextManager[Watch]:
        """Refuse: sync knows no posts."""
        raise NotImplementedError

    def watch_feed(self, viewer: Viewer) -> AbstractContextManager[EntryWatch]:
        """Refuse: sync knows no feeds."""
        raise NotImplementedError

    async def pull(self, viewer: Viewer, device_id: UUID, after: str | None) -> Pulled:
        """Read as the broker does, together with the reader's other sockets."""
        return await self._bells.pulls.pull(viewer, device_id, after)

    def note_sent(self, sent: Sent) -> None:
        """Keep the latest progress of each device in mind."""
        known = self._bells.sent.get(sent.device_id)
        if known is None or known.at <= sent.at:
            self._bells.sent[sent.device_id] = sent

    def forget(self, user_id: UUID | None) -> None:
        """Do nothing: no session is remembered here."""


class Live:
    """One open subscription, read step by step."""

    def __init__(self, events: AsyncGenerator[Any, None], ear: Ear) -> None:
        self._events = events
        self._ear = ear
        self._next: asyncio.Task[Any] | None = None
        self.over = False

    async def ready(self, most: int | None = None) -> list[Any]:
        """Read what it has to say now: at most so many events, or until it waits."""
        said: list[Any] = []
        while not self.over and (most is None or len(said) < most):
            event = await self._one()
            if event is None:
                break
            said.append(event)
        return said

    async def _one(self) -> Any:
        self._next = self._next or asyncio.ensure_future(anext(self._events, None))
        idle = asyncio.ensure_future(self._ear.idle.wait())
        await asyncio.wait([self._next, idle], return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        if not self._next.done():
            return None
        result, self._next = self._next.result(), None
        self.over = result is None
        if result is None:
            return None
        assert not result.errors, result.errors
        return result.data["highlightChanges"]

    async def close(self) -> None:
        """Go away, as abruptly as a lost connection."""
        self.over = True
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
        await self._events.aclose()


class Server:
    """The server, as one reader meets it, with a clock that only the test moves."""

    def __init__(self, database: Database) -> None:
        settings = Settings(_env_file=None, cost_per_minute=PLENTY, cost_per_minute_signed_out=PLENTY)
        self.bells = Bells()
        self.container = Container(settings, database, self.bells)
        self.bells.pulls = SharedPulls(self.container)
        self.now = START
        self.user_id = UUID(int=0)

    async def begin(self, names: Sequence[str]) -> dict[str, Viewer]:
        """Make a new reader with a device for each name, and one session without a device, named web."""
        self.now = START
        await self.container.refresh_epoch()
        async with self.container.database.writing() as session:
            seed = Seeder(session)
            self.user_id = (await seed.user(f"machine-{uuid7().hex[-12:]}")).id
            devices = {name: (await seed.device(self.user_id, name)).id for name in names}
        web = Viewer(user_id=self.user_id, session_id=uuid7())
        return {name: Viewer(self.user_id, uuid7(), key) for name, key in devices.items()} | {"web": web}

    @contextmanager
    def clocked(self) -> Iterator[None]:
        """Let the server read the test's clock."""
        real, clock.now = clock.now, lambda: self.now
        try:
            yield
        finally:
            clock.now = real

    def _context(self, viewer: Viewer, ear: Ear) -> Context:
        loaders = Loaders(self.container.database, viewer)
        return Context(self.container, ear, viewer, loaders, address="", origin="", authenticator=ear)

    async def ask(self, viewer: Viewer, query: str, **variables: Any) -> Any:
        """Run a query or mutation that has no errors; its data."""
        context = self._context(viewer, Ear(self.bells))
        result = await schema.execute(query, variable_values=variables, context_value=context)
        assert not result.errors, result.errors
        return result.data

    async def subscribe(self, viewer: Viewer, query: str, **variables: Any) -> Live:
        """Open a subscription."""
        ear = Ear(self.bells)
        events = await schema.subscribe(query, variable_values=variables, context_value=self._context(viewer, ear))
        return Live(cast("AsyncGenerator[Any, None]", events), ear)

    async def close(self) -> None:
        """Give up what nobody waits for."""
        await self.bells.pulls.close()

    # --- behind the API ---

    async def rows(self) -> list[Highlight]:
        """Read all rows of the reader, tombstones included, in order."""
        async with self.container.database.reading() as session:
            found = await session.scalars(
                select(Highlight).where(Highlight.user_id == self.user_id).order_by(Highlight.seq)
            )
            return list(found)

    async def counter(self) -> tuple[int, int]:
        """Read the counter and the floor."""
        async with self.container.reading() as services:
            state = await services.sync.state(self.user_id)
            return state.seq, state.floor

    async def sent_to(self, viewer: Viewer) -> int:
        """Read how far a device has been sent."""
        async with self.container.database.reading() as session:
            return await session.scalar(select(Device.synced_seq).where(Device.id == viewer.device_id)) or 0

    async def progress(self) -> None:
        """Write down how far devices have been sent, as the broker does within a second."""
        sent, self.bells.sent = self.bells.sent, {}
        if sent:
            async with self.container.transaction() as services:
                await services.sync.note_progress({key: (s.seq, s.at) for key, s in sent.items()})

    async def pass_time(self, time: timedelta) -> None:
        """Let time pass, and the housekeeping run."""
        self.now += time
        async with self.container.database.writing() as session:
            mine = SyncOutcome.user_id == self.user_id
            await session.execute(update(SyncOutcome).where(mine).values(created_at=SyncOutcome.created_at - time))
        for task in ("erase_deleted", "purge_tombstones"):
            await self._until_done(task)
        async with self.container.transaction() as services:
            # PostgreSQL's clock wrote when they were made.
            await services.sync.forget_outcomes(datetime.now(UTC) - timedelta(days=35), 1_000)

    async def _until_done(self, task: str) -> None:
        for _ in range(100):
            async with self.container.transaction() as services:
                if await getattr(services.housekeeping, task)():
                    return
        raise AssertionError(f"{task} does not end")

    async def backup(self) -> "Backup":
        """Copy the reader's rows out."""
        async with self.container.database.reading() as session:
            tables = {}
            for model in (Highlight, SyncCounter, SyncOutcome, Device):
                table = Base.metadata.tables[model.__tablename__]
                found = await session.execute(select(table).where(table.c.user_id == self.user_id))
                tables[model.__tablename__] = [dict(row) for row in found.mappings()]
        return Backup(self.now, tables)

    async def restore(self, backup: "Backup") -> None:
        """Put the reader's rows back as they were, in a new epoch; sessions of devices that the backup has not are kept out of this."""
        async with self.container.database.writing() as session:
            for name in ("highlights", "sync_outcomes", "sync_counters", "devices"):
                table = Base.metadata.tables[name]
                await session.execute(delete(table).where(table.c.user_id == self.user_id))
            for name in ("devices", "sync_counters", "sync_outcomes", "highlights"):
                if backup.tables[name]:
                    await session.execute(insert(Base.metadata.tables[name]), backup.tables[name])
            # Their age is told by PostgreSQL's clock, which has not moved with ours.
            mine, since = SyncOutcome.user_id == self.user_id, self.now - backup.at
            await session.execute(update(SyncOutcome).where(mine).values(created_at=SyncOutcome.created_at - since))
        async with self.container.transaction() as services:
            self.container.epoch.current = await services.sync.new_epoch()
        self.bells.sent.clear()


class Backup:
    """The rows of one reader at one moment."""

    def __init__(self, at: datetime, tables: dict[str, list[dict[str, Any]]]) -> None:
        self.at = at
        self.tables = tables


def device_id(viewer: Viewer) -> str:
    """Spell the public id of a viewer's device."""
    assert viewer.device_id
    return global_id("Device", viewer.device_id)


def place(cursor: str | None) -> int:
    """Read the number out of a cursor; 0 of none."""
    return int(orjson.loads(base64.urlsafe_b64decode(cursor + "=="))[4]) if cursor else 0
