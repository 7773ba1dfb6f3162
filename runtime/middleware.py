"""Around every HTTP request: a request id, a viewer, a log line, and an answer for what nobody caught."""

import contextlib
import re
import time
from dataclasses import replace
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from auth.viewer import Viewer
from core import metrics
from core.errors import Unavailable
from core.ids import uuid7
from core.text import without_unstorable
from runtime.browsers import COOKIE, Origins
from runtime.graphql_view import bearer
from runtime.http import refusal
from runtime.keys import SOCKET, VIEWER
from runtime.sessions import BadToken, SessionCache, SocketRegistry

log = structlog.get_logger("request")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SLOW_SECONDS = 0.5
PROBES = {"/live", "/ready", "/health", "/metrics"}
"""What is asked every few seconds and, while all is well, says nothing."""


def address_of(request: web.Request, trusted_proxies: int) -> str:
    """Tell where a request comes from: the peer, or what the outermost trusted proxy saw."""
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if trusted_proxies and len(seen) >= trusted_proxies:
        return seen[-trusted_proxies][:64]
    return request.remote or "unknown"


def agent_of(request: web.Request) -> str:
    """Tell what the client calls itself, as far as it can be stored."""
    return without_unstorable(request.headers.get("User-Agent", ""))[:300]


def cookie_of(request: web.Request, origins: Origins) -> str | None:
    """Find a session cookie that counts: on a socket only when the page's Origin is ours or allowed."""
    if request.headers.get("Upgrade") and ("Origin" not in request.headers or not origins.may_call(request)):
        return None
    return request.cookies.get(COOKIE)


def viewer_middleware(
    sessions: SessionCache, sockets: SocketRegistry, origins: Origins, *, trusted_proxies: int
) -> Middleware:
    """Find out who asks; a bad token is refused, none at all, or a cookie of the past, is a signed-out viewer."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        address = address_of(request, trusted_proxies)
        agent = agent_of(request)
        request[VIEWER] = Viewer(address=address, user_agent=agent)
        token, cookie = bearer(request.headers), cookie_of(request, origins)
        try:
            if token is not None:
                request[VIEWER] = replace(await sessions.viewer(token, address), user_agent=agent)
            elif cookie is not None:
                with contextlib.suppress(BadToken):
                    request[VIEWER] = replace(await sessions.viewer(cookie, address), user_agent=agent)
            return await handler(request)
        except BadToken:
            response = refusal(401, "This token is not valid any more: sign in again.", "UNAUTHENTICATED")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        except Unavailable as error:
            return refusal(503, str(error), "UNAVAILABLE")
        finally:
            opened = request.get(SOCKET)
            if opened is not None:
                await sockets.remove(opened)

    return middleware


@web.middleware
async def request_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, and log it when it is done; a fault becomes a 500 that tells nothing but the id."""
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid7())
    began = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = refusal(error.status, error.reason, "BAD_REQUEST")
            response.headers.update({k: v for k, v in error.headers.items() if k == "Allow"})
        except Exception:
            log.exception("request_failed", path=_path(request))
            response = refusal(500, "Something went wrong on our side.", "INTERNAL_SERVER_ERROR")
        _note(request, response, time.perf_counter() - began)
    if not response.prepared:
        response.headers["X-Request-ID"] = request_id
    return response


def _path(request: web.Request) -> str:
    """Name what was asked for, without the token that would open it to whoever reads the log."""
    return _route(request) if "token" in request.match_info else request.path


def _route(request: web.Request) -> str:
    """Name what was asked for by its pattern: paths are as many as their senders like."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


def _note(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    is_socket = isinstance(response, web.WebSocketResponse)
    route = _route(request)
    metrics.request_answered(route, response.status, None if is_socket else seconds)
    viewer = request.get(VIEWER)
    slow = seconds > SLOW_SECONDS and not is_socket
    quiet = log.debug if route in PROBES and response.status < HTTPStatus.BAD_REQUEST else log.info
    (log.warning if slow else quiet)(
        "slow_request" if slow else "request",
        method=request.method,
        path=_path(request),
        status=response.status,
        duration_ms=round(seconds * 1000, 1),
        user_id=str(viewer.user_id) if viewer and viewer.user_id else None,
    )
