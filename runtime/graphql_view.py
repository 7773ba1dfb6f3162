"""The GraphQL endpoint: Strawberry's view with our context, our JSON and our answers to malformed requests."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import strawberry
from aiohttp import web
from cross_web import AiohttpHTTPRequestAdapter, AsyncHTTPRequestAdapter, HTTPException
from graphql import GraphQLError
from strawberry.aiohttp.views import GraphQLView
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.streaming import HTTPStreamTransport
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from auth.viewer import Viewer
from loaders import Loaders
from runtime.answers import finished
from runtime.browsers import COOKIE, origin_of
from runtime.container import Container
from runtime.context import Context, Listener
from runtime.http import (
    GRAPHQL_RESPONSE,
    JSON,
    RequestRefused,
    check_shape,
    dumps,
    loads,
    read_json,
    refusal,
    wants_events,
    wants_graphql_response,
)
from runtime.keys import CONTEXT, NAMED, REQUEST, SOCKET, VIEWER
from runtime.persisted import PersistedOperations
from runtime.sessions import BadToken, OpenSocket, SessionCache, SocketRegistry
from runtime.sockets import STALLED_SECONDS, TRY_AGAIN_LATER, BoundedSocketAdapter, QuietHandler, WebSocket, open_socket

INIT_SECONDS = 10
SUBSCRIPTIONS_PER_SOCKET = 50


def bearer(headers: Mapping[str, Any]) -> str | None:
    """Find a bearer token among headers or connection parameters, whatever the case of their names."""
    for name, value in headers.items():
        if name.lower() == "authorization":
            scheme, _, token = str(value).partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
    return None


class CommonplaceView(GraphQLView[Context, None]):
    """GraphQL over HTTP, WebSocket and server-sent events."""

    websocket_adapter_class = BoundedSocketAdapter
    graphql_transport_ws_handler_class = QuietHandler

    def __init__(
        self,
        schema: strawberry.Schema,
        container: Container,
        *,
        listener: Listener,
        sessions: SessionCache,
        sockets: SocketRegistry,
        persisted: PersistedOperations,
        allowed_origins: list[str],
        coded: Callable[[GraphQLError], GraphQLError],
        page: Callable[[web.Request], Awaitable[web.Response]] | None,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if page else None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=SUBSCRIPTIONS_PER_SOCKET,
            allowed_origins=allowed_origins,
        )
        self._container = container
        self._listener = listener
        self._sessions = sessions
        self._sockets = sockets
        self._persisted = persisted
        self._coded = coded
        self._page = page

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer; what is wrong with the request itself is told as JSON."""
        try:
            return await self.run(request=request)
        except RequestRefused as error:
            return refusal(error.status_code, error.reason, error.code, error.headers)
        except HTTPException as error:
            headers = {"Allow": "GET, POST"} if error.status_code == web.HTTPMethodNotAllowed.status_code else None
            return refusal(error.status_code, error.reason, "BAD_REQUEST", headers)

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """Show the page to a browser that opens the address, not to a client that names its operation."""
        names = {"query", "documentId", "extensions"}
        opens = "text/html" in request.headers.get("Accept", "") and not names & request.query_params.keys()
        return request.method == "GET" and opens

    async def render_graphql_ide(self, request: web.Request) -> web.Response:
        """Serve the page for people."""
        if self._page is None:
            raise RequestRefused(404, "There is no page here.")
        return await self._page(request)

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
            origin=origin_of(request, self._container.settings),
        )
        request[CONTEXT] = context
        context.reply.ends_cookie = COOKIE in request.cookies and not viewer.is_signed_in
        if isinstance(response, web.WebSocketResponse):
            opened = OpenSocket(WebSocket(response, request))
            self._sockets.add(opened)
            request[SOCKET] = opened
            context.socket = opened
            await self._sockets.signed_in(opened, viewer)
        return context

    async def get_sub_response(self, request: web.Request) -> web.Response:
        """Make the answer, which remembers its request."""
        response = web.Response()
        response[REQUEST] = request
        return response

    # --- sockets ---

    async def create_websocket_response(self, request: web.Request, subprotocol: str | None) -> web.WebSocketResponse:
        """Accept a socket."""
        return await open_socket(request, subprotocol)

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
            most = self._container.settings.sockets_per_reader
            if self._sockets.count_of(viewer.user_id) >= most and opened.viewer.user_id != viewer.user_id:
                await opened.socket.close(TRY_AGAIN_LATER, f"You have {most} sockets open already")
                raise ConnectionRejectionError
            context.become(replace(viewer, user_agent=context.viewer.user_agent))
            await self._sockets.signed_in(opened, viewer)
        return strawberry.UNSET

    # --- requests ---

    def is_request_allowed(self, request: BaseRequestProtocol) -> bool:
        """Take GET and POST; HEAD is answered like GET without its body."""
        return request.method in ("GET", "HEAD", "POST")

    def _get_stream_transport_from_headers(self, headers: Mapping[str, str]) -> HTTPStreamTransport | None:
        accept = next((value for key, value in headers.items() if key.lower() == "accept"), "")
        return self._get_stream_transport("sse") if wants_events(accept) else None

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Read the operation out of a request."""
        if request.method == "POST":
            content_type = (request.content_type or "").split(";")[0].strip().lower()
            if content_type != JSON:
                raise RequestRefused(415, f"Send {JSON}.", headers={"Accept-Post": JSON})
            data = read_json(await _body(request))
        else:
            data = {name: value for name, value in request.query_params.items() if value not in (None, "")}
            for name in ("variables", "extensions"):
                if isinstance(data.get(name), str):
                    data[name] = read_json(data[name])
        if isinstance(data, list):
            raise RequestRefused(400, "Send one operation at a time: this server takes no batches.")
        document = await self._persisted.find(check_shape(data))
        if isinstance(request, AiohttpHTTPRequestAdapter):
            request.request[NAMED] = document.named
        transport = self._get_stream_transport_from_headers(request.headers)
        return GraphQLRequestData(
            query=document.text,
            variables=data.get("variables"),
            operation_name=data.get("operationName"),
            extensions=data.get("extensions"),
            protocol=transport.protocol if transport else "http",
        )

    async def execute_single(
        self,
        request: web.Request,  # noqa: ARG002 - Strawberry's own list of arguments
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: web.Response,  # noqa: ARG002
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Run a query or mutation; a subscription needs a socket, or events."""
        allowed = {OperationType.QUERY} | ({OperationType.MUTATION} if request_adapter.method == "POST" else set())
        try:
            return await self.schema.execute(
                request_data.query,
                root_value=root_value,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=request_data.extensions,
            )
        except MissingQueryError as error:
            raise RequestRefused(400, "The query is empty.") from error
        except CannotGetOperationTypeError as error:
            raise RequestRefused(400, error.as_http_error_reason(), "OPERATION_RESOLUTION_FAILURE") from error
        except InvalidOperationTypeError as error:
            if request_adapter.method == "POST":
                message = "A subscription needs a WebSocket, or `Accept: text/event-stream`."
                raise RequestRefused(400, message) from error
            raise RequestRefused(405, "GET takes queries only.", headers={"Allow": "POST"}) from error

    # --- answers ---

    async def process_result(self, request: web.Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Leave `data` out where nothing was executed, and let no error without a code through."""
        if result.errors:
            result.errors = [e if (e.extensions or {}).get("code") else self._coded(e) for e in result.errors]
        data = await super().process_result(request, result)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            data.pop("data", None)
        return data

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: web.Response
    ) -> web.Response:
        """Write the answer with its status, media type, rate limit and, for GET, its tag."""
        request: web.Request = sub_response[REQUEST]
        newer = wants_graphql_response(request.headers.get("Accept", ""))
        if request.method in ("GET", "HEAD") and isinstance(response_data, dict):
            # What is left of the minute differs each time, and is nobody else's: it would keep a cache from ever answering.
            response_data.pop("extensions", None)
        sub_response.body = dumps(response_data)
        sub_response.content_type = GRAPHQL_RESPONSE if newer else JSON
        sub_response.charset = "utf-8"
        if newer and isinstance(response_data, dict) and "data" not in response_data:
            sub_response.set_status(400)
        has_errors = not isinstance(response_data, dict) or bool(response_data.get("errors"))
        return finished(request, sub_response, has_errors=has_errors)

    async def create_streaming_response(
        self,
        request: web.Request,
        stream: Callable[[], AsyncGenerator[str, None]],
        sub_response: web.Response,
        headers: Mapping[str, str],
    ) -> web.StreamResponse:
        """Send events until the client goes, or takes nothing for eight seconds; nothing is left behind either way."""
        response = web.StreamResponse(status=sub_response.status, headers=headers)
        await response.prepare(request)
        async with aclosing(stream()) as events:
            async for event in events:
                try:
                    async with asyncio.timeout(STALLED_SECONDS):
                        await response.write(event.encode())
                except (TimeoutError, ConnectionError):
                    break
            else:
                await response.write_eof()
        return response

    def encode_json(self, data: object) -> str:
        """Write JSON for sockets and events."""
        return dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON for sockets, which close when it is none: there is no HTTP answer to give any more."""
        return loads(data)


async def _body(request: AsyncHTTPRequestAdapter) -> str | bytes:
    try:
        return await request.get_body()
    except web.RequestPayloadError:
        raise RequestRefused(400, "The body is not encoded as Content-Encoding says.") from None
    except OSError:
        # Its sender has gone: nobody's fault here, and nobody hears the answer.
        raise RequestRefused(400, "The request broke off.") from None
