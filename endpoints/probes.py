"""Whether the process lives, and whether it can serve."""

from collections.abc import Callable

from aiohttp import web

from core.database import answers
from runtime.container import Container


class Probes:
    """/live, /ready and /health."""

    def __init__(self, container: Container, *, bus_is_up: Callable[[], bool]) -> None:
        self._container = container
        self._bus_is_up = bus_is_up

    async def live(self, _: web.Request) -> web.Response:
        """Answer that the process lives."""
        return web.json_response({"status": "alive"})

    async def ready(self, _: web.Request) -> web.Response:
        """Answer whether requests can be served: PostgreSQL alone decides."""
        ready = await self._database_answers()
        return web.json_response({"status": "ready" if ready else "unready"}, status=200 if ready else 503)

    async def health(self, _: web.Request) -> web.Response:
        """Tell the state of each part; without Valkey the server is degraded, not unready."""
        database, bus = await self._database_answers(), self._bus_is_up()
        status = "unready" if not database else "healthy" if bus else "degraded"
        parts = {"postgresql": "up" if database else "down", "valkey": "up" if bus else "down"}
        return web.json_response({"status": status, "parts": parts}, status=200 if database else 503)

    async def _database_answers(self) -> bool:
        return await answers(self._container.database.engine)
