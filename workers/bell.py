"""The bell at the workers' door: arq, which only wakes loops. What there is to do stands in PostgreSQL."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.exceptions import RedisError

from clients.bus import RING

log = structlog.get_logger(__name__)
POLL_DELAY, LONGEST_WAIT, HEALTHY = 0.1, 5.0, 10.0


async def hear(redis_url: str, wake: Callable[[], None]) -> None:
    """Call `wake` for every ring until cancelled; while Valkey is away, try to reach it again for ever."""
    wait = 0.1
    while True:
        began = time.monotonic()
        try:
            await _hear(redis_url, wake)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("job_bell_lost", error=type(error).__name__)
        wait = 0.1 if time.monotonic() - began > HEALTHY else min(wait * 2, LONGEST_WAIT)
        await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - jitter


async def _hear(redis_url: str, wake: Callable[[], None]) -> None:
    async def ring(ctx: dict[Any, Any], *_: Any, **__: Any) -> None:
        del ctx
        wake()

    # arq's own pool has no socket timeout: a stalled Valkey would hold it for ever.
    pool = ArqRedis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2)
    worker = Worker(
        functions=[func(ring, name=RING, max_tries=1, keep_result=0)],
        redis_pool=pool,
        handle_signals=False,
        poll_delay=POLL_DELAY,
        keep_result=0,
        job_timeout=5,
        log_results=False,
    )
    try:
        await worker.async_run()
    finally:
        # Worker.close() would call a method that redis-py deprecates, and fails without Valkey; this is what else it does.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
        await pool.aclose()
