"""The statements that readers wait for most find what they need by the index that was made for them."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from auth.viewer import Viewer
from commands import seed_large
from commands.seed_large import Wanted
from core.database import make_engine
from core.pagination import PageRequest
from core.settings import Settings
from models import Comment, Follow, Highlight, Like, Post, PostHashtag, User
from models.feeds import FeedEntry, TimelinePart
from models.posts import TrendWindow
from repositories.feeds import FeedRepository
from repositories.feeds_fanout import FanoutRepository
from repositories.highlights import HighlightFilter, HighlightOrder, HighlightRepository
from repositories.posts import PostRepository
from repositories.posts_comments_lists import CommentListRepository, CommentSort
from repositories.posts_likes import LikeRepository
from repositories.posts_lists import PostListRepository
from repositories.posts_trends import PostTrendRepository
from repositories.profiles import ProfileRepository
from repositories.social_lists import People, SocialListRepository
from runtime.migrations import move
from tests.support.plans import plan_of

SCALE = 0.05
UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
PAGE = PageRequest(20)


@dataclass(frozen=True)
class Known:
    """Some of what is there."""

    me: Viewer
    fan: Viewer
    keeper: Viewer
    author: User
    post: Post
    posts: list[UUID]
    tag: str
    talked: Post
    comments: list[UUID]

    @property
    def timeline(self) -> TimelinePart:
        """A timeline that tells of some posts."""
        entries = [FeedEntry(key, None, self.post.created_at) for key in self.posts]
        return TimelinePart(1, entries, [], self.post.created_at - timedelta(days=1))

    @property
    def behind(self) -> PageRequest:
        """A page further down."""
        return PageRequest(20, (self.post.created_at, self.post.id))


Case = Callable[[AsyncSession, Known], Awaitable[Any]]


@pytest.fixture(scope="module")
async def engine(urls: tuple[str, str]) -> AsyncIterator[AsyncEngine]:
    """A database of its own with a fiftieth of the large data set."""
    name = f"plans_{secrets.token_hex(4)}"
    outside = make_engine(urls[0], pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
    async with outside.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
        url = make_url(urls[0]).set(database=name).render_as_string(hide_password=False)
        await move(url)
        wanted = Wanted(seed=1, until=UNTIL, scale=SCALE)
        settings = Settings(_env_file=None, pull_threshold=200)
        await seed_large.load(settings, url, wanted, lambda *_: None)
        made = make_engine(url, pool_size=1)
        yield made
        await made.dispose()
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await outside.dispose()


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction, undone."""
    async with engine.connect() as made:
        yield made
        await made.rollback()


@pytest.fixture
async def known(connection: AsyncConnection) -> Known:
    """Those who follow, like and mark most, the best known author, the post that is liked most, the tag most used."""
    async with AsyncSession(connection, expire_on_commit=False) as session:
        me, fan, keeper = [
            Viewer(user_id=await _one(session, select(column).group_by(column).order_by(func.count().desc(), column)))
            for column in (Follow.follower_id, Like.user_id, Highlight.user_id)
        ]
        tag = await _one(session, select(PostHashtag.tag).group_by(PostHashtag.tag).order_by(func.count().desc()))
        author = await _one(session, select(User).order_by(User.follower_count.desc()))
        post = await _one(session, select(Post).order_by(Post.like_count.desc()))
        talked = await _one(session, select(Post).order_by(Post.comment_count.desc()))
        comments = list(await session.scalars(select(Comment.id).where(Comment.post_id == talked.id).limit(20)))
        posts = list(await session.scalars(select(Post.id).order_by(Post.created_at.desc()).limit(20)))
    return Known(me, fan, keeper, author, post, posts, tag, talked, comments)


async def _one(session: AsyncSession, wanted: Any) -> Any:
    return (await session.scalars(wanted.limit(1))).one()


CASES: dict[str, tuple[Case, str]] = {
    "a reader's posts": (
        lambda session, known: PostListRepository(session).pages_by_author(known.me, [known.author.id], PAGE),
        "ix_posts_user_id_created_at_id",
    ),
    "a reader's posts, further down": (
        lambda session, known: PostListRepository(session).pages_by_author(known.me, [known.author.id], known.behind),
        "ix_posts_user_id_created_at_id",
    ),
    "a hashtag's posts": (
        lambda session, known: PostListRepository(session).by_hashtag(known.me, known.tag, PAGE),
        "ix_post_hashtags_tag_created_at_post_id",
    ),
    "a rare hashtag's posts": (
        lambda session, known: PostListRepository(session).by_hashtag(known.me, "nobodysays", PAGE),
        "ix_post_hashtags_tag_created_at_post_id",
    ),
    "one's deleted posts": (
        lambda session, known: PostListRepository(session).own_deleted(
            known.me, datetime(2026, 10, 2, tzinfo=UTC), PAGE
        ),
        "ix_posts_user_id_created_at_id",
    ),
    "posts": (lambda session, known: PostRepository(session).visible(known.me, known.posts), "pk_posts"),
    "hashtags of posts": (lambda session, known: PostRepository(session).hashtags(known.posts), "pk_post_hashtags"),
    "which posts one likes": (lambda session, known: PostRepository(session).deeds(known.fan, known.posts), "pk_likes"),
    "what trends": (lambda session, _: PostTrendRepository(session).replace(TrendWindow.WEEK, UNTIL), "pk_posts"),
    "a profile by its name": (
        lambda session, known: ProfileRepository(session).visible_by_name(known.me, known.author.username),
        "uq_users_username_lower",
    ),
    "profiles": (
        lambda session, known: ProfileRepository(session).visible(known.me, [known.author.id]),
        "pk_users",
    ),
    "followers": (
        lambda session, known: SocialListRepository(session).pages(known.me, People.FOLLOWERS, [known.author.id], PAGE),
        "ix_follows_followed_id_created_at_follower_id",
    ),
    "whom a reader follows": (
        lambda session, known: SocialListRepository(session).pages(
            known.me, People.FOLLOWING, [known.me.require()], PAGE
        ),
        "ix_follows_follower_id_created_at_followed_id",
    ),
    "one's highlights": (
        lambda session, known: HighlightRepository(session).own_page(
            known.keeper, HighlightFilter(), HighlightOrder.CREATED, PAGE
        ),
        "ix_highlights_user_id_created_at",
    ),
    "another's highlights": (
        lambda session, known: HighlightRepository(session).pages_by_owner(known.me, [known.author.id], None, PAGE),
        "ix_highlights_user_id_created_at",
    ),
    "comments, the newest first": (
        lambda session, known: CommentListRepository(session).under_posts(
            known.me, [known.talked.id], CommentSort.NEWEST, PAGE
        ),
        "ix_comments_post_id_created_at_id",
    ),
    "comments, the most liked first": (
        lambda session, known: CommentListRepository(session).under_posts(
            known.me, [known.talked.id], CommentSort.TOP, PAGE
        ),
        "ix_comments_post_id_like_count_created_at_id",
    ),
    "replies": (
        lambda session, known: CommentListRepository(session).replies(known.me, known.comments, PAGE),
        "ix_comments_parent_id_created_at_id",
    ),
    "who likes a post": (
        lambda session, known: LikeRepository(session).likers(known.me, [known.post.id], PAGE),
        "ix_likes_post_id_created_at_user_id",
    ),
    "a home feed from the tables": (
        lambda session, known: FeedRepository(session).pull(known.me, PAGE),
        "ix_posts_user_id_created_at_id",
    ),
    "reposts in a home feed from the tables": (
        lambda session, known: FeedRepository(session).pull(known.me, PAGE),
        "ix_reposts_user_id_created_at_post_id",
    ),
    "a home feed with a timeline": (
        lambda session, known: FeedRepository(session).above(known.me, PAGE, known.timeline),
        "ix_posts_pulled",
    ),
    "what a timeline is made of": (
        lambda session, known: FeedRepository(session).timeline(known.me.require(), 800),
        "ix_posts_user_id_created_at_id",
    ),
    "followers to push to": (
        lambda session, known: FanoutRepository(session).followers(known.author.id, known.me.require(), None),
        "ix_follows_followed_id_follower_id",
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_the_index_is_used(name: str, connection: AsyncConnection, known: Known) -> None:
    work, index = CASES[name]
    plan = await plan_of(connection, partial(_done, work, known))
    assert index in plan.indexes
    assert plan.read_whole == frozenset()


@pytest.mark.parametrize("index", sorted({index for _, index in CASES.values()}))
async def test_without_the_index_it_would_be_noticed(index: str, connection: AsyncConnection, known: Known) -> None:
    names = [name for name, (_, wanted) in CASES.items() if wanted == index]
    constraint = await connection.scalar(
        text("SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = :name"), {"name": index}
    )
    dropped = f"ALTER TABLE {constraint} DROP CONSTRAINT {index} CASCADE" if constraint else f"DROP INDEX {index}"
    await connection.execute(text(dropped))
    for name in names:
        work = CASES[name][0]
        assert index not in (await plan_of(connection, partial(_done, work, known))).indexes


async def _done(work: Case, known: Known, session: AsyncSession) -> None:
    await work(session, known)
