"""The GraphQL endpoint: Strawberry's view with our context, our JSON and our answers to malformed requests."""

import asyncio
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
import strawberry
from aiohttp import web
from cross_web import HTTPException
from strawberry.aiohttp.views import GraphQLView
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from auth.viewer import Viewer
from core.settings import Profile
from loaders import Loaders
from runtime.container import Container
from runtime.context import Context, Listener
from runtime.sessions import BadToken, OpenSocket, SessionCache, SocketRegistry

VIEWER = web.RequestKey("viewer", Viewer)
SOCKET = web.RequestKey("socket", OpenSocket)
INIT_SECONDS = 10
HEARTBEAT_SECONDS = 20
RESTART = 1012


class WebSocket:
    """An open socket, closable from outside its own task."""

    def __init__(self, response: web.WebSocketResponse) -> None:
        self._response = response

    async def close(self, code: int, reason: str) -> None:
        """Close it, telling why; a peer that does not answer is not waited for."""
        try:
            async with asyncio.timeout(2):
                await self._response.close(code=code, message=reason.encode())
        except TimeoutError:
            pass


def bearer(headers: Mapping[str, Any]) -> str | None:
    """Find a bearer token among headers or connection parameters, whatever the case of their names."""
    for name, value in headers.items():
        if name.lower() == "authorization":
            scheme, _, token = str(value).partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
    return None


class CommonplaceView(GraphQLView[Context, None]):
    """GraphQL over HTTP and WebSocket."""

    def __init__(
        self,
        schema: strawberry.Schema,
        container: Container,
        *,
        listener: Listener,
        sessions: SessionCache,
        sockets: SocketRegistry,
    ) -> None:
        open_profile = container.settings.profile is Profile.DEVELOPMENT
        super().__init__(
            schema,
            graphql_ide="graphiql" if open_profile else None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
        )
        self._container = container
        self._listener = listener
        self._sessions = sessions
        self._sockets = sockets

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer; what is wrong with the request itself is told as JSON."""
        try:
            return await self.run(request=request)
        except HTTPException as error:
            return refusal(error.status_code, error.reason, "BAD_REQUEST")

    async def get_context(self, request: web.Request, response: web.Response | web.WebSocketResponse) -> Context:
        """Make the surroundings of a request, or of a socket, which signs in later."""
        viewer: Viewer = request[VIEWER]
        context = Context(
            container=self._container,
            listener=self._listener,
            authenticator=self._sessions,
            viewer=viewer,
            loaders=Loaders(self._container.database, viewer),
            address=viewer.address,
        )
        if isinstance(response, web.WebSocketResponse):
            opened = OpenSocket(WebSocket(response))
            self._sockets.add(opened)
            request[SOCKET] = opened
            context.socket = opened
            await self._sockets.signed_in(opened, viewer)
        return context

    async def create_websocket_response(self, request: web.Request, subprotocol: str | None) -> web.WebSocketResponse:
        """Accept a socket that pings its peer, so that a dead one is noticed."""
        protocols = [subprotocol] if subprotocol else []
        response = web.WebSocketResponse(protocols=protocols, heartbeat=HEARTBEAT_SECONDS, max_msg_size=1 << 20)
        await response.prepare(request)
        return response

    async def on_ws_connect(self, context: Context) -> Any:
        """Sign the socket in by its connection_init payload; close it when the token is bad (4403) or expired (4401)."""
        token = bearer(context.connection_params or {})
        if token is not None:
            opened = context.socket
            if not isinstance(opened, OpenSocket):
                raise ConnectionRejectionError
            try:
                viewer = await self._sessions.viewer(token, context.address)
            except BadToken as error:
                if error.expired:
                    await opened.socket.close(4401, "Unauthorized")
                raise ConnectionRejectionError from error
            context.become(viewer)
            await self._sockets.signed_in(opened, viewer)
        return strawberry.UNSET

    async def process_result(
        self, request: web.Request, result: ExecutionResult, *args: Any, **kwargs: Any
    ) -> GraphQLHTTPResponse:
        """Leave `data` out where nothing was executed."""
        data = await super().process_result(request, result, *args, **kwargs)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            data.pop("data", None)
        return data

    def encode_json(self, data: object) -> str:
        """Write JSON."""
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON; raise what the view tells as a malformed request."""
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, "Unable to parse request body as JSON") from error


def refusal(status: int, message: str, code: str) -> web.Response:
    """Answer a request that never became an operation."""
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


async def closing(sockets: SocketRegistry) -> None:
    """Close every socket for a restart, advising each to come back after a while of its own."""
    await sockets.close_all(RESTART, f"Restarting: reconnect in {random.uniform(0.5, 5):.1f} s")  # noqa: S311
