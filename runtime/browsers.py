"""Browsers: which other origins may call (CORS), and what no other origin may make a browser do (CSRF)."""

from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from core.settings import Settings
from runtime.http import refusal

COOKIE = "commonplace_session"
PICTURES = "/media/"
"""Shown by pages of every origin to whoever knows their names: no cookie counts there, and nothing can be done."""
_METHODS = "GET, POST, PUT, OPTIONS"
_HEADERS = "Authorization, Content-Type, X-Request-ID, Apollo-Require-Preflight, X-Apollo-Operation-Name"
_EXPOSED = "RateLimit, RateLimit-Policy, Retry-After, X-Request-ID, ETag"
_PREFLIGHT_SECONDS = "43200"


class Origins:
    """The origins that may call from a browser."""

    def __init__(self, allowed: str) -> None:
        self._allowed = {_normal(one) for one in allowed.split(",") if one.strip()}

    @property
    def allowed(self) -> list[str]:
        """The allowed origins, as they are compared."""
        return sorted(self._allowed)

    def may_call(self, request: web.Request) -> bool:
        """Tell whether a page on the request's origin may read the answer; a request without Origin is no page's."""
        origin = request.headers.get("Origin")
        return origin is None or self.is_same(request, origin) or _normal(origin) in self._allowed

    @staticmethod
    def is_same(request: web.Request, origin: str) -> bool:
        """Tell whether it is our own origin."""
        return urlsplit(origin).netloc.lower() == request.host.lower()


def _normal(origin: str) -> str:
    return origin.strip().rstrip("/").lower()


def origin_of(request: web.Request, settings: Settings) -> str:
    """Tell under which URL readers reach this server: as it is set, else as this request called it."""
    if settings.public_url is not None:
        return settings.public_url
    behind = settings.trusted_proxies > 0
    told = request.headers.get("X-Forwarded-Proto", "").split(",")[-1].strip().lower() if behind else ""
    return f"{'https' if request.secure or told == 'https' else 'http'}://{request.host}"


def browser_middleware(origins: Origins) -> Middleware:
    """Answer preflights, refuse what another origin's page sends, and allow the answers of those on the list."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(PICTURES):
            return await handler(request)
        allowed = origins.may_call(request)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response: web.StreamResponse = web.Response(status=204 if allowed else 403)
            if allowed:
                response.headers["Access-Control-Allow-Methods"] = _METHODS
                response.headers["Access-Control-Allow-Headers"] = _HEADERS
                response.headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
        elif is_foreign(request, allowed=allowed):
            response = refusal(403, "Pages of this origin may not call this server: see ALLOWED_ORIGINS.", "FORBIDDEN")
        else:
            response = await handler(request)
        if not response.prepared:
            _allow(request, response, allowed=allowed)
        return response

    return middleware


def is_foreign(request: web.Request, *, allowed: bool) -> bool:
    """Tell whether a page of another origin, not on the list, made the browser send this.

    A form or an image sends no Origin with GET, but every browser of today says `Sec-Fetch-Site`. Opening the page itself is no call.
    """
    if not allowed and "Origin" in request.headers:
        return True
    cross_site = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    if not cross_site or request.headers.get("Sec-Fetch-Mode") == "navigate":
        return cross_site and "query" in request.query and COOKIE in request.cookies
    return "Origin" not in request.headers


def _allow(request: web.Request, response: web.StreamResponse, *, allowed: bool) -> None:
    response.headers["Vary"] = "Origin, Accept, Authorization, Cookie"
    origin = request.headers.get("Origin")
    if origin is not None and allowed:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
