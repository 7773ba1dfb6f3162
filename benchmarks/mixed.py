"""What readers do in an app, all at once, over HTTP: mostly reading, now and then writing. Used by `benchmarks.plans`."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks import client, large
from benchmarks.server import App
from core.ids import global_id

READERS, THINGS = 200, 400
GOES_ON = 0.3
"""How often a reader turns the page."""

POST = """fragment post on Post { id text isHidden hashtags mentions { username } book { title authors } quote { text } visibility
  createdAt likeCount commentCount repostCount viewerHasLiked viewerHasReposted author { username displayName avatarUrl } }"""
PAGE = "pageInfo { hasNextPage endCursor }"
HOME = f"""query($first: Int = 20, $after: String) {{ page: homeFeed(first: $first, after: $after) {{
  degraded edges {{ repostedBy {{ username }} node {{ ...post }} }} {PAGE} }} }} {POST}"""


@dataclass(frozen=True)
class Town:
    """Who reads, and what there is to read."""

    tokens: Sequence[str]
    users: Sequence[Any]
    posts: Sequence[Any]
    tags: Sequence[str]
    books: Sequence[Any]


Values = Callable[[Town, random.Random], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """One thing a reader does, how often in a hundred, and with what."""

    share: int
    document: str
    values: Values = lambda _town, _chance: {}


def _person(town: Town, chance: random.Random) -> dict[str, Any]:
    return {"name": chance.choice(town.users)["username"]}


def _of_person(town: Town, chance: random.Random) -> dict[str, Any]:
    return {"input": {"userId": global_id("User", chance.choice(town.users)["id"])}}


def _post(town: Town, chance: random.Random) -> dict[str, Any]:
    return {"id": global_id("Post", chance.choice(town.posts)["id"])}


def _to_post(field: str) -> Values:
    return lambda town, chance: {"input": {field: _post(town, chance)["id"]}}


def _list(owner: str, what: str, nodes: str) -> str:
    return f"""query($name: String!, $after: String) {{ {owner}(username: $name) {{
      page: {what}(first: 20, after: $after) {{ nodes {{ {nodes} }} {PAGE} }} }} }}"""


PERSON = "username displayName isPrivate relationship { following followedBy }"
COMMENT = "id text isHidden depth likeCount replyCount viewerHasLiked createdAt author { username displayName }"
OPERATIONS = {
    "home feed": Operation(24, HOME),
    "profile": Operation(
        10,
        f"query($name: String!) {{ user(username: $name) {{ {PERSON} bio followerCount followingCount postCount }} }}",
        _person,
    ),
    "posts of a reader": Operation(8, f"{_list('user', 'posts', '...post')} {POST}", _person),
    "hashtag": Operation(
        6,
        f"""query($tag: String!, $after: String) {{ page: hashtagPosts(tag: $tag, first: 20, after: $after) {{
          nodes {{ ...post }} {PAGE} }} }} {POST}""",
        lambda town, chance: {"tag": town.tags[int(len(town.tags) * chance.random() ** 3)]},
    ),
    "comments": Operation(
        10,
        f"""query($id: ID!, $sort: CommentSort!) {{ post(id: $id) {{ page: comments(sort: $sort, first: 20) {{
          nodes {{ {COMMENT} replies(first: 5) {{ nodes {{ {COMMENT} }} }} }} {PAGE} }} }} }}""",
        lambda town, chance: _post(town, chance) | {"sort": chance.choice(("NEWEST", "OLDEST", "TOP", "HOT"))},
    ),
    "who likes a post": Operation(
        3,
        f"""query($id: ID!, $after: String) {{ post(id: $id) {{ page: likedBy(first: 20, after: $after) {{
          nodes {{ {PERSON} }} {PAGE} }} }} }}""",
        _post,
    ),
    "followers": Operation(4, _list("user", "followers", PERSON), _person),
    "following": Operation(4, _list("user", "following", PERSON), _person),
    "another's highlights": Operation(
        5, _list("user", "highlights", "text color createdAt book { title authors }"), _person
    ),
    "my highlights": Operation(
        5,
        f"""query($after: String) {{ viewer {{ page: highlights(first: 20, after: $after) {{
          nodes {{ text note color book {{ title }} }} {PAGE} }} }} }}""",
    ),
    "my places": Operation(
        2, "{ viewer { readingPositions(first: 20) { nodes { location percent book { title } } } } }"
    ),
    "like": Operation(
        6,
        "mutation($input: LikeInput!) { it: like(input: $input) { likeCount userErrors { code } } }",
        _to_post("targetId"),
    ),
    "unlike": Operation(
        1,
        "mutation($input: LikeInput!) { it: unlike(input: $input) { likeCount userErrors { code } } }",
        _to_post("targetId"),
    ),
    "repost": Operation(
        1, "mutation($input: RepostInput!) { it: repost(input: $input) { userErrors { code } } }", _to_post("postId")
    ),
    "follow": Operation(
        2, "mutation($input: FollowInput!) { it: follow(input: $input) { status userErrors { code } } }", _of_person
    ),
    "unfollow": Operation(
        1, "mutation($input: UnfollowInput!) { it: unfollow(input: $input) { status userErrors { code } } }", _of_person
    ),
    "write a post": Operation(
        3,
        "mutation($input: CreatePostInput!) { it: createPost(input: $input) { post { id } userErrors { code } } }",
        lambda town, chance: {
            "input": {"text": f"Page {chance.randrange(900)}, and the tide again. #{chance.choice(town.tags)}"}
        },
    ),
    "comment": Operation(
        2,
        "mutation($input: AddCommentInput!) { it: addComment(input: $input) { comment { id } userErrors { code } } }",
        lambda town, chance: {
            "input": {"postId": _post(town, chance)["id"], "text": f"Not on page {chance.randrange(900)}."}
        },
    ),
    "mark": Operation(
        3,
        client.CREATE,
        lambda town, chance: {
            "input": {
                "book": {"id": global_id("Book", chance.choice(town.books)["id"])},
                "passage": {"text": f"Low water at {chance.random()}.", "anchor": {}},
            }
        },
    ),
}


@dataclass
class Tally:
    """What came of a run."""

    seconds: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """By operation and code: a private account, a post that was hidden; what servers may well answer."""
    latencies: dict[str, list[float]] = field(default_factory=dict)


async def town_of(connection: Any, seed: int) -> Town:
    """Choose readers, half of them those who follow most, and things, the best known first."""
    order = f"md5(id::text || '{seed}')"
    eager = await connection.fetch("SELECT id FROM users ORDER BY following_count DESC, id LIMIT $1", READERS // 2)
    any_ = await connection.fetch(f"SELECT id FROM users ORDER BY {order} LIMIT $1", READERS // 2)  # noqa: S608
    known = await large.known_readers(connection, limit=THINGS // 2)
    others = await connection.fetch(f"SELECT id, username FROM users ORDER BY {order} LIMIT $1", THINGS // 2)  # noqa: S608
    public = (
        "SELECT p.id FROM posts p JOIN users u ON u.id = p.user_id WHERE p.visibility = 'PUBLIC' AND NOT u.is_private"
    )
    posts = await connection.fetch(
        f"{public} AND p.deleted_at IS NULL ORDER BY p.comment_count DESC, p.id LIMIT $1", THINGS
    )
    tags = await connection.fetch(
        "SELECT tag FROM post_hashtags GROUP BY tag ORDER BY count(*) DESC, tag LIMIT $1", THINGS
    )
    books = await connection.fetch(f"SELECT id FROM books WHERE is_public ORDER BY {order} LIMIT $1", THINGS)  # noqa: S608
    tokens = await large.sign_in(connection, [row["id"] for row in [*eager, *any_]])
    return Town(tokens, [*known, *others], posts, [row["tag"] for row in tags], books)


async def run(app: App, town: Town, *, seed: int, requests: int, at_once: int) -> Tally:
    """Let readers do so many things, several at once; which ones, the seed says."""
    tally, chance = Tally(), random.Random(seed)
    names = chance.choices(list(OPERATIONS), [one.share for one in OPERATIONS.values()], k=requests)
    waiting = iter([(name, random.Random(f"{seed}/{n}")) for n, name in enumerate(names)])
    began = time.monotonic()
    async with client.session(30) as http:
        await asyncio.gather(*(_reader(http, app, town, waiting, tally) for _ in range(at_once)))
    tally.seconds = time.monotonic() - began
    return tally


async def _reader(http: aiohttp.ClientSession, app: App, town: Town, waiting: Any, tally: Tally) -> None:
    for name, chance in waiting:
        operation = OPERATIONS[name]
        who = client.Client(http, app.url, chance.choice(town.tokens))
        values = operation.values(town, chance)
        after = await _once(who, name, operation, values, tally)
        if after is not None and "$after" in operation.document and chance.random() < GOES_ON:
            await _once(who, name, operation, {**values, "after": after}, tally)


async def _once(
    who: client.Client, name: str, operation: Operation, values: dict[str, Any], tally: Tally
) -> str | None:
    began = time.monotonic()
    answer = await who.ask(operation.document, **values)
    tally.latencies.setdefault(name, []).append(time.monotonic() - began)
    tally.done[name] += 1
    for error in (answer.get("it") or {}).get("userErrors", ()):
        tally.refused[f"{name}: {error['code']}"] += 1
    return _cursor(answer)


def _cursor(answer: Mapping[str, Any]) -> str | None:
    """Find where the page ends, directly under the root or under what it belongs to."""
    holders = [answer, *(value for value in answer.values() if isinstance(value, dict))]
    page = next((holder["page"] for holder in holders if holder.get("page")), None)
    cursor: str | None = page["pageInfo"]["endCursor"] if page and page["pageInfo"]["hasNextPage"] else None
    return cursor
