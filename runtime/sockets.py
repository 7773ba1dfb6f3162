"""Open WebSockets: closable from outside their own task, and closed when their reader stalls."""

import asyncio
import contextlib
import random
import socket as sockets
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from strawberry.aiohttp.views import AiohttpWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from core import metrics
from core.metrics import SocketEnd
from runtime.sessions import SocketRegistry

HEARTBEAT_SECONDS = 20
MESSAGE_BYTES = 1 << 20
STALLED_SECONDS = 8.0
CUT_SECONDS = 1.0
BUFFER_BYTES = 128 << 10
TRY_AGAIN_LATER, RESTART = 1013, 1012


async def open_socket(request: web.Request, subprotocol: str | None) -> web.WebSocketResponse:
    """Accept a socket that pings its peer, so that a dead one is noticed, with small buffers, so that a stalled one is."""
    protocols = [subprotocol] if subprotocol else []
    response = web.WebSocketResponse(protocols=protocols, heartbeat=HEARTBEAT_SECONDS, max_msg_size=MESSAGE_BYTES)
    await response.prepare(request)
    transport = request.transport
    if transport is not None:
        # The kernel would take 4 MB for a reader that reads nothing, and a send would never wait.
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, BUFFER_BYTES)
        if isinstance(transport, asyncio.WriteTransport):
            transport.set_write_buffer_limits(high=BUFFER_BYTES)
    return response


class WebSocket:
    """An open socket, closable from outside its own task."""

    def __init__(self, response: web.WebSocketResponse, request: web.Request) -> None:
        self._response = response
        self._request = request

    async def close(self, code: int, reason: str) -> None:
        """Close it, telling why; a peer that does not answer is cut off."""
        try:
            async with asyncio.timeout(2):
                await self._response.close(code=code, message=reason.encode())
        except TimeoutError:
            self.cut()

    def cut(self) -> None:
        """End the connection without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()


class BoundedSocketAdapter(AiohttpWebSocketAdapter):
    """Sends with a time limit: whoever takes nothing for eight seconds is closed (1013), and hurts nobody else."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message; raise WebSocketDisconnected when the reader has stalled."""
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await super().send_json(message)
        except TimeoutError:
            self._give_up()
            raise WebSocketDisconnected from None

    def _give_up(self) -> None:
        metrics.socket_closed(SocketEnd.TOO_SLOW)
        # The close frame stands behind what is not taken either: it is not waited for, and then the line is cut.
        closing = asyncio.create_task(
            self.ws.close(code=TRY_AGAIN_LATER, message=b"Too slow: reconnect and go on from your cursor")
        )
        transport = self.request.transport
        if transport is not None:
            asyncio.get_running_loop().call_later(CUT_SECONDS, transport.abort)
        closing.add_done_callback(lambda done: done.cancelled() or done.exception())


class QuietHandler(BaseGraphQLTransportWSHandler[Any, Any]):
    """The protocol's handler, to which a reader who has gone is nothing to log."""

    async def handle_task_exception(self, error: Exception) -> None:
        """Log a fault of an operation."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)


async def close_for_restart(registry: SocketRegistry) -> None:
    """Close every socket, advising each to come back after a while of its own."""
    metrics.socket_closed(SocketEnd.RESTART, len(registry))
    await registry.close_all(RESTART, f"Restarting: reconnect in {random.uniform(0.5, 5):.1f} s")  # noqa: S311
