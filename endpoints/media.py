"""Pictures, served so that no browser runs them."""

import asyncio
import re

from aiohttp import web

from clients.storage import FileGone, Storage
from core.errors import Unavailable
from runtime.http import refusal

NAME = re.compile(r"[A-Za-z0-9_-]{32}\.webp")
HEADERS = {
    "Content-Type": "image/webp",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
    # Shown by apps of any origin; it is opened by its name, which nobody guesses, and by nothing else.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    # What lies under a name never changes.
    "Cache-Control": "public, max-age=31536000, immutable",
}


class Pictures:
    """GET /media/NAME: avatars and pictures of posts. Files to import have no address."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def show(self, request: web.Request) -> web.Response:
        """Serve a picture."""
        name = request.match_info["name"]
        if not NAME.fullmatch(name):
            return _none()
        etag = name.removesuffix(".webp")
        if any(known.value in (etag, "*") for known in request.if_none_match or ()):
            return web.Response(status=304, headers={"ETag": f'"{etag}"', "Cache-Control": HEADERS["Cache-Control"]})
        try:
            async with self._storage.fetched(f"images/{name}") as path:
                body = await asyncio.to_thread(path.read_bytes)
        except (FileGone, FileNotFoundError):
            return _none()
        except Unavailable as error:
            return refusal(503, str(error), "UNAVAILABLE", {"Retry-After": "5"})
        return web.Response(body=body, headers={**HEADERS, "ETag": f'"{etag}"'})


def _none() -> web.Response:
    return refusal(404, "There is no such picture.", "NOT_FOUND", {"Cache-Control": "no-store"})
