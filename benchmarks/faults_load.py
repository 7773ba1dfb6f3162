"""Readers who read feeds, post, like and follow at a steady rate, whatever becomes of it; and what they were told."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp
from sqlalchemy import text

from benchmarks.client import Client, NotSent, Refused, Unknown, sign_up
from core.database import Database
from core.ids import read_id

FEED = """{ it: homeFeed(first: 20) { degraded edges {
  node { id text(reveal: true) author { username } viewerHasLiked } repostedBy { username } } } }"""
WALK = """query($after: String) { it: homeFeed(first: 100, after: $after) { degraded nodes { id }
  pageInfo { endCursor hasNextPage } } }"""
POST = (
    "mutation($input: CreatePostInput!) { it: createPost(input: $input) { post { id } userErrors { code message } } }"
)
LIKE = "mutation($input: LikeInput!) { it: like(input: $input) { liked userErrors { code message } } }"
FOLLOW = "mutation($input: FollowInput!) { it: follow(input: $input) { user { id } userErrors { code message } } }"
TRIES = 30
ACTS = {"feed": 50, "post": 15, "like": 20, "follow": 15}
DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what became of it."""

    act: str
    began: float
    seconds: float
    outcome: str
    is_degraded: bool = False
    why: str = ""
    """Why it was not done."""


@dataclass
class Load:
    """The readers, and all that they asked."""

    readers: Sequence[tuple[str, Client]]
    rate: float
    seed: int
    asked: list[Asked] = field(default_factory=list)
    posts: dict[str, str] = field(default_factory=dict)
    """The texts of posts that were sent, and what became of them."""
    post_ids: list[str] = field(default_factory=list)
    likes: set[tuple[str, str]] = field(default_factory=set)
    follows: set[tuple[str, str]] = field(default_factory=set)
    """What was acknowledged, by the names of readers and the ids of posts and users."""

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    async def run(self, stop: asyncio.Event) -> None:
        """Ask at a steady rate until told to stop, then wait for the last answers."""
        running: set[asyncio.Task[None]] = set()
        began, count = time.monotonic(), 0
        while not stop.is_set():
            count += 1
            task = asyncio.create_task(self._ask(count))
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(max(0.0, began + count / self.rate - time.monotonic()))
        if running:
            await asyncio.wait(running)

    def troubles(self) -> list[tuple[str, int]]:
        """Tell the commonest reasons why something was not done."""
        return Counter(one.why for one in self.asked if one.outcome != DONE).most_common(4)

    def between(self, since: float, until: float) -> list[Asked]:
        """Choose what was asked in a time."""
        return [one for one in self.asked if since <= one.began < until]

    async def _ask(self, number: int) -> None:
        act = self._dice.choices(list(ACTS), list(ACTS.values()))[0]
        name, reader = self._dice.choice(self.readers)
        if act == "like" and not self.post_ids:
            act = "post"
        began, degraded, why = time.time(), False, ""
        try:
            if act == "feed":
                degraded = (await reader.ask(FEED))["it"]["degraded"]
            else:
                await getattr(self, f"_{act}")(name, reader, number)
            outcome = DONE
        except (Refused, NotSent) as error:
            outcome, why = REFUSED, f"{type(error).__name__} {error}"
        except Unknown as error:
            why = f"Unknown {error}"
            # Told at once that it could not be done; a commit whose answer was lost may have been, though.
            outcome = REFUSED if str(error) == "UNAVAILABLE" else UNKNOWN
        took = time.time() - began
        self.asked.append(Asked(act, began, took, outcome, degraded, f"{act}: {why} within {took // 5 * 5 + 5:.0f} s"))

    async def _post(self, name: str, reader: Client, number: int) -> None:
        words = f"Post {number} of {name} under fault {self.seed}."
        self.posts[words] = UNKNOWN
        try:
            payload = await reader.change(POST, text=words, clientMutationId=f"{self.seed}-{number}")
        except (Refused, NotSent):
            self.posts[words] = REFUSED
            raise
        self.posts[words] = DONE
        self.post_ids.append(payload["post"]["id"])

    async def _like(self, name: str, reader: Client, number: int) -> None:
        del number
        post_id = self._dice.choice(self.post_ids[-200:])
        await reader.change(LIKE, targetId=post_id)
        self.likes.add((name, post_id))

    async def _follow(self, name: str, reader: Client, number: int) -> None:
        del number
        other, client = self._dice.choice([one for one in self.readers if one[0] != name])
        await reader.change(FOLLOW, userId=client.device_id)
        self.follows.add((name, other))


async def make_readers(http: aiohttp.ClientSession, url: str, count: int) -> list[tuple[str, Client]]:
    """Sign readers up; the id of each stands where the device's would."""
    made = []
    for _ in range(count):
        name, client = await sign_up(http, url)
        me = await client.ask("{ viewer { user { id } } }")
        made.append((name, Client(client.http, client.url, client.token, me["viewer"]["user"]["id"])))
    return made


async def wrongs(database: Database, load: Load) -> list[str]:
    """Compare what was acknowledged, and refused, with what stands in the tables."""
    found: list[str] = []
    async with database.engine.connect() as connection:

        async def rows(sql: str) -> Sequence[Sequence[object]]:
            return [tuple(row) for row in (await connection.execute(text(sql))).all()]

        texts = [str(row[0]) for row in await rows("SELECT text FROM posts")]
        likes = {
            (str(a), str(b))
            for a, b in await rows("SELECT username, post_id FROM likes JOIN users ON users.id = user_id")
        }
        follows = set(
            await rows(
                "SELECT a.username, b.username FROM follows JOIN users a ON a.id = follower_id JOIN users b ON b.id = followed_id"
            )
        )
        off = await rows(
            "SELECT p.id FROM posts p WHERE like_count <> (SELECT count(*) FROM likes WHERE post_id = p.id)"
            " UNION ALL SELECT u.id FROM users u WHERE follower_count <> (SELECT count(*) FROM follows WHERE followed_id = u.id)"
            " OR post_count <> (SELECT count(*) FROM posts WHERE user_id = u.id)"
        )
    counts = {words: texts.count(words) for words in load.posts}
    found += [f"lost: {words}" for words, became in load.posts.items() if became == DONE and counts[words] == 0]
    found += [f"doubled: {words}" for words in load.posts if counts[words] > 1]
    found += [f"done though refused: {w}" for w, became in load.posts.items() if became == REFUSED and counts[w]]
    found += [f"lost like: {one}" for one in load.likes if (one[0], str(read_id(one[1], "Post"))) not in likes]
    found += [f"lost follow: {one}" for one in load.follows if one not in follows]
    return found + [f"count off: {one}" for one in off]


async def missing_in_feeds(database: Database, readers: Iterable[tuple[str, Client]]) -> int:
    """Walk some readers' feeds to the end; how many posts of those they follow, and their own, are missing, strange or doubled."""
    wrong = 0
    for name, reader in readers:
        async with database.engine.connect() as connection:
            expected = set(
                await connection.scalars(
                    text(
                        "SELECT p.id FROM posts p JOIN users me ON me.username = :name WHERE p.user_id = me.id OR p.user_id IN"
                        " (SELECT followed_id FROM follows WHERE follower_id = me.id)"
                    ),
                    {"name": name},
                )
            )
        shown: list[UUID] = []
        after = None
        while True:
            page = await _insist(reader, WALK, after=after)
            shown += [read_id(node["id"], "Post") for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        wrong += len(expected ^ set(shown)) + len(shown) - len(set(shown))
    return wrong


async def _insist(reader: Client, query: str, **variables: Any) -> Any:
    """Ask again for a while when a crowded server says so."""
    for _ in range(TRIES):
        with contextlib.suppress(Unknown):
            return (await reader.ask(query, **variables))["it"]
        await asyncio.sleep(1)
    return (await reader.ask(query, **variables))["it"]
