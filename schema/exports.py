"""The way out: exports, and highlights shared elsewhere."""

from datetime import datetime
from typing import Self

import strawberry

from schema.enums import described
from schema.errors import UserError
from services.exports.service import ExportFormat, ExportLink
from services.highlights_share import Shared

described(
    ExportFormat,
    "What a file of highlights can be.",
    {
        "MARKDOWN": "To read and to keep: a heading a book, a quotation a highlight.",
        "CSV": "The columns of Readwise's export; cells that a spreadsheet would compute begin with an apostrophe.",
        "PDF": "To print. Needs fonts on the server for every script that occurs; of a limited length.",
        "JSON": "Everything, exactly: what this server exports as JSON it imports again without loss.",
        "W3C_ANNOTATIONS": "EPUB annotations of the W3C: `.annotations` for a book, a ZIP of those for all.",
    },
)


@strawberry.input(description="Which highlights to take away, and as what.")
class ExportHighlightsInput:
    """Input of exportHighlights."""

    format: ExportFormat = strawberry.field(description="What the file is to be.")
    book_id: strawberry.ID | None = strawberry.field(default=None, description="One book's only; all unless told.")
    client_mutation_id: str | None = None


@strawberry.type(description="A link to a file of highlights.")
class ExportHighlightsPayload:
    """Payload of exportHighlights."""

    url: str | None = strawberry.field(
        default=None,
        description="Where the file is; whoever has the link may fetch it. It holds what is there, "
        "and what your privacy settings let out, when it is fetched; ending this session ends it.",
    )
    expires_at: datetime | None = strawberry.field(default=None, description="Until when the link is good.")
    highlight_count: int | None = strawberry.field(default=None, description="How many highlights it has by now.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    def from_link(cls, link: ExportLink, origin: str) -> Self:
        """Present a link."""
        url = f"{origin}/exports/{link.token}"
        return cls(url=url, expires_at=link.expires_at, highlight_count=link.count)


@strawberry.input(description="A highlight to show elsewhere.")
class ShareHighlightInput:
    """Input of shareHighlight."""

    id: strawberry.ID = strawberry.field(description="Which highlight; one of yours.")
    platform: str = strawberry.field(description="Where it goes, a word such as `mastodon`; kept for you to look up.")
    client_mutation_id: str | None = None


@strawberry.type(description="What to post elsewhere.")
class ShareHighlightPayload:
    """Payload of shareHighlight."""

    text: str | None = strawberry.field(default=None, description="The words, with author and title; never the note.")
    url: str | None = strawberry.field(
        default=None,
        description="A page that shows each visitor what the highlight's visibility allows, and nothing else, at any time.",
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    def from_shared(cls, shared: Shared, origin: str) -> Self:
        """Present a text with its link."""
        return cls(text=shared.text, url=f"{origin}/highlights/{shared.highlight.id}")
