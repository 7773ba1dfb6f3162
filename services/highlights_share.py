"""Sharing a highlight: a text to post elsewhere, and the page behind its link."""

import re
from dataclasses import dataclass
from uuid import UUID

import structlog

from auth.viewer import Viewer
from core.errors import Invalid, NotFound
from core.ids import read_id
from models import Book, Highlight
from repositories.catalog import BookRepository
from repositories.highlights import HighlightRepository
from repositories.profiles import Profile, ProfileRepository
from services.audit import AuditService
from services.idempotency import IdempotencyService
from services.sync.writer import NO_HIGHLIGHT

log = structlog.get_logger(__name__)
_PLATFORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,29}")
BAD_PLATFORM = "A platform is a word such as `mastodon`: up to 30 letters, digits, blanks, dots, dashes, underscores."


@dataclass(frozen=True, slots=True)
class Shared:
    """A highlight with what a page may tell beside it: where it stands, and who marked it. Never the note."""

    highlight: Highlight
    book: Book
    owner: Profile | None = None

    @property
    def source(self) -> str:
        """Author and title, or the title alone."""
        return ", ".join([*self.book.authors, self.book.title])

    @property
    def text(self) -> str:
        """What to post elsewhere."""
        return f'"{self.highlight.text}"\n\n— {self.source}'


class ShareService:
    """Sharing in one transaction."""

    def __init__(
        self,
        *,
        highlights: HighlightRepository,
        books: BookRepository,
        profiles: ProfileRepository,
        audit: AuditService,
        idempotency: IdempotencyService,
    ) -> None:
        self._highlights = highlights
        self._books = books
        self._profiles = profiles
        self._audit = audit
        self._idempotency = idempotency

    async def share(self, viewer: Viewer, highlight_id: str, platform: str, key: str | None) -> Shared:
        """Put the viewer's own highlight into words for a platform, and note that it went there."""

        async def work() -> Shared:
            shared = await self._mine(viewer, read_id(highlight_id, "Highlight", "id"))
            if not _PLATFORM.fullmatch(platform):
                raise Invalid(BAD_PLATFORM, "platform")
            resource = ("highlight", shared.highlight.id)
            await self._audit.record(viewer, "share.external", resource, platform=platform)
            log.info("highlight_shared", highlight_id=str(shared.highlight.id), platform=platform)
            return shared

        async def again(known: UUID) -> Shared | None:
            return await self._living(viewer, known)

        viewer.require()
        return await self._idempotency.once_for(
            viewer,
            "shareHighlight",
            key,
            [highlight_id, platform],
            work=work,
            id_of=lambda shared: shared.highlight.id,
            again=again,
        )

    async def page(self, viewer: Viewer, highlight_id: UUID) -> Shared | None:
        """Read what a link shows to whoever follows it; None for what is not there, or not for their eyes."""
        shared = await self._living(viewer, highlight_id)
        if shared is None:
            return None
        owner = shared.highlight.user_id
        known = (await self._profiles.visible(viewer, [owner])).get(owner)
        return Shared(shared.highlight, shared.book, known) if known else None

    async def _mine(self, viewer: Viewer, highlight_id: UUID) -> Shared:
        shared = await self._living(viewer, highlight_id)
        if shared is None or shared.highlight.user_id != viewer.user_id:
            raise NotFound(NO_HIGHLIGHT, "id")
        return shared

    async def _living(self, viewer: Viewer, highlight_id: UUID) -> Shared | None:
        row = (await self._highlights.visible(viewer, [highlight_id])).get(highlight_id)
        if row is None or row.deleted_at is not None:
            return None
        book = (await self._books.shown(viewer, [row.book_id])).get(row.book_id)
        return Shared(row, book) if book else None
