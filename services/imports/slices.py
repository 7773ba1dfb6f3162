"""Let one slice of a file in: decide about its entries, and carry the decisions out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import AppError
from core.ids import uuid7
from models import Book, Highlight
from repositories.imports import ImportRepository, Met
from services.catalog import BookDraft, CatalogService
from services.imports.decisions import Decision, Ids, Known, Outcome, decide, draft_of, mark_of, second_id
from services.imports.prepared import PreparedEntry, PreparedFile, Reach, where
from services.profiles import ProfileService
from services.sync.drafts import Change, Create, Edit, Op
from services.sync.writer import Defaults, HighlightWriter


class SliceWriter:
    """Slices of one transaction; unless it is a dry run, the reader's counter must be locked."""

    def __init__(
        self,
        *,
        imports: ImportRepository,
        catalog: CatalogService,
        profiles: ProfileService,
        writer: HighlightWriter,
    ) -> None:
        self._imports = imports
        self._catalog = catalog
        self._profiles = profiles
        self._writer = writer

    async def decide(self, viewer: Viewer, file: PreparedFile, entries: Sequence[PreparedEntry]) -> Sequence[Decision]:
        """Tell what is to become of entries; writes nothing."""
        marks = await self._imports.marks(viewer.require(), (key for entry in entries for key in entry.keys))
        highlights = await self._imports.highlights(viewer, (mark.highlight_id for mark in marks.values()))
        ids = await self._ids(viewer, entries)
        known = Known(marks, highlights, {}, {}, ids)
        new = [entry for entry in entries if mark_of(entry, known) is None]
        books = await self._catalog.known_drafts(entry.draft for entry in new)
        held = {book.id for book in books.values() if isinstance(book, Book)}
        equals = await self._imports.equals(viewer, held, {entry.entry.text for entry in new})
        # The last of each place stays: a living one, the oldest.
        by_place = {(row.book_id, row.text, where(row)): row for row in equals}
        known = Known(marks, highlights, books, by_place, ids)
        return [decide(entry, known, file.outline.reach) for entry in entries]

    async def apply(self, viewer: Viewer, reach: Reach, decisions: Sequence[Decision]) -> Mapping[int, UUID]:
        """Carry decisions out; tell which books of the file are which of the catalogue."""
        wanted = [decision.prepared.draft for decision in decisions if decision.outcome is Outcome.CREATED]
        books = await self._catalog.add_all(viewer, wanted) if wanted else {}
        ids = await self._ids(viewer, [decision.prepared for decision in decisions])
        turn = _Turn(viewer, books, Defaults(await self._profiles.default_visibility(viewer)), ids)
        met: list[Met] = []
        for decision in decisions:
            row = await self._apply(turn, decision)
            if row is not None and decision.new_hash is not None:
                met.append(Met(decision.prepared.keys, row.id, decision.new_hash))
        await self._imports.remember(viewer.require(), reach.until, reach.records, met)
        return {place: book.id for place, book in _places(decisions, books).items()}

    async def _ids(self, viewer: Viewer, entries: Iterable[PreparedEntry]) -> Ids:
        user_id = viewer.require()
        told = {key for one in entries for key in (one.entry.uuid, one.entry.conflict_of) if key is not None}
        wanted = told | {second_id(user_id, key) for key in told}
        return Ids(user_id, await self._imports.owners(wanted) if wanted else {})

    async def _apply(self, turn: "_Turn", decision: Decision) -> Highlight | None:
        change: Change
        if decision.outcome is Outcome.CREATED:
            change, highlight_id, based_on = turn.create(decision.prepared), turn.id_of(decision.prepared), None
        elif decision.highlight is not None and decision.patch is not None:
            row = decision.highlight
            change, highlight_id, based_on = Edit(decision.patch), row.id, row.seq
        else:
            return decision.highlight
        book = turn.books.get(decision.prepared.draft)
        applied = await self._writer.apply(
            turn.viewer,
            Op(uuid7(), highlight_id, _done_at(decision), based_on, change),
            writer_id=None,
            device_id=None,
            book_id=book.id if isinstance(book, Book) else None,
            defaults=turn.defaults,
        )
        return applied.highlight


@dataclass(frozen=True, slots=True)
class _Turn:
    viewer: Viewer
    books: Mapping[BookDraft, Book | AppError]
    defaults: Defaults
    ids: Ids

    def id_of(self, prepared: PreparedEntry) -> UUID:
        """Keep the id of a highlight, or make one."""
        return self.ids.of(prepared.entry.uuid) if prepared.entry.uuid else uuid7()

    def create(self, prepared: PreparedEntry) -> Create:
        """Make a highlight of an entry."""
        conflict_of = prepared.entry.conflict_of
        return Create(draft_of(prepared, self.ids.of(conflict_of) if conflict_of else None))


def _done_at(decision: Decision) -> datetime:
    """Tell when the reader did it, so that whatever they did later elsewhere wins; a device's clock may be ahead."""
    now = clock.now()
    entry = decision.prepared.entry
    return min(entry.changed_at or entry.highlighted_at or now, now)


def _places(decisions: Sequence[Decision], books: Mapping[BookDraft, Book | AppError]) -> Mapping[int, Book]:
    found = {decision.prepared.book: books.get(decision.prepared.draft) for decision in decisions}
    return {place: book for place, book in found.items() if isinstance(book, Book)}
