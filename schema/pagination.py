"""Relay connections over keyset pages."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, Self, TypeVar

import strawberry

from core.pagination import Page

Node = TypeVar("Node")
Row = TypeVar("Row")

First = Annotated[int | None, strawberry.argument(description="How many at most: 1 to 100; 20 unless told.")]
After = Annotated[
    str | None, strawberry.argument(description="The cursor behind which to go on: `pageInfo.endCursor`.")
]


@strawberry.type(description="Where a page of a list begins and ends.")
class PageInfo:
    """Relay's page info."""

    has_next_page: bool = strawberry.field(description="Whether more comes after this page.")
    has_previous_page: bool = strawberry.field(description="Whether this page began behind a cursor.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first entry; null when there is none.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last entry; null when there is none.")

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        """Describe a page."""
        cursors = page.cursors
        return cls(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


@strawberry.type(description="One entry of a list, with its place.")
class Edge(Generic[Node]):
    """Relay's edge."""

    cursor: str = strawberry.field(description="The place behind which a next page may begin.")
    node: Node = strawberry.field(description="What stands there.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    """Relay's connection, with `nodes` for those who need no cursors."""

    edges: list[Edge[Node]] = strawberry.field(description="The entries with their cursors.")
    nodes: list[Node] = strawberry.field(description="The entries alone.")
    page_info: PageInfo = strawberry.field(description="Where this page begins and ends.")

    @classmethod
    def of(cls, page: Page[Row], make: Callable[[Row], Any], **more: Any) -> Self:
        """Present a page; make(row) presents a row."""
        nodes = [make(row) for row in page.rows]
        edges = [Edge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]
        return cls(edges=edges, nodes=nodes, page_info=PageInfo.of(page), **more)
