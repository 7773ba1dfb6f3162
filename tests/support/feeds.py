"""Home feeds, as readers page through them, and the jobs that fill them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.ids import read_id
from runtime.container import Container
from services.jobs import JobRunner
from tests.support.api import Reader
from workers.main import FANOUT, HANDLERS

FEED = """query($first: Int, $after: String) { homeFeed(first: $first, after: $after) {
  degraded pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  nodes { id } edges { cursor node { id text author { username } } repostedBy { username } }
} }"""


@dataclass(frozen=True)
class Entry:
    """What a page shows in one place."""

    text: str
    by: str | None = None


@dataclass(frozen=True)
class Shown:
    """A page."""

    entries: Sequence[Entry]
    end: str | None
    has_next: bool
    degraded: bool

    @property
    def texts(self) -> list[str]:
        """The posts alone."""
        return [entry.text for entry in self.entries]


async def home(reader: Reader, first: int | None = None, after: str | None = None) -> Shown:
    """Read a page of a reader's home feed."""
    feed = (await reader.run(FEED, first=first, after=after))["homeFeed"]
    info, edges = feed["pageInfo"], feed["edges"]
    assert [edge["node"]["id"] for edge in edges] == [node["id"] for node in feed["nodes"]]
    assert info["endCursor"] == (edges[-1]["cursor"] if edges else None)
    assert info["hasPreviousPage"] == (after is not None)
    entries = [Entry(edge["node"]["text"], (edge["repostedBy"] or {}).get("username")) for edge in edges]
    return Shown(entries, info["endCursor"], info["hasNextPage"], feed["degraded"])


async def walk(reader: Reader, first: int) -> list[str]:
    """Read a home feed to its end, a page at a time."""
    texts: list[str] = []
    after = None
    while True:
        page = await home(reader, first, after)
        texts += page.texts
        if not page.has_next:
            return texts
        assert len(page.entries) == first
        after = page.end


async def fan_out(container: Container) -> int:
    """Run the jobs that write timelines; tell how many there were."""
    handlers = {kind: HANDLERS[kind] for kind in FANOUT}
    return await JobRunner(container.transaction, handlers, lease=timedelta(seconds=30)).run_due()


async def follow(follower: Reader, followed: Reader) -> None:
    """Follow somebody."""
    done = await follower.mutate("follow", "status", userId=followed.id)
    assert done["status"] == "FOLLOWING"


async def post(reader: Reader, text: str) -> str:
    """Write a post; its id."""
    made = await reader.mutate("createPost", "post { id }", text=text)
    assert not made["userErrors"]
    return str(made["post"]["id"])


def id_of(reader: Reader) -> UUID:
    """A reader's id as the tables have it."""
    return read_id(reader.id, "User", "id")
