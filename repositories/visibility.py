"""What a viewer may see, as SQL predicates: the one place where it is decided.

Every read goes through one of these, by attribute of this module (`visibility.highlights(viewer)`), so that a test can replace a predicate
by TRUE and see its canaries leak.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from models import (
    Block,
    Book,
    BookHolder,
    Comment,
    Follow,
    FollowRequest,
    Highlight,
    Mute,
    Post,
    ReadingPosition,
    Report,
    User,
)
from models.profiles import Visibility

Predicate = ColumnElement[bool]
# Made once: to make an alias takes longer than all the rest of a predicate. Each stands in a subquery of its own, nested or not.
_OWNER, _AUTHOR = aliased(User), aliased(User)
_REPORTED_POST, _REPORTED_COMMENT = aliased(Post), aliased(Comment)
_COMMENTED_POST, _POSITION, _READ_BOOK = aliased(Post), aliased(ReadingPosition), aliased(Book)


def own(model: Any, viewer: Viewer) -> Predicate:
    """Rows that belong to the viewer; none when signed out."""
    return false() if viewer.user_id is None else model.user_id == viewer.user_id


def users(viewer: Viewer) -> Predicate:
    """Users that the viewer may know of: a block hides each from the other."""
    return ~_blocked_either_way(viewer, User.id)


def named_users(viewer: Viewer) -> Predicate:
    """Users reached through a thing or by their id: a moderator also knows who reported, and whom a report is about."""
    if not viewer.moderates:
        return users(viewer)
    post, comment = _REPORTED_POST, _REPORTED_COMMENT
    named = exists().where(or_(Report.reporter_id == User.id, Report.reported_user_id == User.id))
    wrote = exists(select(Report.id).join(post, post.id == Report.post_id)).where(post.user_id == User.id)
    answered = exists(
        select(Report.id).join(comment, comment.id == Report.comment_id).join(post, post.id == comment.post_id)
    ).where(or_(comment.user_id == User.id, post.user_id == User.id))
    return or_(
        users(viewer),
        named.correlate_except(Report),
        wrote.correlate_except(Report, post),
        answered.correlate_except(Report, comment, post),
    )


def reports(viewer: Viewer) -> Predicate:
    """Reports of the viewer's own; to a moderator, all."""
    if viewer.moderates:
        return true()
    return false() if viewer.user_id is None else Report.reporter_id == viewer.user_id


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


def met_books(viewer: Viewer) -> Predicate:
    """Books that the viewer can meet: those to be asked for, and those that a highlight or post they may see leads to."""
    marked = exists().where(Highlight.book_id == Book.id, highlights(viewer)).correlate_except(Highlight)
    written_about = exists().where(Post.book_id == Book.id, posts(viewer)).correlate_except(Post)
    return or_(books(viewer), marked, written_about)


def shown_books(viewer: Viewer) -> Predicate:
    """Books reached through something the viewer may see; that thing was the test."""
    del viewer
    return true()


def highlights(viewer: Viewer) -> Predicate:
    """Highlights that the viewer may read: one's own, and others' by the stricter of the highlight's and the account's settings."""
    mine = and_(Highlight.user_id == viewer.user_id, Highlight.erased_at.is_(None))
    owner = _OWNER
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


def posts(viewer: Viewer) -> Predicate:
    """Posts that the viewer may read, spoilers included: by the stricter of the post's and the account's settings; one's own always.

    A moderator also reads what was reported, also past a block.
    """
    author = _AUTHOR
    to_followers = and_(
        Post.visibility.in_((Visibility.PUBLIC, Visibility.FOLLOWERS, Visibility.MUTUALS)),
        _follows(viewer.user_id, Post.user_id),
        or_(Post.visibility != Visibility.MUTUALS, _follows(Post.user_id, viewer.user_id)),
    )
    is_private = exists(select(author.id)).where(author.id == Post.user_id, author.is_private).correlate_except(author)
    to_everyone = and_(Post.visibility == Visibility.PUBLIC, ~is_private)
    if not viewer.is_signed_in:
        return and_(Post.deleted_at.is_(None), to_everyone)
    others = and_(~_blocked_either_way(viewer, Post.user_id), or_(to_everyone, to_followers))
    shown = or_(Post.user_id == viewer.user_id, others, _reported_post(viewer))
    return and_(Post.deleted_at.is_(None), shown)


def own_deleted_posts(viewer: Viewer) -> Predicate:
    """Deleted posts of the viewer's own: there alone they are still shown, so that they can be restored."""
    return and_(own(Post, viewer), Post.deleted_at.is_not(None))


def comments(viewer: Viewer, comment: Any = Comment) -> Predicate:
    """Comments that the viewer may read, spoilers included: those under a post they may read, but for a block between them and the writer.

    Whoever comments speaks to those who see the post, also from a private account.
    """
    under = exists(select(Post.id)).where(Post.id == comment.post_id, posts(viewer)).correlate_except(Post)
    if not viewer.is_signed_in:
        return under
    return and_(
        under,
        or_(
            comment.user_id.is_(None), ~_blocked_either_way(viewer, comment.user_id), _reported_comment(viewer, comment)
        ),
    )


def _reported_post(viewer: Viewer) -> Predicate:
    """Posts that a moderator must be able to judge: a report is about them, or about a comment below them."""
    if not viewer.moderates:
        return false()
    itself = exists().where(Report.post_id == Post.id).correlate_except(Report)
    comment = _REPORTED_COMMENT
    below = exists(select(Report.id).join(comment, comment.id == Report.comment_id)).where(comment.post_id == Post.id)
    return or_(itself, below.correlate_except(Report, comment))


def _reported_comment(viewer: Viewer, comment: Any) -> Predicate:
    if not viewer.moderates:
        return false()
    return exists().where(Report.comment_id == comment.id).correlate_except(Report)


def revealed_posts(viewer: Viewer) -> Predicate:
    """Posts whose words the viewer has read far enough for; of the others, nothing that tells leaves."""
    return _read_far_enough(viewer, Post.user_id, Post.book_id, Post.spoiler_until_location)


def revealed_comments(viewer: Viewer) -> Predicate:
    """Comments whose words the viewer has read far enough for."""
    post = _COMMENTED_POST
    book_id = select(post.book_id).where(post.id == Comment.post_id).correlate_except(post).scalar_subquery()
    return _read_far_enough(viewer, Comment.user_id, book_id, Comment.spoiler_until_location)


def _read_far_enough(viewer: Viewer, author_id: Any, book_id: Any, until: Any) -> Predicate:
    if viewer.user_id is None:
        unveiled: Predicate = until.is_(None)
        return unveiled
    position, book = _POSITION, _READ_BOOK
    by_percent = func.floor(position.furthest_percent * book.total_locations / 100)
    there = (
        exists(select(position.id).join(book, book.id == position.book_id))
        .where(
            position.user_id == viewer.user_id,
            position.book_id == book_id,
            func.greatest(position.furthest_location, by_percent) >= until,
        )
        .correlate_except(position, book)
    )
    return or_(until.is_(None), author_id == viewer.user_id, there)


def unmuted(
    viewer: Viewer, *, user_id: Any = None, book_id: Any = None, post_id: Any = None, words: Any = None
) -> Predicate:
    """Leave out what the viewer muted; for lists that gather from many, never for a thing asked for by itself."""
    if viewer.user_id is None:
        return true()
    targets = [
        column == value
        for column, value in (
            (Mute.muted_user_id, user_id),
            (Mute.muted_book_id, book_id),
            (Mute.muted_post_id, post_id),
        )
        if value is not None
    ]
    if words is not None:
        targets.append(func.strpos(words, " " + Mute.word + " ") > 0)
    mine = and_(Mute.user_id == viewer.user_id, in_force(Mute))
    wanted = ~exists().where(mine, or_(false(), *targets)).correlate_except(Mute)
    if viewer.moderates and user_id is not None:
        # A moderator sees reported things past a block; in lists there is no need to.
        return and_(wanted, ~_blocked_either_way(viewer, user_id))
    return wanted


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
