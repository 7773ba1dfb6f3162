"""Files that KOReader tells of."""

from datetime import datetime
from typing import Self

import strawberry

from core.ids import global_id
from models import Document as DocumentRow
from runtime.context import Info
from schema.catalog import Book, BookRef
from schema.errors import UserError
from schema.node import Node
from schema.pagination import Connection


@strawberry.type(
    description="A file that KOReader syncs its place in through this server. It knows files, not books: once you have said "
    "which book it is, each sync is also your reading position there. Nobody else sees it."
)
class Document(Node):
    """A document, seen by its owner."""

    row: strawberry.Private[DocumentRow]
    digest: str = strawberry.field(
        description="KOReader's name of the file: by its settings the MD5 of parts of it, or of its name."
    )
    filename: str | None = strawberry.field(description="The file's name, if the device sends it.")
    title: str | None = strawberry.field(description="The title in the file, if the device sends it.")
    authors: str | None = strawberry.field(description="The authors in the file, if the device sends them.")
    percent: float | None = strawberry.field(
        description="How far into the file the last sync was, 0 to 100; null when there was none."
    )
    progress: str | None = strawberry.field(description="The place of the last sync, in KOReader's own spelling.")
    device_name: str | None = strawberry.field(description="What the device of the last sync calls itself.")
    synced_at: datetime | None = strawberry.field(
        description="When the last sync came in; null for a file that was linked before it was ever synced."
    )

    @classmethod
    def from_model(cls, row: DocumentRow) -> Self:
        """Present a document."""
        return cls(
            id=strawberry.ID(global_id("Document", row.id)),
            row=row,
            digest=row.digest,
            filename=row.filename,
            title=row.title,
            authors=row.authors,
            percent=row.percent,
            progress=row.progress,
            device_name=row.device,
            synced_at=row.pushed_at,
        )

    @strawberry.field
    async def book(self, info: Info) -> Book | None:
        """The book it is; null until you have said so."""
        if self.row.book_id is None:
            return None
        found = await info.context.loaders.shown_book_by_id.load(self.row.book_id)
        return Book.from_model(found) if found else None


@strawberry.type(description="A page of documents.")
class DocumentConnection(Connection[Document]):
    """Documents, the one heard of last first."""


@strawberry.input(description="Which book a document is.")
class LinkDocumentInput:
    """Input of linkDocument."""

    digest: str = strawberry.field(description="KOReader's name of the file; it need not have been synced yet.")
    book: BookRef = strawberry.field(description="The book; one named by title and authors is added when it is new.")
    client_mutation_id: str | None = None


@strawberry.input(description="A document to take its book off.")
class UnlinkDocumentInput:
    """Input of unlinkDocument."""

    digest: str = strawberry.field(description="KOReader's name of the file.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to a change of a document.")
class DocumentPayload:
    """Payload with a document."""

    document: Document | None = strawberry.field(description="The document as it is now.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)
