"""Authors who post and readers who read while timelines are under fire."""

import asyncio
import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp

from benchmarks import client, large, report
from benchmarks.client import Client
from benchmarks.feed_fanout import CREATE
from benchmarks.fire_world import People, Plan
from benchmarks.kill_ledger import Ledger, Outcome, Write
from benchmarks.server import App, environment
from runtime.launch import child_argv

WRITERS = 6
REGRETS = 0.02
DRAIN_SECONDS = 300.0
DELETE = "mutation($input: DeletePostInput!) { it: deletePost(input: $input) { userErrors { code message } } }"
HOME = "query { it: homeFeed(first: 20) { degraded nodes { id } } }"
JOBS = "SELECT state, count(*) FROM jobs WHERE kind LIKE 'fanout%' GROUP BY 1"


@dataclass(frozen=True)
class Poster(Client):
    """An author: what is created is a post."""

    made: list[str] = field(default_factory=list)

    async def create(self, text: str, key: str | None = None) -> str:
        """Write a post; its id."""
        payload = await self.change(CREATE, text=text, clientMutationId=key)
        self.made.append(payload["post"]["id"])
        return self.made[-1]


@dataclass
class Run:
    """One run under way."""

    plan: Plan
    app: App
    people: People
    ledger: Ledger = field(default_factory=Ledger)
    deleted: int = 0
    pages: int = 0
    degraded: int = 0
    unanswered: int = 0
    doubled: int = 0
    took: dict[str, float] = field(default_factory=dict)
    jobs: dict[str, dict[str, int]] = field(default_factory=dict)
    replayed: str = ""

    @property
    def share(self) -> float:
        """How much of the posting is done."""
        return len(self.ledger.acks) / self.plan.posts

    async def post_all(self, http: aiohttp.ClientSession) -> None:
        """Let the authors write, in an order drawn by lot, each post until it is acknowledged."""
        chance = random.Random(self.plan.seed)
        rest = self.plan.posts - 3 * self.plan.each
        authors = [star for star in self.people.stars for _ in range(self.plan.each)]
        authors += [self.people.others[number % len(self.people.others)] for number in range(rest)]
        chance.shuffle(authors)
        turns = iter(enumerate(authors))
        await asyncio.gather(*(self._write(http, turns, random.Random(chance.random())) for _ in range(WRITERS)))

    async def _write(
        self, http: aiohttp.ClientSession, turns: Iterator[tuple[int, UUID]], chance: random.Random
    ) -> None:
        for number, author in turns:
            poster = Poster(http, self.app.url, self.people.tokens[author])
            key = f"{self.plan.seed}-{number}"
            write = Write(key, f"Sparks of the {number}th fire, seed {self.plan.seed}.", time.monotonic())
            self.ledger.writes.append(write)
            await self.ledger.send(poster, write)
            while write.outcome is not Outcome.ACKED:
                await asyncio.sleep(0.2)
                await self.ledger.send(poster, write)
            if chance.random() < REGRETS:
                self.deleted += await self._delete(poster)
            if number % 100 == 0:
                report.progress(f"  {number:,} of {self.plan.posts:,} posts")

    async def _delete(self, poster: Poster) -> bool:
        while True:
            try:
                await poster.change(DELETE, id=poster.made[-1])
            except client.Refused:
                return False
            except (client.NotSent, client.Unknown):
                await asyncio.sleep(0.2)
            else:
                return True

    async def read_on(self, http: aiohttp.ClientSession, seed: int) -> None:
        """Read first pages of active readers until cancelled; none may show a post twice."""
        chance = random.Random(seed)
        while True:
            reader = Client(http, self.app.url, self.people.tokens[chance.choice(self.people.active)])
            try:
                page = (await reader.ask(HOME))["it"]
            except (client.NotSent, client.Unknown):
                self.unanswered += 1
            else:
                ids = [node["id"] for node in page["nodes"]]
                self.pages += 1
                self.degraded += page["degraded"]
                self.doubled += len(ids) - len(set(ids))
            await asyncio.sleep(0.2)

    async def drain(self, called: str) -> None:
        """Wait until no fan-out waits or runs."""
        began = time.monotonic()
        while time.monotonic() - began < DRAIN_SECONDS:
            connection = await large.connect(self.app)
            jobs = {state: count for state, count in await connection.fetch(JOBS)}
            await connection.close()
            if not jobs.get("WAITING") and not jobs.get("RUNNING"):
                self.jobs[called] = jobs
                self.took[called] = time.monotonic() - began
                return
            report.progress(f"  jobs: {jobs}")
            await asyncio.sleep(1)
        raise TimeoutError("The jobs do not come to an end.")

    def replay(self) -> None:
        """Wake the dead jobs, by the command, beside the running app."""
        done = subprocess.run(
            child_argv("replay-dead"),
            check=True,
            cwd=self.app.home,
            env=environment(self.app.home),
            capture_output=True,
            text=True,
        )
        self.replayed = done.stdout.strip()
