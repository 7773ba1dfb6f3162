"""KOReader's sync protocol on the same server, at its usual paths."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from core.database import answers
from core.errors import AppError, RateLimited, Unauthenticated, Unavailable
from endpoints import koreader_wire as wire
from runtime.container import Container
from runtime.keys import VIEWER
from services.koreader_sign_in import Admitted

Answer = Callable[[web.Request], Awaitable[web.Response]]
# A base address that ends in "/" is joined with a path that begins with one.
_SLASHES = "/{slashes:/*}"


class Koreader:
    """/users, /syncs and /healthcheck."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def add_routes(self, app: web.Application) -> None:
        """Take the paths of the protocol, and all others below its folders: a device must never meet the web app there."""
        routes: list[tuple[str, str, Answer]] = [
            ("POST", "users/create", self._create),
            ("GET", "users/auth", self._auth),
            ("PUT", "syncs/progress", self._push),
            ("GET", "syncs/progress/{document}", self._pull),
            ("GET", "healthcheck", self._healthcheck),
            ("*", "users{rest:(/.*)?}", self._nothing),
            ("*", "syncs{rest:(/.*)?}", self._nothing),
            ("*", "healthcheck{rest:(/.*)?}", self._nothing),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, _SLASHES + path, _in_json(handler))

    async def _create(self, request: web.Request) -> web.Response:
        username, key = wire.read_account(await wire.read_object(request))
        registered = await self._container.koreader_gate.register(username, key, request[VIEWER].address)
        if registered is None:
            raise wire.Refused(wire.CLOSED)
        if not registered:
            raise wire.Refused(wire.TAKEN)
        return wire.answer(201, {"username": username})

    async def _auth(self, request: web.Request) -> web.Response:
        await self._admit(request)
        return wire.answer(200, {"authorized": "OK"})

    async def _push(self, request: web.Request) -> web.Response:
        body = await wire.read_object(request)
        admitted = await self._admit(request)
        push = wire.read_push(body)
        async with self._container.transaction() as services:
            at = await services.koreader.push(admitted.viewer, admitted.koreader_hash, push)
        return wire.answer(200, {"document": push.digest, "timestamp": int(at.timestamp())})

    async def _pull(self, request: web.Request) -> web.Response:
        admitted = await self._admit(request)
        async with self._container.reading() as services:
            row = await services.koreader.pushed(admitted.viewer, request.match_info["document"])
        return wire.answer(200, wire.progress_of(row) if row else {})

    async def _healthcheck(self, _: web.Request) -> web.Response:
        if not await answers(self._container.database.engine):
            raise wire.Refused(wire.NO_DATABASE)
        return wire.answer(200, {"state": "OK"})

    async def _nothing(self, _: web.Request) -> web.Response:
        raise wire.Refused(wire.NO_ROUTE)

    async def _admit(self, request: web.Request) -> Admitted:
        user, key = request.headers.get("X-Auth-User", ""), request.headers.get("X-Auth-Key", "")
        return await self._container.koreader_gate.admit(user, key, request[VIEWER].address)


def _in_json(handler: Answer) -> Answer:
    """Tell every refusal in the protocol's own words."""

    async def told(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except wire.Refused as refused:
            return wire.refused(refused.refusal)
        except Unauthenticated:
            return wire.refused(wire.UNAUTHORIZED)
        except RateLimited:
            return wire.refused(wire.TOO_MANY)
        except Unavailable:
            return wire.refused(wire.NO_DATABASE)
        except AppError:
            return wire.refused(wire.INVALID)

    return told
