"""The app with two API processes and a worker under one owner, and a diary of every highlight: `python -m benchmarks.storm_app`.

The diary is a trigger of ours in the database: what stood there after each change that was committed. It tells what
became of an operation that something else has overwritten since.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import uvloop
from sqlalchemy import text

from commands.serve import supervise
from core import logging
from core.database import Database
from core.settings import load_settings
from runtime.launch import backends, child_argv, child_environment, stop_on_signals
from runtime.migrations import move
from runtime.supervisor import ChildSpec

API_PROCESSES = 2
Prepare = Callable[[str], Awaitable[None]]
"""What is done to the migrated database before anybody is served."""
DIARY = (
    "CREATE TABLE storm_diary (LIKE highlights)",
    "ALTER TABLE storm_diary ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY",
    (
        "CREATE FUNCTION storm_note() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO storm_diary VALUES (NEW.*); RETURN NULL; END $$"
    ),
    "CREATE TRIGGER storm_note AFTER INSERT OR UPDATE ON highlights FOR EACH ROW EXECUTE FUNCTION storm_note()",
)


async def _keep_diary(url: str) -> None:
    database = Database(url, pool_size=1)
    async with database.engine.begin() as connection:
        for statement in DIARY:
            await connection.execute(text(statement))
    await database.close()


async def run(*, api: int = API_PROCESSES, workers: int = 1, prepare: Prepare = _keep_diary) -> int:
    """Run everything until told to stop."""
    settings = load_settings()
    logging.set_up(settings.log_level)
    stop = stop_on_signals()
    async with backends(settings, stop) as found:
        await move(found.database_url)
        await prepare(found.database_url)
        serve = child_argv("serve", "--share-port")
        specs = [ChildSpec(f"api {n + 1}", serve, child_environment()) for n in range(api)]
        specs += [ChildSpec(f"worker {n + 1}", child_argv("worker"), child_environment()) for n in range(workers)]
        return await supervise(specs, found.embedded, stop)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(run()))
