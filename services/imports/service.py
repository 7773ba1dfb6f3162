"""Imports: taken as they come, let in by a job a slice at a time, each slice with its progress in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import LimitExceeded, Problems
from core.events import Event, ImportProgressed
from core.ids import uuid7
from core.text import is_storable
from models import Import, ImportBook, ImportProblem
from models.imports import ImportFormat, ImportState
from models.media import UploadPurpose
from repositories.imports import ImportRepository
from repositories.locks import Locks
from services.idempotency import IdempotencyService
from services.imports.clippings_dates import load_zone
from services.imports.decisions import Decision, Outcome
from services.imports.prepared import PreparedFile
from services.imports.slices import SliceWriter
from services.imports.sources import Sources
from services.jobs import JobService
from services.media import MediaService

CONTENT_BYTES = 1 << 20
ZONE_LENGTH = 64
SLICE = 200
UNFINISHED_MOST = 3
REPORT_SLICE = 200
KEEP_REPORTS = timedelta(days=90)
PURGE_SLICE = 100
JOB = "run_import"
BROKEN = "Something went wrong on our side. Import the file again: what has gone in already stays as it is."


@dataclass(frozen=True, slots=True)
class ImportDraft:
    """A file to import: its text, or the public id of its upload."""

    format: ImportFormat
    content: str | None
    media_id: str | None
    dry_run: bool
    time_zone: str


class ImportService:
    """Imports of one transaction."""

    def __init__(
        self,
        *,
        imports: ImportRepository,
        slices: SliceWriter,
        locks: Locks,
        idempotency: IdempotencyService,
        jobs: JobService,
        media: MediaService,
        sources: Sources,
        events: list[Event],
    ) -> None:
        self._imports = imports
        self._slices = slices
        self._locks = locks
        self._idempotency = idempotency
        self._jobs = jobs
        self._media = media
        self._sources = sources
        self._events = events

    async def start(self, viewer: Viewer, draft: ImportDraft, key: str | None) -> Import:
        """Take a file; a job lets it in. What is wrong with its content shows later, as the import's error."""
        user_id = viewer.require()

        async def work() -> Import:
            _check(draft)
            await self._locks.user(user_id)
            if await self._imports.unfinished(user_id) >= UNFINISHED_MOST:
                raise LimitExceeded(f"{UNFINISHED_MOST} of your imports are not finished yet. Wait for one of them.")
            row = Import(
                id=uuid7(),
                user_id=user_id,
                format=draft.format,
                dry_run=draft.dry_run,
                time_zone=draft.time_zone,
                content=draft.content,
            )
            if draft.media_id is not None:
                row.media_id = (await self._media.attach(viewer, draft.media_id, UploadPurpose.IMPORT, "mediaId")).id
            await self._imports.add(row)
            await self._jobs.add(JOB, import_id=str(row.id))
            return row

        async def again(import_id: UUID) -> Import | None:
            return (await self._imports.visible(viewer, [import_id])).get(import_id)

        return await self._idempotency.once_for(
            viewer, "importHighlights", key, draft, work=work, id_of=lambda row: row.id, again=again
        )

    async def step(self, import_id: UUID) -> bool:
        """Let the next slice of an import in; True when nothing is left, also because the import went with its account."""
        row = await self._imports.by_id(import_id)
        if row is None or row.state is ImportState.DONE:
            return True
        try:
            file = await self._sources.file(row)
        except ValueError as error:
            await self._fail(row, str(error))
            await self._sources.let_go(row)
            return True
        if not row.dry_run:
            await self._locks.sync_counter(row.user_id)
        if row.total is None:
            await self._begin(row, file)
        if not await self._take_slice(row, file):
            await self._saved(row)
            return False
        row.state, row.finished_at = ImportState.DONE, clock.now()
        await self._saved(row)
        await self._sources.let_go(row)
        return True

    async def give_up(self, import_id: UUID) -> None:
        """Fail an import whose job is dead; the file stays, so that the job can be replayed."""
        row = await self._imports.by_id(import_id)
        if row is not None and row.state is not ImportState.DONE:
            await self._fail(row, BROKEN)

    async def purge(self) -> bool:
        """Forget a slice of the reports of imports that ended long ago; True when none is left."""
        return await self._imports.purge(clock.now() - KEEP_REPORTS, PURGE_SLICE) == 0

    async def _begin(self, row: Import, file: PreparedFile) -> None:
        outline = file.outline
        row.total, row.done = outline.reach.records, file.skipped
        row.skipped, row.attached_notes, row.collapsed = file.skipped, outline.attached_notes, outline.collapsed
        books = [
            ImportBook(
                import_id=row.id,
                position=place,
                title=book.title,
                authors=list(book.authors),
                created=0,
                merged=0,
                unchanged=0,
                skipped=book.skipped,
            )
            for place, book in enumerate(outline.books)
        ]
        for at in range(0, len(books), REPORT_SLICE):
            await self._imports.report(books[at : at + REPORT_SLICE])
        problems = [(problem.line, problem.message) for problem in outline.problems]
        for at in range(0, len(problems), REPORT_SLICE):
            await self._report(row, problems[at : at + REPORT_SLICE])

    async def _take_slice(self, row: Import, file: PreparedFile) -> bool:
        viewer = Viewer(user_id=row.user_id)
        at = max(0, row.done - file.skipped)
        entries = file.entries[at : at + SLICE]
        decisions = await self._slices.decide(viewer, file, entries)
        books: Mapping[int, UUID] = {}
        if not row.dry_run:
            books = await self._slices.apply(viewer, file.outline.reach, decisions)
        for outcome, count in Counter(decision.outcome for decision in decisions).items():
            setattr(row, outcome, getattr(row, outcome) + count)
        await self._count_books(row, decisions, books)
        refused = [(decision.prepared.entry.line, decision.reason) for decision in decisions if decision.reason]
        await self._report(row, refused)
        row.state, row.error, row.finished_at = ImportState.RUNNING, None, None
        row.done = file.skipped + at + len(entries)
        return at + len(entries) >= len(file.entries)

    async def _count_books(self, row: Import, decisions: Sequence[Decision], books: Mapping[int, UUID]) -> None:
        counts = Counter((decision.prepared.book, decision.outcome) for decision in decisions)
        ids = {decision.prepared.book: decision.book_id for decision in decisions if decision.book_id} | dict(books)
        for book in await self._imports.own_books(row.id, {decision.prepared.book for decision in decisions}):
            for outcome in Outcome:
                setattr(book, outcome, getattr(book, outcome) + counts[book.position, outcome])
            book.book_id = ids.get(book.position, book.book_id)

    async def _report(self, row: Import, problems: Sequence[tuple[int, str]]) -> None:
        await self._imports.report(
            [ImportProblem(import_id=row.id, line=line, message=message) for line, message in problems]
        )

    async def _fail(self, row: Import, message: str) -> None:
        row.state, row.error, row.finished_at = ImportState.FAILED, message, clock.now()
        await self._saved(row)

    async def _saved(self, row: Import) -> None:
        await self._imports.save()
        self._events.append(ImportProgressed(row.user_id))


def _check(draft: ImportDraft) -> None:
    problems = Problems()
    if draft.media_id is None:
        _check_content(problems, draft.content or "")
    else:
        problems.check(draft.content is None, "Give either `content` or `mediaId`.", "mediaId")
    try:
        load_zone(draft.time_zone[:ZONE_LENGTH])
    except ValueError as error:
        problems.add(str(error), "timeZone")
    problems.raise_any()


def _check_content(problems: Problems, content: str) -> None:
    size = len(content.encode("utf-8", "surrogatepass"))
    problems.check(content.strip(), "The file is empty.", "content")
    problems.check(size <= CONTENT_BYTES, f"A file has at most 1 MB ({CONTENT_BYTES:,} bytes of UTF-8).", "content")
    problems.check(is_storable(content), "The file has a character that cannot be stored.", "content")
