"""Figures for Prometheus, of all processes of this host."""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from core import metrics
from core.errors import Unavailable
from runtime.container import Container

EVERY = 1.0


class Metrics:
    """/metrics, and what this process adds to it."""

    def __init__(
        self,
        container: Container,
        *,
        sockets: Callable[[], int],
        subscriptions: Callable[[], int],
        dropped_bells: Callable[[], int],
    ) -> None:
        self._container = container
        self._sockets = sockets
        self._subscriptions = subscriptions
        self._dropped_bells = dropped_bells
        self._told_dropped = 0

    async def run(self) -> None:
        """Write down every second what this process has open, for whichever process is asked."""
        while True:
            self._write()
            await asyncio.sleep(EVERY)

    async def answer(self, _: web.Request) -> web.Response:
        """Print the figures; without PostgreSQL, all but the ledger's."""
        self._write()
        printed = await asyncio.to_thread(metrics.render, await self._backlog())
        return web.Response(body=printed, headers={"Content-Type": metrics.CONTENT_TYPE})

    def _write(self) -> None:
        metrics.sockets_open(self._sockets(), self._subscriptions())
        total, idle = self._container.database.connections()
        metrics.process(tasks=len(asyncio.all_tasks()), connections=total, idle=idle)
        dropped = self._dropped_bells()
        metrics.bells_dropped(dropped - self._told_dropped)
        self._told_dropped = dropped

    async def _backlog(self) -> Sequence[metrics.Backlog] | None:
        try:
            async with self._container.reading() as services:
                return await services.jobs.backlog()
        except Unavailable:
            return None
