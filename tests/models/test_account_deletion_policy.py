"""What becomes of everything that refers to a user when the account goes: decided for every column, and really done."""

import asyncio
import re
from enum import Enum
from typing import Any
from uuid import UUID

from aiohttp.test_utils import TestClient
from sqlalchemy import Column, Table

from core.database import Base
from core.ids import read_global_id
from runtime.container import Container
from tests.support.api import PASSWORD, Reader, sign_up
from tests.support.commenting import counts_are_right
from tests.support.rows import sql
from tests.support.seeding import Seeder


class Fate(Enum):
    """What deleting an account does to a row that refers to it."""

    GOES = "the row goes with the account"
    GOES_WITH_PARENT = "the row goes with the device, import, post or comment it hangs on"
    FORGETS = "the row stays, and no longer says whose it was, what it was about or where it came from"
    LET_GO = "a file in storage, which is nobody's from then on, and swept"
    OWN_ROW = "names a device of the row's own user: goes with that row"


POLICY = {
    **dict.fromkeys(
        (
            "blocks.blocked_id",
            "blocks.blocker_id",
            "book_holders.user_id",
            "device_positions.user_id",
            "comment_likes.user_id",
            "devices.user_id",
            "documents.user_id",
            "feed_epochs.user_id",
            "follow_requests.followed_id",
            "follow_requests.follower_id",
            "follows.followed_id",
            "follows.follower_id",
            "highlights.user_id",
            "idempotency_keys.user_id",
            "import_marks.user_id",
            "imports.user_id",
            "likes.user_id",
            "media.user_id",
            "mutes.muted_user_id",
            "mutes.user_id",
            "post_mentions.user_id",
            "posts.user_id",
            "reading_positions.user_id",
            "reports.reported_user_id",
            "reports.reporter_id",
            "reposts.user_id",
            "sessions.user_id",
            "sync_counters.user_id",
            "sync_outcomes.user_id",
        ),
        Fate.GOES,
    ),
    "audit_log.user_id": Fate.FORGETS,
    "comments.user_id": Fate.FORGETS,
    "posts.highlight_id": Fate.FORGETS,
    "stored_files.media_id": Fate.LET_GO,
    **dict.fromkeys(
        (
            "comment_likes.comment_id",
            "comments.parent_id",
            "comments.post_id",
            "device_positions.device_id",
            "import_books.import_id",
            "import_problems.import_id",
            "likes.post_id",
            "mutes.muted_post_id",
            "post_hashtags.post_id",
            "post_mentions.post_id",
            "post_trends.post_id",
            "reports.comment_id",
            "reports.post_id",
            "reposts.post_id",
            "sessions.device_id",
        ),
        Fate.GOES_WITH_PARENT,
    ),
    **dict.fromkeys(
        (
            "highlights.color_device_id",
            "highlights.life_device_id",
            "highlights.note_device_id",
            "highlights.origin_device_id",
            "highlights.passage_device_id",
            "highlights.visibility_device_id",
            "reading_positions.device_id",
            "sync_outcomes.device_id",
        ),
        Fate.OWN_ROW,
    ),
}
_ON_DELETE: dict[Fate, set[str | None]] = {
    Fate.GOES: {"CASCADE"},
    Fate.GOES_WITH_PARENT: {"CASCADE"},
    Fate.FORGETS: {"SET NULL"},
    Fate.LET_GO: {"SET NULL"},
    Fate.OWN_ROW: set(),
}
PERSONAL = {"users", "devices", "sessions", "imports", "media", "posts", "comments", "highlights"}
_NAMED_AFTER_A_PERSON = re.compile(r"(^|_)(user|owner|author|reader|member|device|session)_id$|_by(_id)?$")
_NOTHING_PERSONAL = {
    "auth_attempts": "counts tries at a name, for a quarter of an hour; those at this account are taken back with the password check",
    "books": "belong to nobody, and stay",
    "jobs": "carry ids of things, and read again",
    "persisted_documents": "are operations of clients, registered for all",
    "sync_epoch": "is about the database",
}


def refers_to_a_person(column: "Column[Any]") -> bool:
    """Tell whether a column names a user, or something that is a user's alone."""
    return bool(_NAMED_AFTER_A_PERSON.search(column.name)) or any(
        key.column.table.name in PERSONAL for key in column.foreign_keys
    )


def test_every_column_that_refers_to_a_user_has_a_fate() -> None:
    tables = Base.metadata.tables.values()
    found = {f"{table.name}.{column.name}": column for table in tables for column in table.columns}
    referring = {name for name, column in found.items() if refers_to_a_person(column)}
    assert referring == set(POLICY)
    for name, fate in POLICY.items():
        keys = found[name].foreign_keys
        assert {key.ondelete for key in keys} == _ON_DELETE[fate], name


def test_every_table_refers_to_a_user_or_is_about_nobody() -> None:
    with_people = {name.split(".")[0] for name in POLICY} | {"users"}
    assert set(Base.metadata.tables) == with_people | set(_NOTHING_PERSONAL)


async def dump(container: Container) -> dict[str, str]:
    """Write out every row of every table as text."""
    return {
        name: "\n".join(row[0] for row in await sql(container, f'SELECT t::text FROM "{name}" t'))  # noqa: S608
        for name in Base.metadata.tables
    }


async def fill(container: Container, reader: Reader, other: Reader) -> tuple[UUID, UUID]:
    """Give a reader a row in every table that can hold one, words of their own in each; the book they marked, and their post."""
    user_id, other_id = key_of(reader.id), key_of(other.id)
    device_id = key_of(reader.device_id)
    mine = f"canary-{reader.username}"
    async with container.database.writing() as session:
        seeder = Seeder(session)
        book = await seeder.book(f"Bookof {reader.username}")
        await seeder.hold(user_id, book.id)
        written = {
            f"{part}_device_id": device_id for part in ("passage", "note", "color", "visibility", "life", "origin")
        }
        texts = {part: f"{mine}-{part}" for part in ("text", "prefix", "suffix", "cfi", "page", "note")}
        mark = await seeder.highlight(user_id, book.id, **texts, **written)
        for one, two in ((user_id, other_id), (other_id, user_id)):
            await seeder.follow(one, two)
            await seeder.follow_request(one, two)
            await seeder.block(one, two)
            await seeder.mute(one, muted_user_id=two)
        await seeder.mute(user_id, word=mine)
        post = await seeder.post(user_id, mine, book_id=book.id, highlight_id=mark.id, quote_text=mine, tags=[mine])
        await seeder.mention(post.id, user_id)
        comment = await seeder.comment(post.id, user_id, mine)
        await seeder.comment(post.id, other_id, "An answer.", parent=comment)
        await seeder.like(post.id, user_id)
        await seeder.like_comment(comment.id, user_id)
        await seeder.repost(post.id, user_id)
        await seeder.report(user_id, post_id=post.id, text=mine)
        await seeder.trend(post.id)
        theirs = await seeder.post(other_id)
        await seeder.comment(theirs.id, user_id, mine)
        kept = await seeder.comment(theirs.id, user_id, mine)
        answer = await seeder.comment(theirs.id, other_id, "An answer.", parent=kept)
        await seeder.like_comment(kept.id, other_id)
        await seeder.like_comment(answer.id, user_id)
        await seeder.like(theirs.id, user_id)
        await seeder.repost(theirs.id, user_id)
        upload = await seeder.import_(user_id, content=mine, error=mine)
        await seeder.import_book(upload.id, title=mine)
        await seeder.import_problem(upload.id, message=mine)
        await seeder.import_mark(user_id, mine, mark.id)
        await seeder.media(user_id, content_type=mine)
        await seeder.position(user_id, book.id, device_id, progress=mine, device_name=mine)
        await seeder.document(user_id, mine, progress=mine, device=mine, device_key=mine, title=mine)
        await seeder.outcome(user_id, device_id, mark.id, error_message=mine)
        await seeder.idempotency_key(user_id, mine, mark.id)
    return book.id, post.id


def key_of(public_id: str) -> UUID:
    """Read the key out of a public id."""
    return read_global_id(public_id)[1]


async def counts_of(reader: Reader) -> tuple[int, int]:
    """Read a reader's follower and following counts."""
    user = (await reader.run("{ viewer { user { followerCount followingCount } } }"))["viewer"]["user"]
    return user["followerCount"], user["followingCount"]


async def test_deleting_an_account_leaves_nothing_of_it_and_everything_of_others(
    http: "TestClient[Any, Any]", container: Container, ada: Reader, ben: Reader
) -> None:
    third = await sign_up(http, "carla")
    # Both ways round, so that ben has a full row of his own everywhere that must stay.
    book_id, post_id = await fill(container, ada, ben)
    async with container.database.writing() as session:
        await Seeder(session).follow(key_of(third.id), key_of(ben.id))
    await third.mutate("createHighlight", "highlight { id }", book=a_book(), passage=a_passage("carla's words"))
    await ben.mutate("createHighlight", "highlight { id }", book=a_book(), passage=a_passage("ben's words"))
    traces = [
        str(key_of(ada.id)),
        str(key_of(ada.device_id)),
        str(post_id),
        "ada@example.org",
        "canary-ada",
        "ada's reader",
    ]
    before = await dump(container)
    for name in {column.split(".")[0] for column in POLICY} - {"follows", "stored_files"}:
        assert any(trace in before[name] for trace in traces), f"nothing of hers in {name}: fill() must write it"
    assert await counts_of(ben) == (2, 1)

    async with ada.socket() as idle:
        await idle.acknowledged()
        answer = await ada.mutate("deleteAccount", "deletedUserId", password=PASSWORD)
        assert answer == {"deletedUserId": ada.id, "userErrors": []}
        assert await idle.closed(patience=5) == 4403

    after = await dump(container)
    for name, rows in after.items():
        assert not [trace for trace in traces if trace in rows], name
    assert str(book_id) in after["books"]
    assert await counts_of(ben) == (1, 0)
    assert await counts_are_right(container)
    comments = await sql(container, "SELECT text, user_id, like_count, reply_count FROM comments ORDER BY depth")
    assert comments == [(None, None, 0, 1), ("An answer.", key_of(ben.id), 0, 0)]
    assert (await ada.post("{ viewer { email } }")).get("data") in (None, {"viewer": None})
    for name in ("highlights", "devices", "sessions", "sync_counters", "book_holders", "books"):
        of_others = {row for row in before[name].split("\n") if not any(trace in row for trace in traces)}
        assert of_others == set(after[name].split("\n")) - {""}, name


def a_book() -> dict[str, Any]:
    """Name a book that both others mark."""
    return {"named": {"title": "Harbour Songs", "authors": ["Ida Marsh"]}}


def a_passage(text: str) -> dict[str, Any]:
    """Write a passage without a place."""
    return {"text": text, "anchor": {}}


async def test_a_wrong_password_deletes_nothing(container: Container, ada: Reader, ben: Reader) -> None:
    await fill(container, ada, ben)
    before = await dump(container)
    answer = await ada.mutate("deleteAccount", "deletedUserId", password="not it at all")
    assert answer["userErrors"][0]["code"] == "FORBIDDEN"
    after = await dump(container)
    assert {n: r for n, r in after.items() if n != "auth_attempts"} == {
        n: r for n, r in before.items() if n != "auth_attempts"
    }


async def test_two_who_follow_each_other_can_delete_their_accounts_at_once(
    http: "TestClient[Any, Any]", container: Container
) -> None:
    for _ in range(3):
        pair = [await sign_up(http), await sign_up(http)]
        async with container.database.writing() as session:
            one, two = (key_of(reader.id) for reader in pair)
            await Seeder(session).follow(one, two)
            await Seeder(session).follow(two, one)
        answers = await asyncio.gather(
            *(reader.mutate("deleteAccount", "deletedUserId", password=PASSWORD) for reader in pair)
        )
        assert [answer["userErrors"] for answer in answers] == [[], []]


def test_the_search_for_references_finds_what_it_should() -> None:
    table = Table("letters", Base.metadata.__class__(), Column("sent_by"), Column("device_id"), Column("stamp"))
    assert [refers_to_a_person(column) for column in table.columns] == [True, True, False]
