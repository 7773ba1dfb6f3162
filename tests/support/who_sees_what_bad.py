"""Known to be bad: single predicates and deeds as they are easily written. What proves the good ones has to notice each of these."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock
from uuid import UUID

from sqlalchemy import and_, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from models import Block, Book, Comment, Follow, FollowRequest, Highlight, Mute, Post, ReadingPosition, User
from models.profiles import Role, Visibility
from repositories import visibility
from repositories.visibility import Predicate
from services.social import SocialService

_OURS: dict[str, Callable[..., Predicate]] = {
    name: getattr(visibility, name) for name in ("posts", "comments", "highlights", "profiles", "_follows")
}


def follows_backwards(follower: Any, followed: Any) -> Predicate:
    """Take whom one follows for one's followers."""
    return _OURS["_follows"](followed, follower)


def follows_anybody(follower: Any, followed: Any) -> Predicate:
    """Compare with no outer row, as a subquery does that is not correlated: to follow anybody opens everybody."""
    if follower is None or followed is None:
        return false()
    if isinstance(follower, UUID):
        return exists(select(Follow.follower_id).where(Follow.follower_id == follower))
    return exists(select(Follow.follower_id).where(Follow.followed_id == followed))


def who_asks_follows(follower: Any, followed: Any) -> Predicate:
    """Take a wish for its fulfilment."""
    if follower is None or followed is None:
        return false()
    asks = exists().where(FollowRequest.follower_id == follower, FollowRequest.followed_id == followed)
    return or_(_OURS["_follows"](follower, followed), asks.correlate_except(FollowRequest))


def only_the_blocker_is_free(viewer: Viewer, other: Any) -> Predicate:
    """Hide the blocked from the blocker alone."""
    return exists().where(Block.blocker_id == viewer.user_id, Block.blocked_id == other).correlate_except(Block)


def only_the_blocked_is_shut_out(viewer: Viewer, other: Any) -> Predicate:
    """Hide the blocker from the blocked alone."""
    return exists().where(Block.blocked_id == viewer.user_id, Block.blocker_id == other).correlate_except(Block)


def _leaking(name: str, model: Any, *leak: Predicate) -> Callable[[Viewer], Predicate]:
    def predicate(viewer: Viewer) -> Predicate:
        if viewer.user_id is None:
            return _OURS[name](viewer)
        shut = visibility._blocked_either_way(viewer, model.user_id)
        follows = visibility._follows(viewer.user_id, model.user_id)
        return or_(_OURS[name](viewer), and_(model.deleted_at.is_(None), ~shut, follows, *leak))

    return predicate


def deleted_posts_stay(viewer: Viewer) -> Predicate:
    """Forget that others' posts can be deleted."""
    author = aliased(User)
    is_open = exists(select(author.id)).where(author.id == Post.user_id, ~author.is_private).correlate_except(author)
    return or_(_OURS["posts"](viewer), and_(Post.visibility == Visibility.PUBLIC, is_open))


def public_posts_of_private_accounts(viewer: Viewer) -> Predicate:
    """Look at the post alone."""
    shut = visibility._blocked_either_way(viewer, Post.user_id)
    leak = and_(Post.deleted_at.is_(None), Post.visibility == Visibility.PUBLIC, ~shut)
    return or_(_OURS["posts"](viewer), leak)


def public_highlights_of_private_accounts(viewer: Viewer) -> Predicate:
    """Look at the highlight alone."""
    shut = visibility._blocked_either_way(viewer, Highlight.user_id)
    leak = and_(Highlight.deleted_at.is_(None), Highlight.visibility == Visibility.PUBLIC, ~shut)
    return or_(_OURS["highlights"](viewer), leak)


def moderators_read_all(viewer: Viewer) -> Predicate:
    """Let moderators read what nobody reported."""
    return true() if viewer.role is Role.MODERATOR else _OURS["posts"](viewer)


def muted_posts_are_gone(viewer: Viewer) -> Predicate:
    """Hide what is muted, also where it is asked for by itself."""
    return and_(_OURS["posts"](viewer), visibility.unmuted(viewer, user_id=Post.user_id))


def writers_do_not_matter(viewer: Viewer) -> Predicate:
    """Ask of a comment only whether its post is seen."""
    return exists(select(Post.id)).where(Post.id == Comment.post_id, _OURS["posts"](viewer)).correlate_except(Post)


def comments_for_whom_the_writer_lets(viewer: Viewer) -> Predicate:
    """Treat a comment like a post of its writer."""
    writer = aliased(User)
    is_open = exists(select(writer.id)).where(writer.id == Comment.user_id, ~writer.is_private)
    return and_(_OURS["comments"](viewer), or_(Comment.user_id == viewer.user_id, is_open.correlate_except(writer)))


def comments_of_nobodys_post(viewer: Viewer) -> Predicate:
    """Ask of a comment only who wrote it."""
    return ~visibility._blocked_either_way(viewer, Comment.user_id) if viewer.user_id else true()


def open_profiles(_: Viewer) -> Predicate:
    """Show whole profiles to all."""
    return true()


def _reading(
    reached: Callable[[Any, Any], Any], *, mine: bool = True, is_there: Any = None
) -> Callable[..., Predicate]:
    """Make a test of spoilers by another idea of how far one has read."""

    def predicate(viewer: Viewer, author_id: Any, book_id: Any, until: Any) -> Predicate:
        if viewer.user_id is None:
            return until.is_(None)  # type: ignore[no-any-return]
        position, book = aliased(ReadingPosition), aliased(Book)
        far = is_there or (lambda place, end: place >= end)
        there = (
            exists(select(position.id))
            .where(position.user_id == viewer.user_id, position.book_id == book_id, book.id == position.book_id)
            .where(far(reached(position, book), until))
            .correlate_except(position, book)
        )
        return or_(until.is_(None), author_id == viewer.user_id if mine else false(), there)

    return predicate


def _furthest(position: Any, book: Any) -> Any:
    return func.greatest(position.furthest_location, func.floor(position.furthest_percent * book.total_locations / 100))


def _latest(position: Any, book: Any) -> Any:
    return func.greatest(position.location, func.floor(position.percent * book.total_locations / 100))


def _location_first(position: Any, book: Any) -> Any:
    by_percent = func.floor(position.furthest_percent * book.total_locations / 100)
    return func.coalesce(position.furthest_location, by_percent)


def mutes_parts_of_words(
    viewer: Viewer, *, user_id: Any = None, book_id: Any = None, post_id: Any = None, words: Any = None
) -> Predicate:
    """Find a muted word inside of others."""
    if viewer.user_id is None:
        return true()
    hit = or_(
        Mute.muted_user_id == user_id,
        Mute.muted_book_id == book_id,
        Mute.muted_post_id == post_id,
        func.strpos(words, Mute.word) > 0,
    )
    return ~exists().where(Mute.user_id == viewer.user_id, hit).correlate_except(Mute)


async def nothing_ends(self: SocialService, follower_id: UUID, followed_id: UUID) -> bool:
    """Leave follows as they are."""
    del self, follower_id, followed_id
    return False


async def who_waits_goes_on_waiting(self: SocialService, user_id: UUID) -> None:
    """Leave requests as they are."""
    del self, user_id


@dataclass(frozen=True)
class Variant:
    """One function, put in the place of ours."""

    place: str
    bad: Callable[..., Any]
    name: str = ""
    owner: object = visibility

    def __str__(self) -> str:
        """Name it for the list of tests."""
        return self.name or self.bad.__name__

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put it in place."""
        with mock.patch.object(self.owner, self.place, self.bad):
            yield


BAD = (
    Variant("_follows", follows_backwards),
    Variant("_follows", follows_anybody),
    Variant("_follows", who_asks_follows),
    Variant("_blocked_either_way", only_the_blocker_is_free),
    Variant("_blocked_either_way", only_the_blocked_is_shut_out),
    Variant("profiles", open_profiles),
    Variant("posts", _leaking("posts", Post, Post.visibility == Visibility.MUTUALS), "mutual posts for followers"),
    Variant("posts", _leaking("posts", Post), "private posts for followers"),
    Variant("posts", deleted_posts_stay),
    Variant("posts", public_posts_of_private_accounts),
    Variant("posts", moderators_read_all),
    Variant("posts", muted_posts_are_gone),
    Variant(
        "highlights",
        _leaking("highlights", Highlight, Highlight.visibility == Visibility.MUTUALS),
        "mutual highlights for followers, of those who show none too",
    ),
    Variant("highlights", public_highlights_of_private_accounts),
    Variant("comments", writers_do_not_matter),
    Variant("comments", comments_for_whom_the_writer_lets),
    Variant("comments", comments_of_nobodys_post),
    Variant("_read_far_enough", _reading(_furthest, is_there=lambda place, end: place > end), "spoilers by >"),
    Variant("_read_far_enough", _reading(_latest), "spoilers by the latest position"),
    Variant("_read_far_enough", _reading(_location_first), "spoilers by location, where there is one"),
    Variant("_read_far_enough", _reading(_furthest, mine=False), "spoilers for their author"),
    Variant("unmuted", mutes_parts_of_words),
    Variant("_part", nothing_ends, owner=SocialService),
    Variant("let_all_in", who_waits_goes_on_waiting, owner=SocialService),
)
