"""What an answer tells besides its body: what is left of the minute, the browser's session, whether it may be cached."""

import hashlib

from aiohttp import web

from runtime.browsers import COOKIE
from runtime.context import Meter, Reply
from runtime.keys import CONTEXT, NAMED, VIEWER
from services.accounts_sessions import SESSION_LIFE

PUBLIC_SECONDS = 60


def finished(request: web.Request, response: web.Response, *, has_errors: bool) -> web.Response:
    """Complete an answer with its header fields; a GET whose answer its client has becomes a 304."""
    context, reads = request[CONTEXT], request.method in ("GET", "HEAD")
    # The same for everybody: a GET that names its operation, signed out.
    public = reads and request.get(NAMED, False) and not request[VIEWER].is_signed_in and not has_errors
    if not public:
        _tell_allowance(response, context.meter)
    _set_cookie(request, response, context.reply)
    if not reads:
        return response
    if has_errors or response.status != web.HTTPOk.status_code:
        response.headers["Cache-Control"] = "no-store"
        return response
    return _tagged(request, response, public=public)


def _tell_allowance(response: web.Response, meter: Meter) -> None:
    """Tell what is left, in the fields of the IETF's RateLimit draft."""
    allowance = meter.allowance
    if allowance is None:
        return
    seconds = max(0, round((allowance.limit - allowance.remaining) * 60 / allowance.limit))
    response.headers["RateLimit-Policy"] = f'"cost";q={allowance.limit};w=60'
    response.headers["RateLimit"] = f'"cost";r={allowance.remaining};t={seconds}'
    if not allowance.allowed:
        response.set_status(429)
        response.headers["Retry-After"] = str(allowance.retry_after)


def _set_cookie(request: web.Request, response: web.Response, reply: Reply) -> None:
    """Hand a browser its session, out of reach of scripts, or take it back."""
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    if reply.cookie is not None:
        age = int(SESSION_LIFE.total_seconds())
        response.set_cookie(COOKIE, reply.cookie, max_age=age, httponly=True, secure=secure, samesite="Lax", path="/")
    elif reply.ends_cookie:
        response.del_cookie(COOKIE, path="/", httponly=True, secure=secure, samesite="Lax")


def _tagged(request: web.Request, response: web.Response, *, public: bool) -> web.Response:
    """Let an answer be cached: by everybody, or by its own client, who must ask again."""
    age = f"public, max-age={PUBLIC_SECONDS}" if public else "private, max-age=0, must-revalidate"
    response.headers["Cache-Control"] = age
    tag = hashlib.sha256(_body(response)).hexdigest()[:32]
    response.etag = tag
    if request.if_none_match and any(one.value in (tag, "*") for one in request.if_none_match):
        response.body = None
        response.set_status(304)
    return response


def _body(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""
