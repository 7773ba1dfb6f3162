"""GET /highlights/{id}: the page behind the link of a shared highlight."""

import base64
import hashlib
from html import escape
from uuid import UUID

from aiohttp import web

from core.settings import Settings
from runtime.browsers import origin_of
from runtime.container import Container
from runtime.keys import VIEWER
from services.highlights_share import Shared

MOST_DESCRIBED = 300
_STYLE = (
    "body{margin:0;background:#fbf9f4;color:#26221c;font:1.15rem/1.6 Georgia,serif}"
    "main{max-width:36rem;margin:12vh auto;padding:0 1.5rem}"
    "blockquote{margin:0;padding-left:1.2rem;border-left:.25rem solid #c9a227;white-space:pre-wrap;overflow-wrap:anywhere}"
    "p{color:#6b6254;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{background:#1d1b18;color:#e9e3d7}p{color:#a39a89}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    # No script, no picture, no frame, no form: the page is words.
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # What it shows depends on who looks, and on settings that change at any moment.
    "Cache-Control": "private, no-store",
}
NOTHING = "There is no such highlight, or it is not for your eyes."


class SharedHighlights:
    """Pages of shared highlights."""

    def __init__(self, container: Container) -> None:
        self._container = container

    async def page(self, request: web.Request) -> web.Response:
        """Show what the viewer may see of a highlight; what is hidden looks like what is not there."""
        key = _key(request.match_info["id"])
        shared = None
        if key is not None:
            async with self._container.reading() as services:
                shared = await services.sharing.page(request[VIEWER], key)
        if shared is None:
            return _html(404, _document("Nothing to see here", "", f"<p>{escape(NOTHING)}</p>"))
        return _html(200, _shown(shared, link_to(origin_of(request, self._settings), shared.highlight.id)))

    @property
    def _settings(self) -> Settings:
        return self._container.settings


def link_to(origin: str, highlight_id: UUID) -> str:
    """Spell the link of a highlight."""
    return f"{origin}/highlights/{highlight_id}"


def _key(text: str) -> UUID | None:
    try:
        key = UUID(text)
    except ValueError:
        return None
    return key if str(key) == text else None


def _shown(shared: Shared, url: str) -> str:
    text, source = shared.highlight.text, shared.source
    short = text if len(text) <= MOST_DESCRIBED else text[: MOST_DESCRIBED - 1] + "…"
    told = {
        "og:type": "article",
        "og:site_name": "Commonplace",
        "og:title": source,
        "og:url": url,
        "og:description": short,
    }
    tags = "".join(f'<meta property="{name}" content="{escape(value)}">' for name, value in told.items())
    marked = f"<p>Marked by {escape(shared.owner.user.display_name)}</p>" if shared.owner else ""
    quote = f'<blockquote dir="auto">{escape(text)}</blockquote><p dir="auto">— {escape(source)}</p>{marked}'
    return _document(source, tags, quote)


def _document(title: str, tags: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title>{tags}<style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _html(status: int, document: str) -> web.Response:
    return web.Response(status=status, text=document, content_type="text/html", charset="utf-8", headers=HEADERS)
