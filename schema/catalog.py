"""Books."""

from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from core.ids import global_id
from loaders.highlights import FollowedPage
from models import Book as BookRow
from repositories.catalog import BookFilter as Wanted
from repositories.highlights import ORDERS, HighlightOrder
from runtime.context import Info
from schema.errors import UserError
from schema.node import Node
from schema.pagination import After, First
from services import catalog

if TYPE_CHECKING:
    from schema.highlights import HighlightConnection


@strawberry.type(description="A book that somebody reads.")
class Book(Node):
    """A book; public, or seen by those who hold it."""

    key: strawberry.Private[UUID]
    title: str = strawberry.field(description="The title, as it was first told.")
    authors: list[str] = strawberry.field(description="The authors, as they were first told.")
    isbn: str | None = strawberry.field(description="The ISBN, 13 digits; null when unknown.")
    publisher: str | None = strawberry.field(description="Who published it; null when unknown.")
    total_locations: int | None = strawberry.field(description="How many locations it has; null when unknown.")

    @classmethod
    def from_model(cls, row: BookRow) -> Self:
        """Present a book."""
        return cls(
            id=strawberry.ID(global_id("Book", row.id)),
            key=row.id,
            title=row.title,
            authors=row.authors,
            isbn=row.isbn,
            publisher=row.publisher,
            total_locations=row.total_locations,
        )

    @strawberry.field
    async def highlight_count(self, info: Info) -> int:
        """How many highlights you have in it."""
        return await info.context.loaders.highlight_count_by_book_id.load(self.key) or 0

    @strawberry.field
    async def followed_highlights(
        self, info: Info, first: First = 20, after: After = None
    ) -> Annotated["HighlightConnection", strawberry.lazy("schema.highlights")]:
        """What readers whom you follow marked in it and you may see, newest first; those whom you mute left out."""
        from schema.highlights import Highlight, HighlightConnection

        key = FollowedPage(self.key, ORDERS[HighlightOrder.CREATED].request(first, after))
        page = await info.context.loaders.followed_highlights_by_book_id.load(key)
        if page is None:
            raise RuntimeError("every book has a page")
        loader = info.context.loaders.followed_highlight_count_by_book_id
        return HighlightConnection.of(page, Highlight.from_model, count=lambda: loader.load(self.key))


@strawberry.input(description="A book by title and authors.")
class NamedBook:
    """Part of a BookRef."""

    title: str = strawberry.field(description="The title; letter case and punctuation do not matter.")
    authors: list[str] = strawberry.field(description='The authors, "First Last" or "Last, First".')


@strawberry.input(one_of=True, description="A book, named in exactly one way.")
class BookRef:
    """Names a book."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="By its id.")
    isbn: strawberry.Maybe[str] = strawberry.field(description="By ISBN-10 or ISBN-13, with or without hyphens.")
    named: strawberry.Maybe[NamedBook] = strawberry.field(
        description="By title and authors; where a highlight is made, a book that is not there yet is added."
    )

    def to_ref(self) -> catalog.BookRef:
        """Pass on how the book is named."""
        named = self.named.value if self.named else None
        return catalog.BookRef(
            id=str(self.id.value) if self.id else None,
            isbn=self.isbn.value if self.isbn else None,
            named=catalog.NamedBook(named.title, tuple(named.authors)) if named else None,
        )


@strawberry.input(description="Which books to list; all that is given must match.")
class BookFilter:
    """Filter of `books`."""

    title: str | None = strawberry.field(default=None, description="A part of the title; letter case does not matter.")
    author: str | None = strawberry.field(default=None, description="A part of an author's name.")
    has_my_highlights: bool | None = strawberry.field(
        default=None, description="True: only books you marked something in; false: only others."
    )

    def to_wanted(self) -> Wanted:
        """Pass on what is wanted."""
        return Wanted(title=self.title, author=self.author, has_my_highlights=self.has_my_highlights)


@strawberry.input(description="A book to find, or to add when it is not there.")
class AddBookInput:
    """Input of addBook."""

    title: str = strawberry.field(description="The title, 1 to 500 characters.")
    authors: list[str] = strawberry.field(description="Up to 20 authors, each 1 to 200 characters; empty if unknown.")
    isbn: str | None = strawberry.field(default=None, description="ISBN-10 or ISBN-13; makes the book public.")
    publisher: str | None = strawberry.field(default=None, description="Who published it, up to 200 characters.")
    total_locations: int | None = strawberry.field(default=None, description="How many locations it has; 1 or more.")
    client_mutation_id: str | None = None

    def to_draft(self) -> catalog.BookDraft:
        """Pass on what is told about the book."""
        return catalog.BookDraft(self.title, tuple(self.authors), self.isbn, self.publisher, self.total_locations)


@strawberry.type(description="The answer to addBook.")
class BookPayload:
    """Payload with a book."""

    book: Book | None = strawberry.field(description="The book, found or made.")
    user_errors: list[UserError]
