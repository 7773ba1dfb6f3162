"""The large data set is what it says: the same from the same seed, its counts those of its rows, its shape that of a town."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from commands import seed_large
from commands.demo_data import PASSWORD
from commands.large.people import FOLLOWS, READERS, SIGNS_IN, STARS, follower_counts
from commands.seed_large import Wanted
from core.database import Database
from core.settings import Settings
from core.text import words_of
from runtime.container import Container
from runtime.launch import CannotStart
from tests.support.api import Reader
from tests.support.program import app
from tests.support.rows import emptied, sql

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
SCALE = 0.005
PULL_ABOVE = 60
Sums = dict[str, tuple[int, str]]
Load = Callable[..., Awaitable[Sums]]


@pytest.fixture
def load(container: Container, urls: tuple[str, str]) -> Load:
    """Load a small one; its best known are pulled."""
    settings = container.settings.model_copy(update={"pull_threshold": PULL_ABOVE})

    async def loaded(seed: int = 1, *, beside: bool = False) -> Sums:
        wanted = Wanted(seed=seed, until=UNTIL, scale=SCALE, beside=beside)
        return await seed_large.load(settings, urls[0], wanted, lambda *_: None)

    return loaded


async def test_the_same_seed_makes_the_same_rows(load: Load, urls: tuple[str, str]) -> None:
    database = Database(urls[0], pool_size=1)
    first = await load(1)
    await emptied(database)
    again = await load(1)
    await emptied(database)
    other = await load(2)
    await database.close()
    assert first == again
    assert all(count > 0 for count, _ in first.values())
    assert [name for name in first if other[name] == first[name]] == []


COUNTS = {
    "users": {
        "follower_count": "SELECT count(*) FROM follows WHERE followed_id = t.id",
        "following_count": "SELECT count(*) FROM follows WHERE follower_id = t.id",
        "post_count": "SELECT count(*) FROM posts WHERE user_id = t.id AND deleted_at IS NULL",
    },
    "posts": {
        "like_count": "SELECT count(*) FROM likes WHERE post_id = t.id",
        "comment_count": "SELECT count(*) FROM comments WHERE post_id = t.id",
        "repost_count": "SELECT count(*) FROM reposts WHERE post_id = t.id",
    },
    "comments": {
        "like_count": "SELECT count(*) FROM comment_likes WHERE comment_id = t.id",
        "reply_count": "SELECT count(*) FROM comments WHERE parent_id = t.id",
        "depth": "SELECT coalesce(max(depth) + 1, 0) FROM comments WHERE id = t.parent_id",
    },
    "sync_counters": {"seq": "SELECT count(*) FROM highlights WHERE user_id = t.user_id"},
}


async def test_every_count_is_that_of_the_rows(load: Load, container: Container) -> None:
    await load()
    for table, counts in COUNTS.items():
        for column, counted in counts.items():
            [wrong] = await sql(container, f"SELECT count(*) FROM {table} t WHERE {column} <> ({counted})")  # noqa: S608
            assert wrong[0] == 0, (table, column)
        [most] = await sql(container, f"SELECT max({next(iter(counts))}) FROM {table} t")  # noqa: S608
        assert most[0] > 1, table


FALSE = {
    "a post is pushed or pulled against its author's followers": (
        "SELECT count(*) FROM posts p JOIN users u ON u.id = p.user_id"  # noqa: S608
        f" WHERE (u.follower_count > {PULL_ABOVE}) <> (p.fanout = 'PULL')"
    ),
    "nobody is pulled": "SELECT (count(*) = 0)::int FROM posts WHERE fanout = 'PULL'",
    "something happened outside the sixty days": (
        "SELECT count(*) FROM (SELECT created_at FROM posts UNION ALL SELECT created_at FROM likes UNION ALL"  # noqa: S608
        " SELECT created_at FROM comments UNION ALL SELECT created_at FROM follows) t"
        f" WHERE created_at NOT BETWEEN '{UNTIL}'::timestamptz - interval '60 days' AND '{UNTIL}'"
    ),
    "a post is answered before it is written": (
        "SELECT count(*) FROM likes l JOIN posts p ON p.id = l.post_id WHERE l.created_at < p.created_at"
    ),
    "a reply belongs to another post, or comes before what it answers": (
        "SELECT count(*) FROM comments c JOIN comments p ON p.id = c.parent_id"
        " WHERE c.post_id <> p.post_id OR c.created_at < p.created_at"
    ),
    "threads have no depth": "SELECT (max(depth) < 4)::int FROM comments",
    "somebody likes what they may not see": (
        "SELECT count(*) FROM likes l JOIN posts p ON p.id = l.post_id JOIN users u ON u.id = p.user_id"
        " WHERE (p.visibility <> 'PUBLIC' OR u.is_private) AND NOT EXISTS (SELECT FROM follows f"
        "  WHERE f.follower_id = l.user_id AND f.followed_id = p.user_id)"
    ),
    "a public book has too few readers, or a private one enough": (
        "SELECT count(*) FROM books b WHERE is_public <> (isbn IS NOT NULL"
        " OR (SELECT count(*) FROM book_holders h WHERE h.book_id = b.id) >= 5)"
    ),
    "a counter is not at its reader's last number": (
        "SELECT count(*) FROM sync_counters c WHERE seq <>"
        " (SELECT coalesce(max(h.seq), 0) FROM highlights h WHERE h.user_id = c.user_id)"
    ),
    "a highlight's later number has an earlier time": (
        "SELECT count(*) FROM highlights a JOIN highlights b ON b.user_id = a.user_id AND b.seq = a.seq + 1"
        " WHERE b.created_at < a.created_at"
    ),
    "there is no spoiler": "SELECT (count(*) = 0)::int FROM posts WHERE spoiler_until_location IS NOT NULL",
    "a tag is not in the text": (
        "SELECT count(*) FROM post_hashtags h JOIN posts p ON p.id = h.post_id WHERE strpos(p.text, '#' || h.tag) = 0"
    ),
}


async def test_its_rows_could_have_come_through_the_api(load: Load, container: Container) -> None:
    await load()
    for wrong, counted in FALSE.items():
        assert [tuple(row) for row in await sql(container, counted)] == [(0,)], wrong
    for table in ("posts", "comments"):
        for text, words in await sql(container, f"SELECT text, words FROM {table} LIMIT 300"):  # noqa: S608
            assert words == words_of(text)


def test_at_full_size_some_authors_are_pulled_and_one_barely_is_not(settings: Settings) -> None:
    counts = follower_counts(READERS, FOLLOWS, 1.0)
    assert (len(counts), sum(counts)) == (READERS, FOLLOWS)
    assert counts == sorted(counts, reverse=True)
    assert [count for count in counts if count > settings.pull_threshold] == list(STARS[:4])
    assert counts[4] == 9_900


async def test_the_best_known_sign_in_and_nobody_else(load: Load, nobody: Reader, container: Container) -> None:
    await load()
    names = [name for (name,) in await sql(container, "SELECT username FROM users ORDER BY follower_count DESC, id")]
    known = [name for name in names if name.endswith(("_0", f"_{SIGNS_IN - 1}"))]
    assert len(known) == 2
    for name in known:
        assert (await nobody.mutate("signIn", "token", login=name, password=PASSWORD))["token"]
    unknown = next(name for name in names if name.endswith(f"_{SIGNS_IN}"))
    refused = await nobody.mutate("signIn", "token", login=unknown, password=PASSWORD)
    assert refused["userErrors"][0]["code"] == "UNAUTHENTICATED"


async def test_it_goes_beside_other_readers_only_when_asked(load: Load, ada: Reader) -> None:
    with pytest.raises(CannotStart, match="There are readers in this database already"):
        await load()
    await load(beside=True)
    assert (await ada.run("{ viewer { user { username } } }"))["viewer"]["user"]["username"] == "ada"
    with pytest.raises(CannotStart, match="The large data set is there already"):
        await load(beside=True)


def test_production_is_refused(tmp_path: Path) -> None:
    refused = app(
        tmp_path, "seed-large", patience=60, PROFILE="production", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )
    assert (refused.returncode, "refuses PROFILE=production" in refused.stderr) == (2, True)
