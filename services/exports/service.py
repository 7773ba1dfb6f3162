"""Exports: who may take what away, as a link that expires; and the file behind the link, as of the moment it is fetched."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Gone, Invalid, LimitExceeded, NotFound
from core.ids import global_id
from core.signing import Expired, Signer
from models import Book, User
from repositories.accounts import AccountRepository
from repositories.exports import ExportedHighlight, ExportRepository
from services.audit import AuditService
from services.catalog import NO_BOOK, BookRef, CatalogService
from services.exports.annotations import AnnotationsWriter
from services.exports.csv import CsvWriter
from services.exports.fonts import TOO_LONG, Measure, Unprintable, fonts_for
from services.exports.json import JsonWriter
from services.exports.markdown import MarkdownWriter
from services.exports.writers import Switches, Writer, written
from services.idempotency import IdempotencyService

KIND = "export"
HUGE = 50_000
"""So many highlights of the greatest length come near the 2 GB of a plain ZIP."""
NO_LINK = "There is no such export."
EXPIRED = "This link has expired. Ask for a new one."
ENDED = "The session that made this link has ended. Ask for a new one."


class ExportFormat(StrEnum):
    """What a file of highlights can be."""

    MARKDOWN = "MARKDOWN"
    CSV = "CSV"
    PDF = "PDF"
    JSON = "JSON"
    W3C_ANNOTATIONS = "W3C_ANNOTATIONS"


@dataclass(frozen=True, slots=True)
class ExportLink:
    """A link that was made: what signs for it, until when, and for how many highlights."""

    id: UUID
    token: str
    expires_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file that is about to be written."""

    name: str
    media_type: str
    format: ExportFormat
    owner_id: UUID
    chunks: AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class _Kind:
    suffix: str
    media_type: str


_KINDS = {
    ExportFormat.MARKDOWN: _Kind(".md", "text/markdown; charset=utf-8"),
    ExportFormat.CSV: _Kind(".csv", "text/csv; charset=utf-8; header=present"),
    ExportFormat.JSON: _Kind(".json", "application/json"),
    ExportFormat.PDF: _Kind(".pdf", "application/pdf"),
    ExportFormat.W3C_ANNOTATIONS: _Kind(
        ".annotations", 'application/zip; profile="https://www.w3.org/TR/epub-anno-10/"'
    ),
}
_ALL_ANNOTATIONS = _Kind(".zip", "application/zip")


class ExportService:
    """Exports of one session."""

    def __init__(
        self,
        *,
        exports: ExportRepository,
        accounts: AccountRepository,
        catalog: CatalogService,
        audit: AuditService,
        idempotency: IdempotencyService,
        signer: Signer,
        minutes: int,
    ) -> None:
        self._exports = exports
        self._accounts = accounts
        self._catalog = catalog
        self._audit = audit
        self._idempotency = idempotency
        self._signer = signer
        self._minutes = minutes

    async def link(self, viewer: Viewer, wanted: ExportFormat, book_id: str | None, key: str | None) -> ExportLink:
        """Make a link to the viewer's highlights, all or a book's; it is noted who took what away."""
        book = await self._book(viewer, book_id)
        about = book.id if book else None

        async def work() -> ExportLink:
            if wanted is ExportFormat.PDF:
                await self._check_printable(viewer, about)
            count = await self._exports.count(viewer, about)
            resource = ("book", book.id) if book else ("user", viewer.require())
            [entry] = await self._audit.record(
                viewer, "highlight.export", resource, format=wanted.value, highlights=count
            )
            return self._link(viewer, wanted, about, entry, count)

        async def again(entry: UUID) -> ExportLink:
            # The first link may have expired; what was asked for is one that works.
            return self._link(viewer, wanted, about, entry, await self._exports.count(viewer, about))

        return await self._idempotency.once_for(
            viewer, "exportHighlights", key, [wanted, book_id], work=work, id_of=lambda link: link.id, again=again
        )

    async def _book(self, viewer: Viewer, book_id: str | None) -> Book | None:
        viewer.require()
        if book_id is None:
            return None
        try:
            book = await self._catalog.find(viewer, BookRef(id=book_id))
        except Invalid as error:
            raise Invalid(str(error), "bookId") from None
        if book is None:
            raise NotFound(NO_BOOK, "bookId")
        return book

    async def _check_printable(self, viewer: Viewer, book_id: UUID | None) -> None:
        """Refuse what no installed font prints, or what takes too long, before a link is given."""
        owner = await self._accounts.me(viewer)
        with_notes = owner is not None and owner.export_includes_notes
        measure = Measure()
        async with aclosing(self._exports.slices(viewer, book_id)) as slices:
            async for rows in slices:
                await asyncio.to_thread(_measure, measure, rows, with_notes=with_notes)
                if measure.is_too_long:
                    raise LimitExceeded(TOO_LONG, "format")
        try:
            await asyncio.to_thread(fonts_for, measure.codes)
        except Unprintable as error:
            raise Invalid(str(error), "format") from None

    def _link(self, viewer: Viewer, wanted: ExportFormat, book_id: UUID | None, entry: UUID, count: int) -> ExportLink:
        until = clock.now() + timedelta(minutes=self._minutes)
        parts = viewer.require().hex, viewer.session_id and viewer.session_id.hex, wanted, book_id and book_id.hex
        return ExportLink(entry, self._signer.sign(KIND, until, *parts), until, count)

    async def file(self, token: str) -> ExportFile:
        """Begin to write the file of a link; raise NotFound for what is none, Gone for one that is over.

        The session must stay open, and see one moment, until all is written. What the privacy settings say now is what counts.
        """
        viewer, wanted, book_id = self._read(token)
        if viewer.session_id is None or viewer.session_id not in await self._accounts.alive([viewer.session_id]):
            raise Gone(ENDED)
        owner = await self._accounts.me(viewer)
        if owner is None:
            raise Gone(ENDED)
        book = await self._catalog.find(viewer, BookRef(id=global_id("Book", book_id))) if book_id else None
        count = await self._exports.count(viewer, book_id)
        writer = _writer(owner, wanted, one_book=book_id is not None, count=count)
        kind = _ALL_ANNOTATIONS if wanted is ExportFormat.W3C_ANNOTATIONS and book_id is None else _KINDS[wanted]
        name = (book.title if book else "commonplace-highlights") + kind.suffix
        return ExportFile(
            name, kind.media_type, wanted, owner.id, written(writer, self._exports.slices(viewer, book_id))
        )

    def _read(self, token: str) -> tuple[Viewer, ExportFormat, UUID | None]:
        try:
            parts = self._signer.read(KIND, token, 4)
        except Expired:
            raise Gone(EXPIRED) from None
        if parts is None:
            raise NotFound(NO_LINK)
        user_id, session_id, wanted, book_id = parts
        viewer = Viewer(UUID(user_id), UUID(session_id) if session_id else None)
        return viewer, ExportFormat(wanted), UUID(book_id) if book_id else None


def _measure(measure: Measure, rows: Sequence[ExportedHighlight], *, with_notes: bool) -> None:
    for row in rows:
        measure.add(row.text, row.note if with_notes else None, row.title, *row.authors)
        if measure.is_too_long:
            return


def _writer(owner: User, wanted: ExportFormat, *, one_book: bool, count: int) -> Writer:
    switches = Switches(owner.export_includes_notes, owner.export_includes_timestamps)
    if wanted is ExportFormat.MARKDOWN:
        return MarkdownWriter(switches)
    if wanted is ExportFormat.CSV:
        return CsvWriter(switches)
    if wanted is ExportFormat.W3C_ANNOTATIONS:
        return AnnotationsWriter(switches, one_book=one_book, huge=count > HUGE)
    # A PDF is set from the JSON, by a process of its own.
    return JsonWriter(switches)
