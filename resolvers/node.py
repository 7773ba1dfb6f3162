"""Anything by its global id."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import strawberry

from core.errors import Invalid
from core.ids import read_global_id
from runtime.context import Context, Info
from schema.accounts import Device, Session
from schema.catalog import Book
from schema.highlights import Highlight
from schema.imports import Import
from schema.koreader import Document
from schema.node import Node
from schema.positions import ReadingPosition
from schema.posts import Post
from schema.posts_comments import Comment
from schema.posts_reports import Report
from schema.profiles import User
from schema.social import Mute

NODES_MOST = 100
Fetch = Callable[[Context, UUID], Awaitable[Any]]
FETCH: dict[str, tuple[Fetch, Callable[[Any, Context], Node]]] = {
    "Book": (lambda c, key: c.loaders.book_by_id.load(key), lambda row, _: Book.from_model(row)),
    "Comment": (lambda c, key: c.loaders.comment_by_id.load(key), lambda seen, _: Comment.from_model(seen)),
    "Device": (lambda c, key: c.loaders.device_by_id.load(key), lambda row, _: Device.from_model(row)),
    "Document": (lambda c, key: c.loaders.document_by_id.load(key), lambda row, _: Document.from_model(row)),
    "Highlight": (lambda c, key: c.loaders.highlight_by_id.load(key), lambda row, _: Highlight.from_model(row)),
    "Import": (lambda c, key: c.loaders.import_by_id.load(key), lambda row, _: Import.from_model(row)),
    "Post": (lambda c, key: c.loaders.post_by_id.load(key), lambda seen, _: Post.from_model(seen)),
    "ReadingPosition": (
        lambda c, key: c.loaders.position_by_id.load(key),
        lambda row, _: ReadingPosition.from_model(row),
    ),
    "Mute": (lambda c, key: c.loaders.mute_by_id.load(key), lambda row, _: Mute.from_model(row)),
    "Report": (lambda c, key: c.loaders.report_by_id.load(key), lambda row, _: Report.from_model(row)),
    "Session": (
        lambda c, key: c.loaders.session_by_id.load(key),
        lambda row, c: Session.from_model(row, c.viewer.session_id),
    ),
    "User": (lambda c, key: c.loaders.profile_by_id.load(key), lambda row, _: User.from_model(row)),
}


async def fetch(context: Context, global_id: str) -> Node | None:
    """Read a thing of any type; None when absent or not to be seen."""
    kind, key = read_global_id(global_id)
    if kind not in FETCH:
        raise Invalid(f"There is no type {kind} with ids.", "id")
    load, present = FETCH[kind]
    row = await load(context, key)
    return present(row, context) if row is not None else None


@strawberry.type
class NodeQuery:
    """Relay's way to read anything again."""

    @strawberry.field
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Which thing.")]
    ) -> Node | None:
        """Anything by its id; null when there is none, or none for you to see."""
        return await fetch(info.context, str(id))

    @strawberry.field
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Up to 100 ids.")]
    ) -> list[Node | None]:
        """Several things by their ids, in the same order."""
        if len(ids) > NODES_MOST:
            raise Invalid(f"Ask for at most {NODES_MOST} ids at a time.", "ids")
        return list(await asyncio.gather(*(fetch(info.context, str(one)) for one in ids)))
