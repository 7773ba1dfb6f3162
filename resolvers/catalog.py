"""Books."""

from typing import Annotated

import strawberry

from repositories.catalog import BookFilter as Wanted
from runtime.context import Info
from schema.catalog import AddBookInput, Book, BookFilter, BookPayload, BookRef
from schema.errors import user_errors
from schema.pagination import After, Connection, First


@strawberry.type
class CatalogQuery:
    """Books to read."""

    @strawberry.field
    async def book(
        self, info: Info, ref: Annotated[BookRef, strawberry.argument(description="Which book.")]
    ) -> Book | None:
        """A book; null when there is none, or none for you to see."""
        async with info.context.reading() as services:
            row = await services.catalog.find(info.context.viewer, ref.to_ref())
        return Book.from_model(row) if row else None

    @strawberry.field
    async def books(
        self,
        info: Info,
        filter: Annotated[BookFilter | None, strawberry.argument(description="Which books; all unless told.")] = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Book]:
        """Books by title: public ones, and those you hold."""
        async with info.context.reading() as services:
            page = await services.catalog.page(
                info.context.viewer, filter.to_wanted() if filter else Wanted(), first, after
            )
        return Connection.of(page, Book.from_model)


@strawberry.type
class CatalogMutation:
    """Changes of the catalogue."""

    @strawberry.mutation
    async def add_book(self, info: Info, input: AddBookInput) -> BookPayload | None:
        """Find the same book, or add it; you hold it then."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.catalog.add(info.context.viewer, input.to_draft(), input.client_mutation_id)
            return BookPayload(book=Book.from_model(row), user_errors=[])
        return BookPayload(book=None, user_errors=failed.errors)
