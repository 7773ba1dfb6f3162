"""The app with an API process and several workers under one owner: `python -m benchmarks.fire_app WORKERS`."""

import asyncio
import sys

import uvloop

from benchmarks import storm_app


async def as_it_is(database_url: str) -> None:
    """Leave the database as the migrations made it."""
    del database_url


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(storm_app.run(api=1, workers=int(sys.argv[1]), prepare=as_it_is)))
