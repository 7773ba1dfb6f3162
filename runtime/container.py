"""The one place where services meet their collaborators."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncSession

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
from repositories.accounts import AccountRepository
from repositories.audit import AuditRepository
from repositories.catalog import BookRepository
from repositories.documents import DocumentRepository
from repositories.exports import ExportRepository
from repositories.feeds import FeedRepository
from repositories.feeds_fanout import FanoutRepository
from repositories.feeds_live import LiveFeedRepository
from repositories.highlights import HighlightRepository
from repositories.imports import ImportRepository
from repositories.jobs import IdempotencyRepository, JobRepository
from repositories.koreader import KoreaderRepository
from repositories.locks import Locks
from repositories.media import MediaRepository
from repositories.positions import PositionRepository
from repositories.posts import PostRepository
from repositories.posts_comments import CommentRepository
from repositories.posts_counts import PostCountsRepository
from repositories.posts_departures import DepartureRepository
from repositories.posts_likes import LikeRepository
from repositories.posts_lists import PostListRepository
from repositories.posts_purge import PostPurgeRepository
from repositories.posts_reconcile import ReconcileRepository
from repositories.posts_reports import ReportRepository
from repositories.posts_reposts import RepostRepository
from repositories.posts_trends import PostTrendRepository
from repositories.profiles import ProfileRepository
from repositories.social import SocialRepository
from repositories.social_lists import SocialListRepository
from repositories.social_mutes import MuteRepository
from repositories.sync import SyncRepository
from runtime.secret import secret_of
from runtime.storage import open_spool, open_storage
from services.accounts import AccountService
from services.accounts_sign_in import Gatekeeper
from services.audit import AuditService
from services.catalog import CatalogService
from services.exports.service import ExportService
from services.feeds import FeedService, TimelineBuilder
from services.feeds_fanout import FanoutService
from services.feeds_live import LiveFeedService
from services.highlights import HighlightService
from services.highlights_share import ShareService
from services.housekeeping import HousekeepingService
from services.idempotency import IdempotencyService
from services.imports.prepared import PreparedFiles
from services.imports.service import ImportService
from services.imports.slices import SliceWriter
from services.imports.sources import Sources
from services.jobs import JobService
from services.koreader import KoreaderService
from services.koreader_sign_in import KoreaderGate
from services.media import MediaService
from services.media_receiving import Receiver
from services.media_rules import Sizes
from services.positions import PositionService
from services.posts import PostService
from services.posts_attachments import Attachments
from services.posts_comments import CommentService
from services.posts_counts import PostCountsService
from services.posts_likes import LikeService
from services.posts_purge import PostPurgeService
from services.posts_reconcile import ReconcileService
from services.posts_reports import ReportService
from services.posts_reposts import RepostService
from services.posts_trends import PostTrendService
from services.profiles import ProfileService
from services.social import SocialService
from services.social_mutes import MuteService
from services.sync.pull import PullService
from services.sync.push import PushService
from services.sync.writer import HighlightWriter


class Epoch:
    """The epoch as this process last read it."""

    def __init__(self) -> None:
        self.current = ""


class Services:
    """The services of one session, each made when it is first asked for."""

    def __init__(self, session: AsyncSession, container: "Container", events: list[Event]) -> None:
        self._session = session
        self._container = container
        self._events = events

    @cached_property
    def locks(self) -> Locks:
        """The locks of this transaction."""
        return Locks(self._session)

    @cached_property
    def attempts(self) -> AccountRepository:
        """Accounts; also the tally of attempts."""
        return AccountRepository(self._session)

    @cached_property
    def sync(self) -> SyncRepository:
        """The state of sync."""
        return SyncRepository(self._session)

    @cached_property
    def ledger(self) -> JobRepository:
        """The ledger of jobs, for those that run them."""
        return JobRepository(self._session)

    @cached_property
    def jobs(self) -> JobService:
        """Jobs, for those that want something done."""
        return JobService(self.ledger, self._events)

    @cached_property
    def accounts(self) -> AccountService:
        """Accounts, sessions, devices."""
        return AccountService(
            accounts=self.attempts,
            social=SocialRepository(self._session),
            departures=DepartureRepository(self._session),
            locks=self.locks,
            idempotency=self.idempotency,
            audit=self.audit,
            events=self._events,
        )

    @cached_property
    def audit(self) -> AuditService:
        """What is kept of who did what."""
        return AuditService(AuditRepository(self._session))

    @cached_property
    def profiles(self) -> ProfileService:
        """Profiles and privacy."""
        return ProfileService(
            ProfileRepository(self._session), self.attempts, self.idempotency, self.audit, self.media, self.social
        )

    @cached_property
    def social(self) -> SocialService:
        """Following and blocking."""
        return SocialService(
            social=SocialRepository(self._session),
            lists=SocialListRepository(self._session),
            profiles=ProfileRepository(self._session),
            locks=self.locks,
            idempotency=self.idempotency,
            audit=self.audit,
            follow_limit=self._container.settings.follow_limit,
        )

    @cached_property
    def mutes(self) -> MuteService:
        """Mutes."""
        return MuteService(MuteRepository(self._session), self.locks, self.idempotency)

    @cached_property
    def reports(self) -> ReportService:
        """Reports to the moderators."""
        return ReportService(ReportRepository(self._session), self.locks, self.idempotency, self.audit)

    @cached_property
    def post_trends(self) -> PostTrendService:
        """Trending posts."""
        return PostTrendService(PostTrendRepository(self._session))

    @cached_property
    def live_feeds(self) -> LiveFeedService:
        """Home feeds of those who watch theirs."""
        return LiveFeedService(LiveFeedRepository(self._session))

    @cached_property
    def post_counts(self) -> PostCountsService:
        """Counts of posts, for those who watch them."""
        return PostCountsService(PostCountsRepository(self._session))

    @cached_property
    def likes(self) -> LikeService:
        """Likes of posts and comments."""
        return LikeService(
            likes=LikeRepository(self._session), locks=self.locks, idempotency=self.idempotency, events=self._events
        )

    @cached_property
    def comments(self) -> CommentService:
        """Comments on posts."""
        return CommentService(
            comments=CommentRepository(self._session),
            locks=self.locks,
            idempotency=self.idempotency,
            audit=self.audit,
            events=self._events,
        )

    @cached_property
    def reconcile(self) -> ReconcileService:
        """The recount of what is counted."""
        return ReconcileService(ReconcileRepository(self._session), self.locks)

    @cached_property
    def catalog(self) -> CatalogService:
        """Books."""
        floor = self._container.settings.public_book_readers
        return CatalogService(BookRepository(self._session), self.locks, self.idempotency, floor=floor)

    @cached_property
    def idempotency(self) -> IdempotencyService:
        """Remembered successes."""
        return IdempotencyService(IdempotencyRepository(self._session), self.locks)

    @cached_property
    def writer(self) -> HighlightWriter:
        """Changes of highlights."""
        undo_days = self._container.settings.undo_days
        return HighlightWriter(HighlightRepository(self._session), self.sync, self._events, undo_days=undo_days)

    @cached_property
    def highlights(self) -> HighlightService:
        """Highlights, one at a time."""
        return HighlightService(
            highlights=HighlightRepository(self._session),
            locks=self.locks,
            catalog=self.catalog,
            profiles=self.profiles,
            writer=self.writer,
            idempotency=self.idempotency,
            epoch=lambda: self._container.epoch.current,
        )

    @cached_property
    def posts(self) -> PostService:
        """Posts, as authors write them."""
        highlights, books = HighlightRepository(self._session), BookRepository(self._session)
        settings = self._container.settings
        return PostService(
            posts=PostRepository(self._session),
            lists=PostListRepository(self._session),
            locks=self.locks,
            attachments=Attachments(highlights, books, self.locks, self.writer),
            media=self.media,
            jobs=self.jobs,
            idempotency=self.idempotency,
            events=self._events,
            undo_days=settings.undo_days,
            pull_threshold=settings.pull_threshold,
        )

    @cached_property
    def reposts(self) -> RepostService:
        """Posts passed on."""
        return RepostService(
            posts=PostRepository(self._session),
            reposts=RepostRepository(self._session),
            locks=self.locks,
            jobs=self.jobs,
            idempotency=self.idempotency,
            events=self._events,
            pull_threshold=self._container.settings.pull_threshold,
        )

    @cached_property
    def post_purge(self) -> PostPurgeService:
        """Posts that nobody can restore any longer."""
        return PostPurgeService(PostPurgeRepository(self._session), undo_days=self._container.settings.undo_days)

    @cached_property
    def positions(self) -> PositionService:
        """Where readers are in their books."""
        return PositionService(
            positions=PositionRepository(self._session),
            accounts=self.attempts,
            locks=self.locks,
            catalog=self.catalog,
            idempotency=self.idempotency,
            events=self._events,
        )

    @cached_property
    def koreader(self) -> KoreaderService:
        """What KOReader tells of."""
        return KoreaderService(
            koreader=KoreaderRepository(self._session),
            positions=self.positions,
            catalog=self.catalog,
            locks=self.locks,
            idempotency=self.idempotency,
        )

    @cached_property
    def pull(self) -> PullService:
        """Changes after a cursor."""
        return PullService(self.sync)

    @cached_property
    def push(self) -> PushService:
        """Offline work of devices."""
        return PushService(
            sync=self.sync,
            highlights=HighlightRepository(self._session),
            locks=self.locks,
            catalog=self.catalog,
            profiles=self.profiles,
            pull=self.pull,
            writer=self.writer,
        )

    @cached_property
    def imports(self) -> ImportService:
        """Files from elsewhere."""
        imports = ImportRepository(self._session)
        return ImportService(
            imports=imports,
            slices=SliceWriter(imports=imports, catalog=self.catalog, profiles=self.profiles, writer=self.writer),
            locks=self.locks,
            idempotency=self.idempotency,
            jobs=self.jobs,
            media=self.media,
            sources=Sources(imports, self.media, self._container.files),
            events=self._events,
        )

    @cached_property
    def media_rows(self) -> MediaRepository:
        """Rows of uploaded files, for those that take their bytes in."""
        return MediaRepository(self._session)

    @cached_property
    def media(self) -> MediaService:
        """Uploaded files."""
        settings = self._container.settings
        return MediaService(
            media=self.media_rows,
            locks=self.locks,
            idempotency=self.idempotency,
            storage=self._container.storage,
            sizes=Sizes(image=settings.image_megabytes << 20, imported=settings.import_megabytes << 20),
        )

    @cached_property
    def exports(self) -> ExportService:
        """What readers take away."""
        return ExportService(
            exports=ExportRepository(self._session),
            accounts=self.attempts,
            catalog=self.catalog,
            audit=self.audit,
            idempotency=self.idempotency,
            signer=self._container.signer,
            minutes=self._container.settings.export_minutes,
        )

    @cached_property
    def sharing(self) -> ShareService:
        """Highlights shown elsewhere."""
        return ShareService(
            highlights=HighlightRepository(self._session),
            books=BookRepository(self._session),
            profiles=ProfileRepository(self._session),
            audit=self.audit,
            idempotency=self.idempotency,
        )

    @cached_property
    def documents(self) -> DocumentRepository:
        """Registered operations."""
        return DocumentRepository(self._session)

    @cached_property
    def feeds(self) -> FeedRepository:
        """Home feeds as this session sees them, for those who read them in several steps."""
        return FeedRepository(self._session)

    @cached_property
    def fanout(self) -> FanoutService:
        """What is written into timelines."""
        return FanoutService(
            fanout=FanoutRepository(self._session),
            locks=self.locks,
            jobs=self.jobs,
            timelines=self._container.timelines,
            chunk=self._container.settings.fanout_chunk,
            pull_threshold=self._container.settings.pull_threshold,
        )

    @cached_property
    def housekeeping(self) -> HousekeepingService:
        """What time takes away."""
        return HousekeepingService(
            sync=self.sync,
            accounts=self.attempts,
            idempotency=IdempotencyRepository(self._session),
            locks=self.locks,
            tombstone_days=self._container.settings.tombstone_days,
            outcome_days=self._container.settings.outcome_days,
            audit=AuditRepository(self._session),
            audit_days=self._container.settings.audit_days,
        )


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
