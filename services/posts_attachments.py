"""What a post is about: a highlight of its author's, or a book."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Conflict, Invalid, NotFound
from core.ids import read_id, uuid7
from models import Highlight
from models.profiles import Visibility
from repositories.catalog import BookRepository
from repositories.highlights import HighlightRepository
from repositories.locks import Locks
from services.catalog import NO_BOOK
from services.sync.drafts import Edit, HighlightPatch, Op
from services.sync.writer import NO_HIGHLIGHT, Defaults, HighlightWriter


@dataclass(frozen=True, slots=True)
class Attached:
    """A book, or a highlight and its book, or nothing."""

    book_id: UUID | None = None
    highlight: Highlight | None = None

    @property
    def text(self) -> str | None:
        """The words marked."""
        return self.highlight.text if self.highlight else None

    @property
    def columns(self) -> dict[str, Any]:
        """Spell it as the columns of a post, its own copy of the passage included."""
        row = self.highlight
        if row is None:
            return {"book_id": self.book_id}
        return {
            "book_id": self.book_id,
            "highlight_id": row.id,
            "quote_text": row.text,
            "quote_start": row.location_start,
            "quote_end": row.location_end,
        }


class Attachments:
    """Find and open up what posts of one transaction are about."""

    def __init__(
        self, highlights: HighlightRepository, books: BookRepository, locks: Locks, writer: HighlightWriter
    ) -> None:
        self._highlights = highlights
        self._books = books
        self._locks = locks
        self._writer = writer

    async def find(self, viewer: Viewer, highlight_gid: str | None, book_gid: str | None) -> Attached:
        """Find what a post is to be about, the highlight locked; takes the first of all locks."""
        book_id = read_id(book_gid, "Book", "bookId") if book_gid is not None else None
        if highlight_gid is None:
            if book_id is not None and not await self._books.met(viewer, [book_id]):
                raise NotFound(NO_BOOK, "bookId")
            return Attached(book_id)
        highlight_id = read_id(highlight_gid, "Highlight", "highlightId")
        await self._locks.sync_counter(viewer.require())
        row = await self._highlights.known(highlight_id)
        if row is None or row.user_id != viewer.user_id or row.deleted_at is not None:
            raise NotFound(NO_HIGHLIGHT, "highlightId")
        if book_id not in (None, row.book_id):
            raise Invalid("The highlight stands in another book: leave the book out.", "bookId")
        return Attached(row.book_id, row)

    async def open_up(self, viewer: Viewer, attached: Attached, visibility: Visibility, *, widen: bool) -> None:
        """See to it that whoever sees the post may see its highlight: widen it where that is wanted, raise Conflict where not."""
        row = attached.highlight
        if row is None or row.visibility.openness >= visibility.openness:
            return
        if not widen:
            raise Conflict(
                "Fewer may see this highlight than the post. Choose a stricter visibility, or set `widenHighlight`.",
                "highlightId",
            )
        # Based on the highlight as it is now, so that no other device's edit can stand against it.
        op = Op(uuid7(), row.id, clock.now(), row.seq, Edit(HighlightPatch(visibility=visibility.value)))
        await self._writer.apply(
            viewer,
            op,
            writer_id=viewer.writer_id,
            device_id=viewer.device_id,
            book_id=None,
            defaults=Defaults(row.visibility),
        )
