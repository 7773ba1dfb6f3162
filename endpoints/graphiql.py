"""GraphiQL, the page to try the API on: ours, without internet, or Strawberry's where its files were not fetched."""

import asyncio
import base64
import hashlib
import json
import mimetypes
import re
from html import escape
from pathlib import Path

import structlog
from aiohttp import web

from endpoints.graphiql_tour import tour
from runtime.graphiql_files import STOCK_ORIGIN, Pin, folder_in, pins, read_files, stock_page

log = structlog.get_logger("graphiql")
PREFIX = "/graphiql/"
_TEMPLATE = Path(__file__).with_name("graphiql.html")
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
_FOR_EVER = "public, max-age=31536000, immutable"


class GraphiQL:
    """The page, and the files it loads."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = folder_in(data_dir)
        self._stock = stock_page()
        self._pins = pins(self._stock)
        self._files: dict[str, bytes] = {}

    def add_routes(self, app: web.Application) -> None:
        """Serve the files; the page itself is for the GraphQL endpoint to show."""
        app.router.add_get(PREFIX + "{name:.+}", self.file)

    async def page(self, _: web.Request) -> web.Response:
        """Show our page, or Strawberry's while the files are not there."""
        if await self._ready():
            return _html(_own_page(self._pins), "'self'")
        log.warning("graphiql_from_the_internet", hint="`make graphiql` fetches its files once")
        return _html(self._stock, STOCK_ORIGIN)

    async def file(self, request: web.Request) -> web.Response:
        """Serve a file that is pinned; there is no other, whatever the path says."""
        name = request.match_info["name"]
        if not await self._ready() or name not in self._files:
            raise web.HTTPNotFound
        kind = mimetypes.types_map[Path(name).suffix]
        headers = {"Cache-Control": _FOR_EVER, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=self._files[name], content_type=kind, charset="utf-8", headers=headers)

    async def _ready(self) -> bool:
        if not self._files:
            found = await asyncio.to_thread(read_files, self._folder, self._pins)
            self._files = found or {}
        return bool(self._files)


def _own_page(wanted: list[Pin]) -> str:
    links = (
        f'<link rel="stylesheet" href="{PREFIX}{escape(pin.name)}" integrity="sha384-{pin.sha384}">'
        for pin in wanted
        if pin.path.endswith(".css")
    )
    scripts = (
        f'<script src="{PREFIX}{escape(pin.name)}" integrity="sha384-{pin.sha384}"></script>'
        for pin in wanted
        if pin.path.endswith(".js")
    )
    parts = {"styles": "\n".join(links), "scripts": "\n".join(scripts), "tour": _json(tour())}
    return re.sub(r"<!-- (styles|scripts|tour) -->", lambda found: parts[found[1]], _TEMPLATE.read_text("utf-8"))


def _json(data: object) -> str:
    # Nothing inside a script element may look like its end.
    return json.dumps(data).replace("<", "\\u003c")


def _html(page: str, source: str) -> web.Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": _policy(page, source),
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=page, content_type="text/html", headers=headers)


def _policy(page: str, source: str) -> str:
    """Allow this page's own inline blocks, by hash, and files of one origin; nothing else runs or loads."""
    allowed = {"script": [source], "style": [source]}
    for kind, block in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        allowed[kind].append(f"'sha256-{digest}'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(allowed['script'])}",
            f"style-src {' '.join(allowed['style'])}",
            "connect-src 'self'",
            "font-src data:",
            "img-src 'self' data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
