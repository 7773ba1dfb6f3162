"""Load the large data set: 100,000 readers and what they wrote, for measuring and for trying things at size."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from auth import passwords
from commands.demo_data import PASSWORD
from commands.large.people import DOMAIN
from commands.large.plan import Load, Plan
from commands.large.town import Town
from commands.progress import Bar
from core.database import Base, make_engine
from core.settings import Profile, Settings
from repositories.seed import SeedRepository
from runtime.launch import CannotStart, backends, require_current, unless

SMALLEST = 0.001
CHUNK = 20_000
SALT = b"a large data set"
"""Not random: equal plans make equal rows."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    seed: int
    until: datetime
    scale: float = 1.0
    beside: bool = False
    """Whether there may be other readers."""
    report: Path | None = None
    """Where to write what was loaded, as JSON."""


async def seed_large(settings: Settings, stop: asyncio.Event, wanted: Wanted) -> int:
    """Load the data, and tell what it came to."""
    if settings.profile is Profile.PRODUCTION:
        raise CannotStart(
            "PROFILE: `seed-large` makes accounts whose password everybody knows, so it refuses PROFILE=production."
        )
    async with backends(settings, stop) as found:
        await require_current(found.database_url)
        began = time.monotonic()
        sums = await unless(stop, load(settings, found.database_url, wanted, Bar()))
        seconds = time.monotonic() - began
    for name, (count, checksum) in sums.items():
        print(f"{name:<20} {count:>10,} rows   {checksum}")
    print(
        f"Loaded in {seconds:.0f} s: --seed {wanted.seed} --scale {wanted.scale:g} --until {wanted.until.isoformat()}"
    )
    if wanted.report is not None:
        wanted.report.write_bytes(orjson.dumps({"seconds": seconds, "tables": sums}))
    return 0


async def load(settings: Settings, database_url: str, wanted: Wanted, progress: Progress) -> dict[str, tuple[int, str]]:
    """Load all of it or nothing; count the rows of each table that was filled, and sum up what they hold."""
    engine = make_engine(database_url, pool_size=1, patient=True)
    filled: list[type[Base]] = []
    try:
        async with engine.begin() as connection:
            tables = SeedRepository(connection)
            await tables.lock()
            await _require_room(tables, beside=wanted.beside)
            for part in _drawn(settings, wanted):
                await _copy(tables, part, progress)
                filled.append(part.model)
        async with engine.connect() as connection:
            tables = SeedRepository(connection)
            await tables.settle(filled)
            return await tables.checksums(filled)
    finally:
        await engine.dispose()


def _drawn(settings: Settings, wanted: Wanted) -> Iterator[Load]:
    plan = Plan(
        seed=wanted.seed,
        until=wanted.until,
        scale=wanted.scale,
        pull_above=settings.pull_threshold,
        public_from=settings.public_book_readers,
    )
    hashed = passwords.HASHER.hash(PASSWORD, salt=SALT)
    return Town(plan).loads(hashed)


async def _require_room(tables: SeedRepository, *, beside: bool) -> None:
    if await tables.has_readers(DOMAIN):
        raise CannotStart(
            "The large data set is there already. Another needs another database, such as DATA_DIR=.data2."
        )
    if not beside and await tables.has_readers():
        raise CannotStart(
            "There are readers in this database already. `seed-large --beside` adds the large data set to them; "
            "there is no way to take it out again."
        )


async def _copy(tables: SeedRepository, part: Load, progress: Progress) -> None:
    name, rows, done = part.model.__tablename__, iter(part.rows), 0
    while chunk := list(itertools.islice(rows, CHUNK)):
        await tables.copy(part.model, part.columns, chunk)
        done += len(chunk)
        progress(name, done, part.count)
    if done != part.count:
        raise RuntimeError(f"{done} rows of {name}, not {part.count}.")
