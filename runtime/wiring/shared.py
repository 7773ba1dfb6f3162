"""What the services of all areas need."""

from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncSession

from core.events import Event
from repositories.accounts import AccountRepository
from repositories.audit import AuditRepository
from repositories.documents import DocumentRepository
from repositories.jobs import IdempotencyRepository, JobRepository
from repositories.locks import Locks
from repositories.media import MediaRepository
from repositories.sync import SyncRepository
from runtime.wiring.parts import Parts
from services.audit import AuditService
from services.idempotency import IdempotencyService
from services.jobs import JobService
from services.media import MediaService
from services.media_rules import Sizes


class SharedServices:
    """Services of one session, each made when it is first asked for; here those that the others are given."""

    def __init__(self, session: AsyncSession, parts: Parts, events: list[Event]) -> None:
        self._session = session
        self._parts = parts
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
    def audit(self) -> AuditService:
        """What is kept of who did what."""
        return AuditService(AuditRepository(self._session))

    @cached_property
    def idempotency(self) -> IdempotencyService:
        """Remembered successes."""
        return IdempotencyService(IdempotencyRepository(self._session), self.locks)

    @cached_property
    def documents(self) -> DocumentRepository:
        """Registered operations."""
        return DocumentRepository(self._session)

    @cached_property
    def media_rows(self) -> MediaRepository:
        """Rows of uploaded files, for those that take their bytes in."""
        return MediaRepository(self._session)

    @cached_property
    def media(self) -> MediaService:
        """Uploaded files."""
        settings = self._parts.settings
        return MediaService(
            media=self.media_rows,
            locks=self.locks,
            idempotency=self.idempotency,
            storage=self._parts.storage,
            sizes=Sizes(image=settings.image_megabytes << 20, imported=settings.import_megabytes << 20),
        )
