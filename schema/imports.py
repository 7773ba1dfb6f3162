"""Files of highlights from elsewhere."""

from typing import Annotated, Self
from uuid import UUID

import strawberry

from core.errors import Invalid
from core.ids import global_id
from loaders.imports import ProblemsOf
from models import Import as ImportRow
from models import ImportBook as ImportBookRow
from models.imports import ImportFormat, ImportState
from runtime.context import Info
from schema.catalog import Book
from schema.enums import described
from schema.errors import UserError
from schema.node import Node
from services.imports.service import ImportDraft

PROBLEMS_DEFAULT, PROBLEMS_MOST = 100, 1_000

described(
    ImportFormat,
    "What kind of file it is.",
    {
        "MY_CLIPPINGS": "The clippings file of an e-reader, `My Clippings.txt`, of any generation and in ten languages, also mixed; "
        "KOReader's, too.",
        "KOREADER": "The JSON of KOReader's exporter, of one book or of several.",
        "READWISE_CSV": "CSV in the columns of Readwise's export, or of its import; our own CSV, too.",
        "W3C_ANNOTATIONS": "W3C annotations of publications: `.annotations` (a ZIP, as an upload), or their JSON, as Thorium writes it.",
        "JSON": "Our own JSON, which brings highlights back as they were, with their ids and times.",
    },
)
described(
    ImportState,
    "Where an import stands.",
    {
        "QUEUED": "It waits for its turn.",
        "RUNNING": "It is going in, slice by slice.",
        "DONE": "All of it has gone in.",
        "FAILED": "It has ended early; `error` says why. What had gone in stays.",
    },
)


@strawberry.type(description="A record that did not go in.")
class ImportProblem:
    """One line of the report."""

    line: int = strawberry.field(description="Where the record begins in the file, counted from 1.")
    message: str = strawberry.field(description="Why it did not go in.")


@strawberry.type(description="One book of an imported file.")
class ImportBook:
    """A book's part of the counts."""

    book_id: strawberry.Private[UUID | None]
    title: str = strawberry.field(description="The title as the file writes it.")
    created: int = strawberry.field(description="Highlights that are new.")
    merged: int = strawberry.field(description="Highlights that the file changed.")
    unchanged: int = strawberry.field(description="Highlights that were here already and stay as they are.")
    skipped: int = strawberry.field(description="Records of this book that are listed in `problems`.")

    @classmethod
    def from_model(cls, row: ImportBookRow) -> Self:
        """Present a book of an import."""
        return cls(
            book_id=row.book_id,
            title=row.title,
            created=row.created,
            merged=row.merged,
            unchanged=row.unchanged,
            skipped=row.skipped,
        )

    @strawberry.field
    async def book(self, info: Info) -> Book | None:
        """The book here, once you hold it or it is public; null in a dry run when it is neither, and when nothing of it went in."""
        if self.book_id is None:
            return None
        # Asked for by itself: a dry run names a book without holding it, and must not open somebody's sideloaded one.
        found = await info.context.loaders.book_by_id.load(self.book_id)
        return Book.from_model(found) if found else None


@strawberry.type(
    description="A file on its way in, and what became of its records: total = created + merged + unchanged + skipped "
    "once it is done. Only its owner sees it, for 90 days after its end."
)
class Import(Node):
    """An import, seen by its owner."""

    row: strawberry.Private[ImportRow]
    state: ImportState = strawberry.field(description="Where it stands.")
    dry_run: bool = strawberry.field(description="Whether it only reports, and writes nothing.")
    done: int = strawberry.field(description="How many records have been dealt with.")
    total: int | None = strawberry.field(description="How many records the file has; null before it was read.")
    created: int = strawberry.field(description="Highlights that are new.")
    merged: int = strawberry.field(
        description="Highlights that an earlier import made and this file changed; never ones that you edited or deleted since."
    )
    unchanged: int = strawberry.field(
        description="Highlights that were here already, or that you deleted, and that stay as they are."
    )
    skipped: int = strawberry.field(
        description="Records that are no highlight of their own: those in `problems`, `attachedNotes` and `collapsed`."
    )
    attached_notes: int = strawberry.field(description="Of the skipped: notes, which now stand in their highlights.")
    collapsed: int = strawberry.field(
        description="Of the skipped: repeated records, and versions of a highlight or note that a later one replaces."
    )
    error: str | None = strawberry.field(description="Why it failed.")

    @classmethod
    def from_model(cls, row: ImportRow) -> Self:
        """Present an import."""
        return cls(
            id=strawberry.ID(global_id("Import", row.id)),
            row=row,
            state=row.state,
            dry_run=row.dry_run,
            done=row.done,
            total=row.total,
            created=row.created,
            merged=row.merged,
            unchanged=row.unchanged,
            skipped=row.skipped,
            attached_notes=row.attached_notes,
            collapsed=row.collapsed,
            error=row.error,
        )

    @strawberry.field
    async def books(self, info: Info) -> list[ImportBook]:
        """The books of the file, in its order."""
        rows = await info.context.loaders.import_books_by_import_id.load(self.row.id)
        return [ImportBook.from_model(row) for row in rows or ()]

    @strawberry.field
    async def problems(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="How many, 1 to 1,000.")] = PROBLEMS_DEFAULT,
    ) -> list[ImportProblem]:
        """Records that did not go in, bookmarks among them, by line; of a very bad file the first 1,000 are kept."""
        count = PROBLEMS_DEFAULT if first is None else first
        if not 1 <= count <= PROBLEMS_MOST:
            raise Invalid(f"`first` must be between 1 and {PROBLEMS_MOST:,}.", "first")
        rows = await info.context.loaders.import_problems_by_import_id.load(ProblemsOf(self.row.id, count))
        return [ImportProblem(line=row.line, message=row.message) for row in rows or ()]


@strawberry.input(description="A file to import.")
class ImportHighlightsInput:
    """Input of importHighlights."""

    format: ImportFormat = strawberry.field(description="What kind of file it is.")
    content: str | None = strawberry.field(
        default=None, description="The file as text, up to 1 MB of UTF-8. Exactly one of `content` and `mediaId`."
    )
    media_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The file as an upload for the purpose IMPORT: UTF-8, UTF-16 with a mark, or Windows-1252; of annotations also a ZIP. "
        "An import uses it up.",
    )
    dry_run: bool | None = strawberry.field(default=False, description="Only report what would happen.")
    time_zone: str | None = strawberry.field(
        default="UTC", description="The IANA zone that the reader lives in: these files carry local times without one."
    )
    client_mutation_id: str | None = None

    def draft(self) -> ImportDraft:
        """Present what is asked."""
        return ImportDraft(
            self.format,
            self.content,
            self.media_id,
            dry_run=bool(self.dry_run),
            time_zone="UTC" if self.time_zone is None else self.time_zone,
        )


@strawberry.type(description="The answer to importHighlights.")
class ImportHighlightsPayload:
    """Payload with an import."""

    import_: Import | None = strawberry.field(name="import", description="The import, waiting for its turn.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)
