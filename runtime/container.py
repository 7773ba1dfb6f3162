"""The one place where services meet their collaborators."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cached_property

from auth.passwords import Passwords
from clients.bus import Bus
from clients.limits import Buckets, LocalBuckets
from clients.storage import Storage
from clients.timelines import Timelines
from clients.timelines_local import LocalTimelines
from core import metrics
from core.database import Database
from core.events import Event, FeedEntryAdded
from core.settings import Settings
from core.signing import Signer
from core.text import is_storable
from repositories.feeds_pages import FeedStatements
from runtime.secret import secret_of
from runtime.storage import open_spool, open_storage
from runtime.wiring.parts import Epoch
from runtime.wiring.talk import TalkServices
from services.accounts_sign_in import Gatekeeper
from services.feeds import FeedService, TimelineBuilder
from services.imports.prepared import PreparedFiles
from services.koreader_sign_in import KoreaderGate
from services.media_receiving import Receiver


class Services(TalkServices):
    """The services of one session."""


class Container:
    """What one process has: settings, the pool, the bus, and sessions with services."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        bus: Bus,
        buckets: Buckets | None = None,
        storage: Storage | None = None,
        timelines: Timelines | None = None,
    ) -> None:
        self.settings = settings
        self.database = database
        self.bus = bus
        self.buckets = buckets or LocalBuckets()
        self.passwords = Passwords()
        self.epoch = Epoch()
        self.files = PreparedFiles()
        self.feed_statements = FeedStatements()
        self.storage = storage or open_storage(settings)
        self.timelines = timelines or LocalTimelines(is_down=True)
        self.builder = TimelineBuilder(self.snapshot, self.timelines, length=settings.timeline_length)
        self.feeds = FeedService(self.snapshot, self.timelines, self.builder)
        self.gatekeeper = Gatekeeper(
            self.transaction,
            self.passwords,
            sign_up=settings.sign_up,
            sign_ups_per_hour=settings.sign_ups_per_hour,
        )
        self.koreader_gate = KoreaderGate(self.reading, self.transaction, self.gatekeeper, self.passwords)

    @cached_property
    def signer(self) -> Signer:
        """What signs links that expire."""
        return Signer(secret_of(self.settings))

    @cached_property
    def receiver(self) -> Receiver:
        """What takes uploads in."""
        spool = open_spool(self.settings)
        spool.tidy()
        return Receiver(self.transaction, storage=self.storage, signer=self.signer, spool=spool)

    @property
    def lease(self) -> timedelta:
        """How long a silent worker keeps a job."""
        return timedelta(seconds=self.settings.job_lease_seconds)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Services]:
        """Open a short session that only reads."""
        async with self.database.reading() as session:
            yield Services(session, self, [])

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Services]:
        """Open a short session all of whose reads see one moment."""
        async with self.database.snapshot() as session:
            yield Services(session, self, [])

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Services]:
        """Open one transaction; the bells of what happened in it ring after its commit, never before."""
        events: list[Event] = []
        async with self.database.writing() as session:
            yield Services(session, self, events)
        self.bus.publish(events)
        for event in events:
            if isinstance(event, FeedEntryAdded):
                metrics.entry_created(is_repost=event.is_repost)

    async def registered_document(self, document_id: str) -> str | None:
        """Read an operation that was registered."""
        if not is_storable(document_id):
            return None
        async with self.reading() as services:
            return await services.documents.text(document_id)

    async def refresh_epoch(self) -> str:
        """Find out whether this is still the database it was."""
        async with self.transaction() as services:
            self.epoch.current = await services.sync.refresh_epoch()
        return self.epoch.current
