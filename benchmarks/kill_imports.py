"""Files that a worker lets in while it is killed: every record of every acknowledged file has to arrive, once."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import report
from benchmarks.client import Client, NotSent, Refused, Unknown

RECORDS = 600
START = """mutation($input: ImportHighlightsInput!) { it: importHighlights(input: $input) {
  import { id } userErrors { code message } } }"""
LOOK = "query($id: ID!) { it: node(id: $id) { ... on Import { state total created merged unchanged skipped error } } }"
ENDED = {"DONE", "FAILED"}
DONE_WITHIN = 90.0


@dataclass(eq=False)
class File:
    """One file, and what its reader knows of it."""

    key: str
    texts: list[str]
    content: str
    id: str = ""
    began: float = 0.0
    took: float = 0.0
    report: dict[str, object] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        """Whether its report says that all of it is new and has gone in."""
        return (
            self.report.get("state") == "DONE" and self.report.get("created") == len(self.texts) == self.report["total"]
        )


def make_file(number: int, count: int, chance: random.Random) -> File:
    """Make up a clippings file of a book that no other file has."""
    texts = [f"File {number}-{count}, line {line}: {chance.getrandbits(64):016x} waves." for line in range(RECORDS)]
    title = f"Logbook {number} Part {count} (Ines Haddock)"
    content = "".join(
        f"{title}\r\n- Your Highlight on Location {10 * line + 1}-{10 * line + 5} | Added on Friday, 1 July 2022 "
        f"{line // 60:02}:{line % 60:02}:00\r\n\r\n{words}\r\n==========\r\n"
        for line, words in enumerate(texts)
    )
    return File(f"file-{number}-{count}", texts, content)


@dataclass
class Importer:
    """A reader who imports one file after another."""

    name: str
    client: Client
    number: int
    seed: int
    files: list[File] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Import until told to stop; the last file to its end."""
        chance = random.Random(self.seed * 1_000 + self.number)
        while not stop.is_set():
            file = make_file(self.number, len(self.files), chance)
            self.files.append(file)
            file.began = time.monotonic()
            await self._start(file)
            await self._follow(file, stop)

    async def _start(self, file: File) -> None:
        while not file.id:
            try:
                payload = await self.client.change(
                    START, format="MY_CLIPPINGS", content=file.content, clientMutationId=file.key
                )
                file.id = payload["import"]["id"]
            except (NotSent, Unknown):
                await asyncio.sleep(0.2)

    async def _follow(self, file: File, stop: asyncio.Event) -> None:
        patience_ends = float("inf")
        while file.report.get("state") not in ENDED and time.monotonic() < patience_ends:
            await asyncio.sleep(0.3)
            if stop.is_set():
                patience_ends = min(patience_ends, time.monotonic() + DONE_WITHIN)
            try:
                file.report = (await self.client.ask(LOOK, id=file.id))["it"]
            except (NotSent, Unknown, Refused) as error:
                report.progress(f"while looking at {file.key}: {error!r}")
        file.took = time.monotonic() - file.began


class Steps:
    """When the workers' last step was committed: what the imports have done so far, asked of the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._seen: list[tuple[float, int]] = []

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            async with self._engine.connect() as connection:
                done = int(await connection.scalar(text("SELECT coalesce(sum(done), 0) FROM imports")) or 0)
            self._seen.append((time.monotonic(), done))
            await asyncio.sleep(0.1)

    def since(self) -> Callable[[float], bool]:
        """Tell whether a step was committed after a moment."""

        def stepped(moment: float) -> bool:
            before = max((done for at, done in self._seen if at <= moment), default=0)
            return bool(self._seen) and self._seen[-1][1] > before

        return stepped
