"""KOReader's own sync: what was pushed for a file is given back as it was sent; the last word counts.

The wire tells no time of reading, so a push is as new as its arrival: an old one that a device kept in its queue looks new.
Once a reader has said which book a file is, each push is also a report of the reading position there.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import AppError, Invalid, LimitExceeded, NotFound, Unauthenticated
from core.ids import uuid7
from core.pagination import Page
from models import Document
from repositories.koreader import NEWEST, KoreaderRepository
from repositories.locks import Locks
from services.catalog import BookRef, CatalogService
from services.idempotency import IdempotencyService
from services.positions import Place, PositionService, Report, Teller

DOCUMENTS_MOST = 10_000
NO_DOCUMENT = "KOReader has told of no such document."
_DIGEST = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a device says about a file, if its owner lets it."""

    filename: str | None = None
    title: str | None = None
    authors: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """Where a device is in a file; kept as a unit."""

    digest: str
    percentage: float
    progress: str
    device: str
    device_key: str | None = None
    metadata: Metadata | None = None


def is_digest(value: str) -> bool:
    """Tell whether a file can be named so: the same set for writing and reading."""
    return _DIGEST.fullmatch(value) is not None


class KoreaderService:
    """KOReader's files of one transaction."""

    def __init__(
        self,
        *,
        koreader: KoreaderRepository,
        positions: PositionService,
        catalog: CatalogService,
        locks: Locks,
        idempotency: IdempotencyService,
    ) -> None:
        self._koreader = koreader
        self._positions = positions
        self._catalog = catalog
        self._locks = locks
        self._idempotency = idempotency

    async def register(self, user_id: UUID, koreader_hash: str) -> bool:
        """Take the first registration of an account whose key was right; False for a second."""
        return await self._koreader.register(user_id, koreader_hash, clock.now())

    async def fill_key(self, user_id: UUID, password_hash: str, koreader_hash: str) -> None:
        """Give an account from before KOReader its key."""
        await self._koreader.fill_key(user_id, password_hash, koreader_hash)

    # --- the protocol ---

    async def push(self, viewer: Viewer, koreader_hash: str, push: Push) -> datetime:
        """Keep where a device is; answers when it came in. The key is looked at again: nothing outlives its account."""
        user_id = viewer.require()
        if not await self._koreader.holds_key(user_id, koreader_hash):
            raise Unauthenticated("This key is not valid any more.")
        row = await self._locked(viewer, push.digest)
        row.percentage, row.progress = push.percentage, push.progress
        row.device, row.device_key = push.device, push.device_key
        row.pushed_at = row.touched_at = now = clock.now()
        if push.metadata is not None:
            row.filename = push.metadata.filename or row.filename
            row.title = push.metadata.title or row.title
            row.authors = push.metadata.authors or row.authors
        await self._koreader.save()
        await self._tell_position(row)
        return now

    async def pushed(self, viewer: Viewer, digest: str) -> Document | None:
        """Read what was pushed last for a file; None when nothing was."""
        row = await self._koreader.find(viewer, digest) if is_digest(digest) else None
        return row if row is not None and row.pushed_at is not None else None

    # --- which book it is ---

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Document]:
        """Read files of the viewer's."""
        return await self._koreader.visible(viewer, ids)

    async def own_page(
        self, viewer: Viewer, linked: bool | None, first: int | None, after: str | None
    ) -> Page[Document]:
        """List the viewer's files."""
        return await self._koreader.own_page(viewer, linked, NEWEST.request(first, after))

    async def link(self, viewer: Viewer, digest: str, book: BookRef, key: str | None) -> Document:
        """Say which book a file is, also before it was ever pushed; what was pushed last is a reading position from now on."""

        async def work() -> Document:
            if not is_digest(digest):
                raise Invalid("A document is named by 1 to 128 letters, digits, '_', '-' and '.'.", "digest")
            await self._locks.presence(viewer.require())
            found = (await self._catalog.resolve(viewer, [book]))[book]
            if isinstance(found, AppError):
                raise found.under("book")
            row = await self._locked(viewer, digest)
            row.book_id = found.id
            await self._koreader.save()
            await self._tell_position(row)
            return row

        return await self._once(viewer, "linkDocument", key, [digest, book], work)

    async def unlink(self, viewer: Viewer, digest: str, key: str | None) -> Document:
        """Take the book off a file; the reading position stays."""

        async def work() -> Document:
            row = await self._koreader.find(viewer, digest, lock=True)
            if row is None:
                raise NotFound(NO_DOCUMENT, "digest")
            row.book_id = None
            await self._koreader.save()
            return row

        return await self._once(viewer, "unlinkDocument", key, digest, work)

    async def _once(self, viewer: Viewer, operation: str, key: str | None, value: object, work: "Work") -> Document:
        async def again(document_id: UUID) -> Document | None:
            return (await self._koreader.visible(viewer, [document_id])).get(document_id)

        viewer.require()
        return await self._idempotency.once_for(
            viewer, operation, key, value, work=work, id_of=lambda row: row.id, again=again
        )

    async def _locked(self, viewer: Viewer, digest: str) -> Document:
        found = await self._koreader.find(viewer, digest, lock=True)
        if found is None:
            if await self._koreader.count(viewer) >= DOCUMENTS_MOST:
                raise LimitExceeded(f"You already have {DOCUMENTS_MOST:,} documents.", "digest")
            await self._koreader.add(uuid7(), viewer.require(), digest)
            found = await self._koreader.find(viewer, digest, lock=True)
        if found is None:
            raise RuntimeError("a document that was added is there")
        return found

    async def _tell_position(self, row: Document) -> None:
        if row.book_id is None or row.pushed_at is None:
            return
        place = Place(percent=row.percent, progress=row.progress or None)
        teller = Teller(f"koreader:{row.device_key or row.device}", name=row.device)
        await self._positions.record(row.user_id, row.book_id, Report(place, teller, row.pushed_at))


Work = Callable[[], Awaitable[Document]]
