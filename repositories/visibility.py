"""What a viewer may see, as SQL predicates: the one place where it is decided.

Every read goes through one of these, by attribute of this module (`visibility.highlights(viewer)`), so that a test can replace a predicate
by TRUE and see its canaries leak.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from models import Block, Book, BookHolder, Follow, FollowRequest, Highlight, Mute, User
from models.profiles import Visibility

Predicate = ColumnElement[bool]


def own(model: Any, viewer: Viewer) -> Predicate:
    """Rows that belong to the viewer; none when signed out."""
    return false() if viewer.user_id is None else model.user_id == viewer.user_id


def users(viewer: Viewer) -> Predicate:
    """Users that the viewer may know of: a block hides each from the other."""
    return ~_blocked_either_way(viewer, User.id)


def profiles(viewer: Viewer) -> Predicate:
    """Users whose whole profile the viewer may read: public accounts, approved followers, oneself."""
    return or_(~User.is_private, User.id == viewer.user_id, _follows(viewer.user_id, User.id))


def own_blocks(viewer: Viewer) -> Predicate:
    """Blocks of the viewer's making: there alone the blocked are still named, so that they can be unblocked."""
    return false() if viewer.user_id is None else Block.blocker_id == viewer.user_id


def own_requests(viewer: Viewer) -> Predicate:
    """Requests to follow the viewer."""
    return false() if viewer.user_id is None else FollowRequest.followed_id == viewer.user_id


def books(viewer: Viewer) -> Predicate:
    """Books that may be asked for by themselves: public ones, and those that the viewer holds."""
    held = exists().where(BookHolder.book_id == Book.id, BookHolder.user_id == viewer.user_id)
    held = held.correlate_except(BookHolder)
    return or_(Book.is_public, held) if viewer.is_signed_in else Book.is_public.is_(other=True)


def shown_books(viewer: Viewer) -> Predicate:
    """Books reached through something the viewer may see; that thing was the test."""
    del viewer
    return true()


def highlights(viewer: Viewer) -> Predicate:
    """Highlights that the viewer may read: one's own, and others' by the stricter of the highlight's and the account's settings."""
    mine = and_(Highlight.user_id == viewer.user_id, Highlight.erased_at.is_(None))
    owner = aliased(User)
    to_followers = and_(
        owner.show_highlights_to_followers,
        Highlight.visibility.in_((Visibility.PUBLIC, Visibility.FOLLOWERS, Visibility.MUTUALS)),
        _follows(viewer.user_id, Highlight.user_id),
        or_(Highlight.visibility != Visibility.MUTUALS, _follows(Highlight.user_id, viewer.user_id)),
    )
    to_everyone = and_(Highlight.visibility == Visibility.PUBLIC, ~owner.is_private)
    allows = or_(to_everyone, to_followers) if viewer.is_signed_in else to_everyone
    open_to_viewer = exists(select(owner.id)).where(owner.id == Highlight.user_id, allows).correlate_except(owner)
    others = and_(Highlight.deleted_at.is_(None), ~_blocked_either_way(viewer, Highlight.user_id), open_to_viewer)
    return or_(mine, others) if viewer.is_signed_in else others


def unmuted(viewer: Viewer, *, user_id: Any = None, book_id: Any = None) -> Predicate:
    """Leave out what the viewer muted; for lists that gather from many, never for a thing asked for by itself."""
    if viewer.user_id is None:
        return true()
    targets = [
        column == value
        for column, value in ((Mute.muted_user_id, user_id), (Mute.muted_book_id, book_id))
        if value is not None
    ]
    mine = and_(Mute.user_id == viewer.user_id, in_force(Mute))
    return ~exists().where(mine, or_(false(), *targets)).correlate_except(Mute)


def in_force(mute: Any) -> Predicate:
    """Mutes that have not ended."""
    return or_(mute.until.is_(None), mute.until > func.now())


def _follows(follower: Any, followed: Any) -> Predicate:
    if follower is None or followed is None:
        return false()
    # SQLAlchemy correlates by itself with the next enclosing SELECT only; inside a second one the outer table would be
    # joined anew, uncorrelated, and following anybody would open everybody's highlights.
    return exists().where(Follow.follower_id == follower, Follow.followed_id == followed).correlate_except(Follow)


def _blocked_either_way(viewer: Viewer, other: Any) -> Predicate:
    if viewer.user_id is None:
        return false()
    me: UUID = viewer.user_id
    either = or_(
        and_(Block.blocker_id == me, Block.blocked_id == other),
        and_(Block.blocker_id == other, Block.blocked_id == me),
    )
    return exists().where(either).correlate_except(Block)
