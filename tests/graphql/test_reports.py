"""Reporting readers, posts and comments, and what moderators see of it."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from auth.viewer import Viewer
from core.ids import global_id, read_id
from models import AuditEntry, Comment, Post, Report, User
from models.profiles import Role, Visibility
from repositories import visibility
from runtime.container import Container
from tests.support.api import PASSWORD, Reader, sign_up
from tests.support.rows import nothing_written
from tests.support.seeding import Seeder

REPORT = "report { id reason text createdAt reporter { username } user { username } post { id text } comment { text } }"
LIST = f"{{ viewer {{ reports {{ nodes {{ {REPORT.removeprefix('report {').removesuffix('}')} }} }} }} }}"


def key(reader: Reader) -> UUID:
    return read_id(reader.id, "User")


async def written(container: Container, author: Reader, text: str = "", **more: Any) -> str:
    async with container.database.writing() as session:
        return global_id("Post", (await Seeder(session).post(key(author), text, **more)).id)


@pytest.fixture
async def judge(ada: Reader, container: Container) -> Reader:
    """A moderator."""
    reader = Reader(ada.http)
    made = await sign_up(ada.http, "judge")
    async with container.database.writing() as session:
        await session.execute(update(User).where(User.id == key(made)).values(role=Role.MODERATOR))
    # Sessions are remembered for a few seconds with the role they had.
    signed_in = await reader.mutate("signIn", "token", login="judge", password=PASSWORD)
    reader.token, reader.id, reader.username = signed_in["token"], made.id, "judge"
    return reader


async def report(reader: Reader, target: str, **more: Any) -> Any:
    return await reader.mutate("reportContent", REPORT, **({"targetId": target, "reason": "SPAM"} | more))


async def test_a_report_is_made_once_and_says_the_latest(ada: Reader, ben: Reader, container: Container) -> None:
    post = await written(container, ada, "Buy lamps")
    first = (await report(ben, post, text="  Lamps, again.  "))["report"]
    assert (first["reason"], first["text"], first["post"]["text"]) == ("SPAM", "Lamps, again.", "Buy lamps")
    assert (first["reporter"], first["user"]) == ({"username": "ben"}, None)
    again = (await report(ben, post, reason="ABUSE", text=""))["report"]
    assert again == first | {"reason": "ABUSE", "text": None}
    async with container.database.reading() as session:
        assert len((await session.scalars(select(Report))).all()) == 1


async def test_readers_and_comments_can_be_reported(ada: Reader, ben: Reader, container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        post = await seeder.post(key(ben))
        comment = await seeder.comment(post.id, key(ada), "Rude words")
        gone = await seeder.comment(post.id, key(ada))
        await session.execute(
            update(Comment).where(Comment.id == gone.id).values(text=None, deleted_at=post.created_at)
        )
    assert (await report(ben, ada.id))["report"]["user"] == {"username": "ada"}
    assert (await report(ben, global_id("Comment", comment.id)))["report"]["comment"] == {"text": "Rude words"}
    assert (await report(ben, global_id("Comment", gone.id)))["userErrors"][0]["code"] == "NOT_FOUND"


async def test_only_what_one_sees_and_others_wrote_can_be_reported(
    ada: Reader, ben: Reader, nobody: Reader, container: Container
) -> None:
    hidden = await written(container, ada, visibility=Visibility.FOLLOWERS)
    mine = await written(container, ben)
    async with nothing_written(container):
        for target in (hidden, global_id("Post", UUID(int=3)), global_id("User", UUID(int=3))):
            [refused] = (await report(ben, target))["userErrors"]
            assert (refused["code"], refused["field"]) == ("NOT_FOUND", ["input", "targetId"])
        for target in (mine, ben.id):
            [refused] = (await report(ben, target))["userErrors"]
            assert (refused["code"], refused["field"]) == ("INVALID", ["input", "targetId"])
        for target in (global_id("Book", UUID(int=3)), "nonsense"):
            assert (await report(ben, target))["userErrors"][0]["code"] == "INVALID"
        [refused] = (await report(ben, ada.id, text="x" * 1_001))["userErrors"]
        assert (refused["code"], refused["field"]) == ("INVALID", ["input", "text"])
        assert (await report(nobody, ada.id))["userErrors"][0]["code"] == "UNAUTHENTICATED"
    assert (await report(ben, ada.id, text="x" * 1_000))["report"]


async def test_reports_are_for_moderators_the_latest_first(ada: Reader, ben: Reader, judge: Reader) -> None:
    made = [(await report(ben, ada.id))["report"], (await report(ada, ben.id))["report"]]
    for reader in (ada, ben):
        assert (await reader.run("{ viewer { reports { nodes { id } } } }"))["viewer"]["reports"] is None
    assert (await judge.run(LIST))["viewer"]["reports"]["nodes"] == made[::-1]
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert (await judge.run(node, id=made[0]["id"]))["node"]
    assert (await ben.run(node, id=made[0]["id"]))["node"]
    assert (await ada.run(node, id=made[0]["id"]))["node"] is None


async def test_a_moderator_reads_what_was_reported_and_nothing_else(
    ada: Reader, ben: Reader, judge: Reader, container: Container
) -> None:
    reported = await written(container, ada, "Reported", visibility=Visibility.FOLLOWERS)
    quiet = await written(container, ada, "Quiet", visibility=Visibility.FOLLOWERS)
    async with container.database.writing() as session:
        seeder = Seeder(session)
        await seeder.follow(key(ben), key(ada))
        await seeder.block(key(ada), key(judge))
        await seeder.block(key(ben), key(judge))
    posts = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Post { text author { username } } } }"
    assert (await judge.run(posts, ids=[reported, quiet]))["nodes"] == [None, None]
    assert (await report(ben, reported))["report"]
    assert (await judge.run(posts, ids=[reported, quiet]))["nodes"] == [
        {"text": "Reported", "author": {"username": "ada"}},
        None,
    ]
    [listed] = (await judge.run(LIST))["viewer"]["reports"]["nodes"]
    assert (listed["reporter"], listed["post"]["text"]) == ({"username": "ben"}, "Reported")
    # By name they stay out of each other's sight, and nobody else sees more than before.
    assert (await judge.run('{ user(username: "ada") { id } }'))["user"] is None
    cora = await sign_up(ada.http, "cora")
    assert (await cora.run(posts, ids=[reported]))["nodes"] == [None]


async def test_a_moderator_sees_a_reported_comment_where_it_stands(
    ada: Reader, ben: Reader, judge: Reader, container: Container
) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        post = await seeder.post(key(ada), visibility=Visibility.FOLLOWERS)
        bad, other = await seeder.comment(post.id, key(ben)), await seeder.comment(post.id, key(ben))
        await seeder.block(key(ben), key(judge))
        eyes = Viewer(user_id=key(judge), role=Role.MODERATOR)

        async def seen() -> tuple[set[UUID], set[UUID]]:
            posts = await session.scalars(select(Post.id).where(visibility.posts(eyes)))
            comments = await session.scalars(select(Comment.id).where(visibility.comments(eyes)))
            return set(posts), set(comments)

        assert await seen() == (set(), set())
        await seeder.report(key(ada), comment_id=bad.id)
        assert await seen() == ({post.id}, {bad.id})
        unblocked = await seeder.comment(post.id, key(ada))
        assert await seen() == ({post.id}, {bad.id, unblocked.id})
        assert other.id not in (await seen())[1]
        listed = select(Post.id).where(visibility.posts(eyes), visibility.unmuted(eyes, user_id=Post.user_id))
        assert set(await session.scalars(listed)) == {post.id}
        await seeder.block(key(ada), key(judge))
        assert set(await session.scalars(listed)) == set()
        assert (await seen())[0] == {post.id}


async def test_a_report_is_in_the_audit_log_without_its_words(ada: Reader, ben: Reader, container: Container) -> None:
    await report(ben, ada.id, text="a secret about somebody")
    async with container.database.reading() as session:
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "report.created"))).one()
    assert (entry.user_id, entry.resource_type, entry.resource_id) == (key(ben), "user", key(ada))
    assert entry.details == {"reason": "SPAM"}
