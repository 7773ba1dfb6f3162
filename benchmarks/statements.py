"""How many SQL statements a page of highlights costs: the same for 5 and for 20, or every entry is asked for alone."""

import asyncio
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from app import CONTAINER, create_app
from benchmarks import report
from benchmarks.server import data_dir
from core import logging
from core.database import Database
from core.settings import LogLevel, Settings
from runtime.embedded import EmbeddedServers
from runtime.migrations import migrate
from tests.support.api import Reader, sign_up
from tests.support.statements import counted

SIZES = (1, 5, 20)
LIST = """query($first: Int!) { viewer { highlights(first: $first) {
  nodes { text note color book { title authors } } pageInfo { hasNextPage endCursor } } } }"""
WITH_OWNERS = """query($first: Int!) { viewer { highlights(first: $first) { totalCount
  nodes { text book { title highlightCount } owner { displayName } conflictOf { uuid } } } } }"""
PULL = """query($first: Int!) { highlightChanges(first: $first) { cursor hasMore
  changes { ... on HighlightUpserted { highlight { text book { title } } } } } }"""
QUERIES = {
    "highlights with their books": LIST,
    "… with owners, counts, origins": WITH_OWNERS,
    "a pull with books": PULL,
}


async def fill(reader: Reader) -> None:
    """Mark a passage in each of 20 books."""
    for number in range(max(SIZES)):
        payload = await reader.mutate(
            "createHighlight",
            "highlight { uuid }",
            book={"named": {"title": f"Tide Table {number}", "authors": [f"Keeper {number}"]}},
            passage={"text": f"Low water at {number} past the hour.", "anchor": {}},
        )
        if payload["userErrors"]:
            raise RuntimeError(payload["userErrors"])


async def count(client: "TestClient[Any, Any]", engine: Any) -> tuple[dict[str, list[int]], list[str]]:
    """Count the statements of each query at each size, its session being known already."""
    reader = await sign_up(client)
    await fill(reader)
    counts: dict[str, list[int]] = {}
    texts: list[str] = []
    for name, query in QUERIES.items():
        for first in SIZES:
            await reader.run("{ viewer { email } }")
            with counted(engine) as statements:
                await reader.run(query, first=first)
            counts.setdefault(name, []).append(len(statements))
            if (name, first) == (next(iter(QUERIES)), max(SIZES)):
                texts = [" ".join(statement.split()) for statement in statements]
    return counts, texts


async def measure() -> tuple[dict[str, list[int]], list[str]]:
    """Serve the API from this process, on servers of its own, to see its statements at the driver."""
    with data_dir() as home:
        servers = await EmbeddedServers.start(home, durable=False)
        try:
            if servers.database_url is None or servers.redis_url is None:
                raise RuntimeError("The embedded servers did not say where they answer.")
            database = Database(servers.database_url, pool_size=2)
            await migrate(database.engine)
            await database.close()
            app = create_app(Settings(), database_url=servers.database_url, redis_url=servers.redis_url)
            async with TestClient(TestServer(app)) as client:
                return await count(client, app[CONTAINER].database.engine)
        finally:
            await servers.stop()


def main() -> None:
    """Count."""
    logging.set_up(LogLevel.WARNING)
    counts, texts = asyncio.run(measure())
    sizes = "".join(f"{size:>6}" for size in SIZES)
    told = [
        *report.header(),
        "counts    SQL statements of one request, BEGIN and COMMIT left out, each highlight in a book of its own;",
        "          the reader's session was read within the last four seconds and costs nothing",
        "",
        f"{'entries':<34}{sizes}",
        *(f"{name:<34}{''.join(f'{number:>6}' for number in numbers)}" for name, numbers in counts.items()),
        "",
        "The statements of 20 highlights with their books, in short:",
        *(f"  {number}. {text[:150]} …" for number, text in enumerate(texts, 1)),
    ]
    report.write("statements", told)


if __name__ == "__main__":
    main()
