"""create_app(settings), and the command line. No logic."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from clients.bus import ValkeyBus
from clients.documents import ValkeyDocuments
from clients.limits import ValkeyBuckets
from clients.timelines import ValkeyTimelines
from commands.line import leave, main
from commands.line_parser import Programs
from core.database import Database
from core.settings import Settings
from core.tasks import cancel_all
from endpoints.exports import Exports
from endpoints.graphiql import GraphiQL
from endpoints.koreader import Koreader
from endpoints.media import Pictures
from endpoints.metrics import Metrics
from endpoints.probes import Probes
from endpoints.shared import SharedHighlights
from endpoints.uploads import Uploads
from runtime.browsers import Origins, browser_middleware
from runtime.container import Container
from runtime.graphql_view import CommonplaceView
from runtime.middleware import request_middleware, viewer_middleware
from runtime.persisted import PersistedOperations
from runtime.sessions import SessionCache, SocketRegistry
from runtime.sockets import close_for_restart
from runtime.vital import VITAL
from schema.errors import coded
from schema.root import closed_schema, schema
from subscriptions.broker import Broker

CONTAINER = web.AppKey("container", Container)
BROKER = web.AppKey("broker", Broker)
SOCKETS = web.AppKey("sockets", SocketRegistry)
BODY_BYTES = 4 << 20
CLOSING_SECONDS = 1.0


def create_app(settings: Settings, *, database_url: str, redis_url: str) -> web.Application:
    """Put one API process together; its parts start and stop with the application."""
    database = Database(database_url, pool_size=settings.database_pool)
    bus = ValkeyBus(redis_url)
    buckets = ValkeyBuckets(redis_url)
    timelines = ValkeyTimelines(redis_url, length=settings.timeline_length, days=settings.timeline_days)
    container = Container(settings, database, bus, buckets, timelines=timelines)
    sessions = SessionCache(container)

    def on_sessions() -> None:
        sessions.forget_all()
        sockets.look()

    documents = ValkeyDocuments(redis_url, container.registered_document)
    persisted = PersistedOperations(documents, only_registered=settings.persisted_only)
    origins = Origins(settings.allowed_origins)
    broker = Broker(container, redis_url, on_sessions)
    sockets = SocketRegistry(container, watch=broker.watch_sessions, unwatch=broker.unwatch_sessions)
    graphiql = GraphiQL(settings.data_dir) if settings.shows_graphiql else None
    view = CommonplaceView(
        schema if settings.shows_schema else closed_schema,
        container,
        listener=broker,
        sessions=sessions,
        sockets=sockets,
        persisted=persisted,
        allowed_origins=origins.allowed,
        coded=coded,
        page=graphiql.page if graphiql else None,
    )
    whoever = viewer_middleware(sessions, sockets, origins, trusted_proxies=settings.trusted_proxies)

    app = web.Application(
        client_max_size=BODY_BYTES, middlewares=[request_middleware, browser_middleware(origins), whoever]
    )
    app[CONTAINER], app[BROKER], app[SOCKETS], app[VITAL] = container, broker, sockets, []
    metrics = Metrics(
        container,
        sockets=lambda: len(sockets),
        subscriptions=lambda: broker.subscription_count,
        dropped_bells=lambda: bus.dropped,
    )
    app.router.add_route("*", "/graphql", view)
    if graphiql:
        graphiql.add_routes(app)
    _add_routes(app, Probes(container, bus_is_up=lambda: broker.is_up), metrics)

    async def run_parts(_: web.Application) -> AsyncIterator[None]:
        await container.refresh_epoch()
        own = [asyncio.create_task(sockets.run(), name="sockets"), asyncio.create_task(metrics.run(), name="metrics")]
        app[VITAL].extend([bus.start(), *broker.start(), *own])
        yield
        await cancel_all(own)
        await broker.close()
        await bus.close()
        await buckets.close()
        await timelines.close()
        await documents.close()
        await container.storage.close()
        await database.close()

    async def close_sockets(_: web.Application) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await close_for_restart(sockets)

    app.cleanup_ctx.append(run_parts)
    app.on_shutdown.append(close_sockets)
    return app


def _add_routes(app: web.Application, probes: Probes, metrics: Metrics) -> None:
    container = app[CONTAINER]
    app.add_routes(
        [
            web.get("/live", probes.live),
            web.get("/ready", probes.ready),
            web.get("/health", probes.health),
            web.get("/metrics", metrics.answer),
            web.get("/exports/{token}", Exports(container).download, allow_head=False),
            web.get("/highlights/{id}", SharedHighlights(container).page),
            web.put("/uploads/{token}", Uploads(container.receiver).take),
            web.get("/media/{name}", Pictures(container.storage).show),
        ]
    )
    Koreader(container).add_routes(app)


async def run_worker(settings: Settings, *, database_url: str, redis_url: str, stop: asyncio.Event) -> None:
    """Run jobs until told to stop."""
    from workers import main as worker

    await worker.run_worker(settings, database_url=database_url, redis_url=redis_url, stop=stop)


if __name__ == "__main__":
    leave(main(Programs(make_app=create_app, run_worker=run_worker)))
