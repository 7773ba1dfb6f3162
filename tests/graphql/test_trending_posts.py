"""Trending posts: the formula by its vectors, who counts, and who sees what."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from core import clock
from core.ids import global_id, read_id
from core.text import words_of
from models import Comment, Like, Mute, Post, PostTrend, User
from models.posts import TrendWindow
from models.profiles import Visibility
from repositories import posts_trends
from repositories.posts_trends import BUCKET_SECONDS
from runtime.container import Container
from tests.support.api import Reader
from tests.support.seeding import Seeder
from tests.support.statements import counted
from workers.main import HANDLERS
from workers.recurring import OFTEN, RECURRING

NOW = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)
TRENDS = "query($window: TrendWindow, $first: Int) { trendingPosts(window: $window, first: $first) { id text } }"


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock where trends are computed."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def one_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a single reader's use count, for the formula by itself."""
    monkeypatch.setattr(posts_trends, "DISTINCT_READERS", 1)


async def compute(container: Container) -> None:
    async with container.transaction() as services:
        await services.post_trends.compute()


async def scores(container: Container, window: TrendWindow = TrendWindow.HOUR) -> dict[UUID, float]:
    async with container.database.reading() as session:
        rows = await session.execute(
            select(PostTrend.post_id, PostTrend.score).where(PostTrend.window == window).order_by(PostTrend.score)
        )
        return {post_id: score for post_id, score in rows}


def bucket(age: int, window: TrendWindow) -> datetime:
    """Name a moment within the bucket of an age."""
    seconds = BUCKET_SECONDS[window]
    return datetime.fromtimestamp((int(NOW.timestamp()) // seconds - age) * seconds, tz=UTC) + timedelta(seconds=1)


@pytest.mark.parametrize("window", TrendWindow)
@pytest.mark.parametrize(
    ("ages", "expected"),
    [([0], 1.0), ([59], 0.0485), (list(range(60)), 19.0786), ([60], None), ([0, 0], 2.0), ([1], 0.95)],
    ids=str,
)
@pytest.mark.usefixtures("one_is_enough")
async def test_the_formula_by_its_vectors(
    container: Container, window: TrendWindow, ages: list[int], expected: float | None
) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        post = await seeder.post((await seeder.user()).id)
        for age in ages:
            await seeder.repost(post.id, (await seeder.user()).id, created_at=bucket(age, window))
    await compute(container)
    # A repost weighs one.
    assert await scores(container, window) == ({post.id: pytest.approx(expected, abs=5e-5)} if expected else {})


@pytest.mark.parametrize(("kind", "weight"), [("like", 0.3), ("comment", 0.6), ("repost", 1.0)])
@pytest.mark.usefixtures("one_is_enough")
async def test_each_kind_of_use_has_its_weight(container: Container, kind: str, weight: float) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        post, fan = await seeder.post((await seeder.user()).id), await seeder.user()
        await getattr(seeder, kind)(post.id, fan.id, created_at=NOW)
    await compute(container)
    assert await scores(container) == {post.id: pytest.approx(weight)}


async def _liked(seeder: Seeder, author: UUID, fans: list[UUID], **more: Any) -> Post:
    post = await seeder.post(author, **more)
    for fan in fans:
        await seeder.like(post.id, fan, created_at=NOW)
    return post


async def test_three_others_have_to_turn_to_it(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        author = (await seeder.user()).id
        fans = [(await seeder.user()).id for _ in range(3)]
        three, _, vain = [await _liked(seeder, author, chosen) for chosen in (fans, fans[:2], [*fans[:2], author])]
        for _ in range(50):
            # However much one says, one says it once in a bucket; a deleted comment is none.
            await seeder.comment(vain.id, fans[0], created_at=NOW)
            await seeder.comment(three.id, fans[0], created_at=NOW)
        gone = await seeder.comment(vain.id, fans[2], created_at=NOW)
        await session.execute(update(Comment).where(Comment.id == gone.id).values(text=None, deleted_at=NOW))
    await compute(container)
    assert await scores(container) == {three.id: pytest.approx(3 * 0.3 + 0.6)}


async def test_only_public_posts_of_public_accounts_trend(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        fans = [(await seeder.user()).id for _ in range(3)]
        author, closed = (await seeder.user()).id, (await seeder.user(is_private=True)).id
        shown = await _liked(seeder, author, fans)
        await _liked(seeder, author, fans, deleted_at=NOW)
        await _liked(seeder, closed, fans)
        for level in (Visibility.PRIVATE, Visibility.MUTUALS, Visibility.FOLLOWERS):
            await _liked(seeder, author, fans, visibility=level)
    await compute(container)
    for window in TrendWindow:
        assert set(await scores(container, window)) == {shown.id}


async def test_a_list_replaces_the_one_before(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        fans = [(await seeder.user()).id for _ in range(4)]
        author = (await seeder.user()).id
        stays, goes = await _liked(seeder, author, fans), await _liked(seeder, author, fans)
    await compute(container)
    assert set(await scores(container)) == {stays.id, goes.id}
    async with container.database.writing() as session:
        await session.execute(delete(Like).where(Like.post_id == goes.id))
        await session.execute(delete(Like).where(Like.post_id == stays.id, Like.user_id == fans[0]))
        await session.execute(update(PostTrend).values(computed_at=NOW - timedelta(minutes=5)))
    await compute(container)
    assert await scores(container) == {stays.id: pytest.approx(0.9)}


async def test_readers_see_the_hottest_first_as_last_computed(
    ada: Reader, nobody: Reader, container: Container
) -> None:
    assert (await ada.run(TRENDS))["trendingPosts"] == []
    async with container.database.writing() as session:
        seeder = Seeder(session)
        fans = [(await seeder.user()).id for _ in range(5)]
        author = (await seeder.user()).id
        warm, hot = await _liked(seeder, author, fans[:3], text="warm"), await _liked(seeder, author, fans, text="hot")
    assert (await ada.run(TRENDS))["trendingPosts"] == []
    await compute(container)
    for reader in (ada, nobody):
        told = (await reader.run(TRENDS, window="HOUR"))["trendingPosts"]
        assert told == [{"id": global_id("Post", post.id), "text": post.text} for post in (hot, warm)]
    assert [post["text"] for post in (await ada.run(TRENDS, first=1))["trendingPosts"]] == ["hot"]
    for first in (0, 101, -1):
        assert (await ada.error(TRENDS, first=first))["extensions"]["code"] == "BAD_USER_INPUT"
    with counted(container.database.engine) as statements:
        await ada.run(TRENDS)
    assert not any("reposts" in statement for statement in statements)


Change = Callable[[Seeder, UUID, Post], Awaitable[Any]]
OUT_OF_SIGHT: dict[str, Change] = {
    "block": lambda seeder, me, post: seeder.block(me, post.user_id),
    "blocked": lambda seeder, me, post: seeder.block(post.user_id, me),
    "reader": lambda seeder, me, post: seeder.mute(me, muted_user_id=post.user_id),
    "conversation": lambda seeder, me, post: seeder.mute(me, muted_post_id=post.id),
    "word": lambda seeder, me, _: seeder.mute(me, word=words_of("the BUTLER").strip()),
}


@pytest.mark.parametrize("how", OUT_OF_SIGHT)
async def test_what_is_blocked_or_muted_does_not_trend_for_that_reader(
    ada: Reader, ben: Reader, container: Container, how: str
) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        fans = [(await seeder.user()).id for _ in range(3)]
        post = await _liked(seeder, (await seeder.user()).id, fans, text="It was «the butler», again")
        other = await _liked(seeder, (await seeder.user()).id, fans, text="the butlers")
        await OUT_OF_SIGHT[how](seeder, read_id(ada.id, "User"), post)
    await compute(container)
    found = {reader.username: await reader.run(TRENDS) for reader in (ada, ben)}
    ids = {name: {one["id"] for one in data["trendingPosts"]} for name, data in found.items()}
    shown = global_id("Post", other.id)
    assert ids == {"ada": {shown}, "ben": {shown, global_id("Post", post.id)}}


async def test_an_account_that_closes_or_a_post_that_goes_is_left_out_at_once(
    ada: Reader, container: Container
) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        fans = [(await seeder.user()).id for _ in range(3)]
        closing, deleting = (await seeder.user()).id, (await seeder.user()).id
        await _liked(seeder, closing, fans)
        await _liked(seeder, deleting, fans)
    await compute(container)
    assert len((await ada.run(TRENDS))["trendingPosts"]) == 2
    async with container.database.writing() as session:
        await session.execute(update(User).where(User.id == closing).values(is_private=True))
        await session.execute(update(Post).where(Post.user_id == deleting).values(deleted_at=NOW))
    assert (await ada.run(TRENDS))["trendingPosts"] == []


async def test_a_spoiler_may_trend_but_hides_its_words(ada: Reader, container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        fans = [(await seeder.user()).id for _ in range(3)]
        book = await seeder.book()
        await _liked(seeder, (await seeder.user()).id, fans, book_id=book.id, spoiler_until_location=9)
    await compute(container)
    [told] = (await ada.run(TRENDS))["trendingPosts"]
    assert told["text"] is None


def test_it_is_computed_every_five_minutes() -> None:
    assert RECURRING["compute_post_trends"] == OFTEN == timedelta(minutes=5)
    assert "compute_post_trends" in HANDLERS


async def test_a_conversation_is_muted_and_unmuted(ada: Reader, ben: Reader, container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        author = read_id(ben.id, "User")
        post = global_id("Post", (await seeder.post(author, "A long talk")).id)
        hidden = global_id("Post", (await seeder.post(author, visibility=Visibility.PRIVATE)).id)
    mute = "mute { id until post { id text } user { id } word }"
    made = (await ada.mutate("mute", mute, target={"postId": post}))["mute"]
    assert (made["post"], made["user"], made["word"]) == ({"id": post, "text": "A long talk"}, None, None)
    moved = (await ada.mutate("mute", mute, target={"postId": post}, until="2099-01-01T00:00:00Z"))["mute"]
    assert (moved["id"], moved["until"]) == (made["id"], "2099-01-01T00:00:00.000000Z")
    for target in (hidden, global_id("Post", UUID(int=5))):
        [refused] = (await ada.mutate("mute", mute, target={"postId": target}))["userErrors"]
        assert refused["code"] == "NOT_FOUND"
    for target in (ada.id, "nonsense"):
        [refused] = (await ada.mutate("mute", mute, target={"postId": target}))["userErrors"]
        assert (refused["code"], refused["field"]) == ("INVALID", ["input", "target", "postId"])
    assert (await ada.mutate("unmute", mute, target={"postId": post}))["mute"]["id"] == made["id"]
    async with container.database.reading() as session:
        assert not (await session.scalars(select(Mute))).all()
