"""Who may see what, in plain Python over plain data: written from the design, not from the SQL.

A `Society` is what there is. Its deeds change it as the API should, or raise `Refused`; its rules say what each viewer finds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import floor
from uuid import UUID

from models.profiles import Visibility

LEVELS = list(Visibility)


class Refused(Exception):
    """The deed is refused with this code, and changes nothing."""


@dataclass(eq=False)
class Reader:
    """An account; the moderator is one like any other here."""

    name: str
    key: UUID
    private: bool = False
    accepts: bool = True
    shows: bool = True


@dataclass(eq=False)
class Volume:
    """A book, with as many locations as are known of it."""

    key: UUID
    locations: int | None


@dataclass(eq=False)
class Mark:
    """A highlight."""

    key: UUID
    owner: Reader
    level: Visibility
    deleted: bool = False


@dataclass(eq=False)
class Post:
    """A post; `word` is the one by which it can be muted."""

    key: UUID
    author: Reader
    level: Visibility
    word: str
    book: Volume | None = None
    until: int | None = None
    deleted: bool = False


@dataclass(eq=False)
class Comment:
    """An answer to a post, or to another answer."""

    key: UUID
    author: Reader
    post: Post
    parent: "Comment | None" = None
    until: int | None = None
    deleted: bool = False


Eyes = Reader | None
"""Whose eyes: None for somebody who is not signed in."""


@dataclass
class Society:
    """Everybody and everything there is."""

    readers: list[Reader]
    books: list[Volume]
    follows: set[tuple[Reader, Reader]] = field(default_factory=set)
    requests: set[tuple[Reader, Reader]] = field(default_factory=set)
    blocks: set[tuple[Reader, Reader]] = field(default_factory=set)
    mutes: set[tuple[Reader, object]] = field(default_factory=set)
    marks: list[Mark] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    locations: dict[tuple[Reader, Volume], int] = field(default_factory=dict)
    percents: dict[tuple[Reader, Volume], int] = field(default_factory=dict)

    # --- the rules ---

    def eyes(self) -> Iterator[Eyes]:
        """Everybody who can look."""
        yield None
        yield from self.readers

    def knows(self, me: Eyes, other: Reader) -> bool:
        """A block hides each from the other."""
        return me is None or not {(me, other), (other, me)} & self.blocks

    def follow_each_other(self, one: Reader, other: Reader) -> bool:
        """Friends, as the sources call them."""
        return {(one, other), (other, one)} <= self.follows

    def reads_profile(self, me: Eyes, other: Reader) -> bool:
        """A private account's only to those it let in."""
        if me is other:
            return True
        let_in = me is not None and (me, other) in self.follows
        return self.knows(me, other) and (let_in or not other.private)

    def lets(self, owner: Reader, level: Visibility, me: Eyes) -> bool:
        """What is not the viewer's own, by its level and its owner's account."""
        if level is Visibility.PRIVATE or not self.knows(me, owner):
            return False
        if level is Visibility.PUBLIC and not owner.private:
            return True
        if me is None or (me, owner) not in self.follows:
            return False
        return level is not Visibility.MUTUALS or self.follow_each_other(me, owner)

    def reads_mark(self, me: Eyes, mark: Mark) -> bool:
        """One's own also when it is deleted; others' as their owners allow."""
        if mark.owner is me:
            return True
        is_open = mark.level is Visibility.PUBLIC and not mark.owner.private
        return not mark.deleted and (is_open or mark.owner.shows) and self.lets(mark.owner, mark.level, me)

    def reads_post(self, me: Eyes, post: Post) -> bool:
        """One's own, and what others let one read."""
        return not post.deleted and (post.author is me or self.lets(post.author, post.level, me))

    def reads_comment(self, me: Eyes, comment: Comment) -> bool:
        """Who sees the post hears the conversation, but for those a block keeps apart."""
        return self.reads_post(me, comment.post) and self.knows(me, comment.author)

    def has_come_to(self, me: Eyes, thing: Post | Comment) -> bool:
        """Tell whether a thing keeps no secret of a story from this viewer."""
        book = thing.post.book if isinstance(thing, Comment) else thing.book
        if thing.until is None or book is None or thing.author is me:
            return True
        if me is None:
            return False
        reached = [self.locations.get((me, book), -1)]
        if (me, book) in self.percents and book.locations is not None:
            reached.append(floor(self.percents[me, book] * book.locations / 100))
        return max(reached) >= thing.until

    def wants_to_meet(self, me: Eyes, post: Post) -> bool:
        """Tell whether nothing of a post is muted."""
        targets: tuple[object, ...] = (post.author, post.book, post.word, post)
        return me is None or not any((me, target) in self.mutes for target in targets)

    # --- the deeds ---

    def follow(self, me: Reader, other: Reader) -> None:
        """Follow, or ask to."""
        self._meets(me, other)
        if (me, other) in self.follows | self.requests:
            return
        if not other.accepts:
            raise Refused("FORBIDDEN")
        (self.requests if other.private else self.follows).add((me, other))

    def unfollow(self, me: Reader, other: Reader) -> None:
        """End it, or the wish."""
        self._meets(me, other)
        self._part(me, other)

    def remove_follower(self, me: Reader, other: Reader) -> None:
        """Take a follower away."""
        self._meets(me, other)
        self._part(other, me)

    def respond(self, me: Reader, other: Reader, *, accept: bool) -> None:
        """Let one in who asked, or do not."""
        self._meets(me, other)
        asked = (other, me) in self.requests
        if not asked and not (accept and (other, me) in self.follows):
            raise Refused("NOT_FOUND")
        self.requests.discard((other, me))
        if asked and accept:
            self.follows.add((other, me))

    def block(self, me: Reader, other: Reader) -> None:
        """Shut one out: all that was between them ends."""
        if (other, me) in self.blocks:
            raise Refused("NOT_FOUND")
        self.blocks.add((me, other))
        self._part(me, other)
        self._part(other, me)

    def unblock(self, me: Reader, other: Reader) -> None:
        """Take a block away; what it ended stays ended."""
        if (other, me) in self.blocks:
            raise Refused("NOT_FOUND")
        self.blocks.discard((me, other))

    def set_private(self, me: Reader, *, to: bool) -> None:
        """Close the account or open it; all who wait are let in then."""
        me.private = to
        waiting = {pair for pair in self.requests if pair[1] is me and not to}
        self.requests -= waiting
        self.follows |= waiting

    def mute(self, me: Reader, target: object) -> None:
        """Wish not to meet something."""
        if isinstance(target, Reader):
            self._meets(me, target)
        if isinstance(target, Post) and not self.reads_post(me, target):
            raise Refused("NOT_FOUND")
        self.mutes.add((me, target))

    def touch_mark(self, me: Reader, mark: Mark, *, alive: bool | None = None, level: Visibility | None = None) -> None:
        """Change one's own highlight, delete or restore it."""
        if mark.owner is not me or (level is not None and mark.deleted):
            raise Refused("NOT_FOUND")
        mark.level = level or mark.level
        mark.deleted = mark.deleted if alive is None else not alive

    def touch_post(self, me: Reader, post: Post, *, alive: bool) -> None:
        """Delete or restore a post, which only its author may."""
        if post.author is not me:
            raise Refused("FORBIDDEN" if self.reads_post(me, post) else "NOT_FOUND")
        post.deleted = not alive

    def comment(self, me: Reader, post: Post, parent: Comment | None) -> None:
        """Tell whether one may answer here; the answer itself is added by who made it."""
        if not self.reads_post(me, post) or (parent is not None and not self.reads_comment(me, parent)):
            raise Refused("NOT_FOUND")

    def reach(self, me: Reader, book: Volume, *, location: int | None = None, percent: int | None = None) -> None:
        """Read on; the furthest counts."""
        for told, reached in ((location, self.locations), (percent, self.percents)):
            if told is not None:
                reached[me, book] = max(told, reached.get((me, book), 0))

    def _meets(self, me: Reader, other: Reader) -> None:
        if not self.knows(me, other):
            raise Refused("NOT_FOUND")

    def _part(self, follower: Reader, followed: Reader) -> None:
        self.follows.discard((follower, followed))
        self.requests.discard((follower, followed))
