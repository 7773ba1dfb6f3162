"""Books, highlights, and how they come and go."""

from functools import cached_property

from repositories.audit import AuditRepository
from repositories.catalog import BookRepository
from repositories.exports import ExportRepository
from repositories.highlights import HighlightRepository
from repositories.imports import ImportRepository
from repositories.jobs import IdempotencyRepository
from repositories.koreader import KoreaderRepository
from repositories.positions import PositionRepository
from repositories.profiles import ProfileRepository
from runtime.wiring.people import PeopleServices
from services.catalog import CatalogService
from services.exports.service import ExportService
from services.highlights import HighlightService
from services.highlights_share import ShareService
from services.housekeeping import HousekeepingService
from services.imports.service import ImportService
from services.imports.slices import SliceWriter
from services.imports.sources import Sources
from services.koreader import KoreaderService
from services.positions import PositionService
from services.sync.pull import PullService
from services.sync.push import PushService
from services.sync.writer import HighlightWriter


class LibraryServices(PeopleServices):
    """Services about what readers have."""

    @cached_property
    def catalog(self) -> CatalogService:
        """Books."""
        floor = self._parts.settings.public_book_readers
        return CatalogService(BookRepository(self._session), self.locks, self.idempotency, floor=floor)

    @cached_property
    def writer(self) -> HighlightWriter:
        """Changes of highlights."""
        undo_days = self._parts.settings.undo_days
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
            epoch=lambda: self._parts.epoch.current,
        )

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
            sources=Sources(imports, self.media, self._parts.files),
            events=self._events,
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
            signer=self._parts.signer,
            minutes=self._parts.settings.export_minutes,
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
    def housekeeping(self) -> HousekeepingService:
        """What time takes away."""
        return HousekeepingService(
            sync=self.sync,
            accounts=self.attempts,
            idempotency=IdempotencyRepository(self._session),
            locks=self.locks,
            tombstone_days=self._parts.settings.tombstone_days,
            outcome_days=self._parts.settings.outcome_days,
            audit=AuditRepository(self._session),
            audit_days=self._parts.settings.audit_days,
        )
