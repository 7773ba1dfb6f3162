"""Import files over the API, with a worker's loop at hand."""

import io
import json
from datetime import timedelta
from typing import Any

from runtime.container import Container
from services.jobs import JobRunner
from tests.services.imports.clippings_text import at, highlight, note
from tests.support.api import Reader
from workers.main import BURIALS, HANDLERS

FIELDS = """
id state dryRun done total created merged unchanged skipped attachedNotes collapsed error
books { title created merged unchanged skipped book { id title authors highlightCount } }
problems { line message }
"""
IMPORT = f"query($id: ID!) {{ node(id: $id) {{ ... on Import {{ {FIELDS} }} }} }}"
HIGHLIGHTS = """
query($deleted: Boolean, $after: String) { viewer { highlights(first: 100, deleted: $deleted, after: $after, orderBy: LOCATION) {
  nodes { id uuid text note color visibility version createdAt updatedAt
          anchor { locationStart locationEnd page } book { id title authors } }
  pageInfo { hasNextPage endCursor } } } }
"""

OLD = highlight("Location 10-12", "The tide keeps", date=at(0)) + highlight(
    "Location 40-41", "Salt has no owner.", date=at(5)
)
GROWN = (
    OLD
    + highlight("Location 10-14", "The tide keeps its own ledger.", date=at(60))
    + note("Location 41", "who said this?", date=at(61))
    + highlight("Location 70-71", "A third one.", date=at(62))
)


def counts(found: Any) -> tuple[int, int, int, int]:
    """Take the four counts out of a report."""
    return found["created"], found["merged"], found["unchanged"], found["skipped"]


async def run_jobs(container: Container) -> None:
    """Do what a worker does until nothing is due."""
    await JobRunner(container.transaction, HANDLERS, lease=timedelta(seconds=15), burials=BURIALS).run_due()


async def start(reader: Reader, content: str | None, **more: Any) -> str:
    """Begin an import; its id."""
    told = {"format": "MY_CLIPPINGS", "content": content} | more
    payload = await reader.mutate("importHighlights", "import { id state total done }", **told)
    assert payload["userErrors"] == []
    assert payload["import"] == {"id": payload["import"]["id"], "state": "QUEUED", "total": None, "done": 0}
    key: str = payload["import"]["id"]
    return key


async def big_import(reader: Reader, content: str) -> Any:
    """Ask for an import whose file is too large for the client's own way of sending JSON; its payload."""
    query = "mutation($i: ImportHighlightsInput!) { it: importHighlights(input: $i) { import { id } userErrors { field code } } }"
    body = json.dumps(
        {"query": query, "variables": {"i": {"format": "MY_CLIPPINGS", "content": content}}}, ensure_ascii=False
    )
    headers = reader.headers | {"Content-Type": "application/json"}
    async with reader.http.post("/graphql", data=io.BytesIO(body.encode()), headers=headers) as response:
        return (await response.json())["data"]["it"]


async def report(reader: Reader, import_id: str) -> Any:
    """Read how an import stands."""
    return (await reader.run(IMPORT, id=import_id))["node"]


async def import_file(reader: Reader, container: Container, content: str | None, **more: Any) -> Any:
    """Import a file to its end; its report, whose counts add up."""
    key = await start(reader, content, **more)
    await run_jobs(container)
    found = await report(reader, key)
    if found["state"] == "DONE":
        names = ("created", "merged", "unchanged", "skipped")
        assert found["done"] == found["total"] == sum(found[name] for name in names)
        for name in names[:3]:
            assert found[name] == sum(book[name] for book in found["books"])
    return found


async def highlights(reader: Reader, *, deleted: bool = False) -> list[dict[str, Any]]:
    """List all of a reader's highlights, by place."""
    nodes: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await reader.run(HIGHLIGHTS, deleted=deleted, after=after))["viewer"]["highlights"]
        nodes += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
