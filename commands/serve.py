"""Serve the API: in this process, or in several that share one port."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from core.settings import Settings
from runtime.embedded import EmbeddedServers
from runtime.launch import (
    Backends,
    Broken,
    backends,
    cannot_listen,
    child_argv,
    child_environment,
    require_current,
    require_free_port,
    require_secret,
    spare_start_up,
    until,
)
from runtime.storage_check import require_storage
from runtime.supervisor import ChildSpec, Supervisor
from runtime.vital import VITAL

MOST_WORKERS = 64
IN_FLIGHT_SECONDS = 1.5
CHILD_SECONDS = 3.8


class MakeApp(Protocol):
    """How the application is made."""

    def __call__(self, settings: Settings, *, database_url: str, redis_url: str) -> web.Application:
        """Make it."""


async def serve(settings: Settings, stop: asyncio.Event, make_app: MakeApp, *, workers: int, share_port: bool) -> int:
    """Serve until told to stop."""
    require_secret(settings)
    if not share_port:
        require_free_port(settings)
    async with backends(settings, stop) as found:
        await require_current(found.database_url)
        await require_storage(settings)
        if workers == 1:
            await _serve_here(settings, found, stop, make_app, share_port=share_port)
            return 0
        argv = child_argv("serve", "--share-port")
        specs = [ChildSpec(f"api {n + 1}", argv, child_environment()) for n in range(workers)]
        return await supervise(specs, found.embedded, stop)


async def supervise(specs: Sequence[ChildSpec], embedded: EmbeddedServers, stop: asyncio.Event) -> int:
    """Keep children alive beside the servers they need; all children are gone when this returns."""
    halt = asyncio.Event()
    children = asyncio.create_task(Supervisor(specs, stop_timeout=CHILD_SECONDS).run(halt), name="supervisor")
    try:
        await until(stop, embedded, [children])
    except Broken:
        if not children.done() or children.exception() is not None:
            raise
    finally:
        halt.set()
        await asyncio.gather(children, return_exceptions=True)
    return children.result()


async def _serve_here(
    settings: Settings, found: Backends, stop: asyncio.Event, make_app: MakeApp, *, share_port: bool
) -> None:
    app = make_app(settings, database_url=found.database_url, redis_url=found.redis_url)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=IN_FLIGHT_SECONDS)
    try:
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port, reuse_port=share_port or None)
        try:
            await site.start()
        except OSError as error:
            raise cannot_listen(settings, error) from error
        spare_start_up()
        await until(stop, found.embedded, [*app[VITAL]])
    finally:
        await runner.cleanup()
