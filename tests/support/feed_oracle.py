"""What a home feed is, said naively: plain sets and loops over the whole history, one reader at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from models.profiles import Visibility


@dataclass
class Written:
    """A post, as its author wrote it."""

    id: UUID
    author: UUID
    at: datetime
    visibility: Visibility
    book: UUID | None
    words: frozenset[str]
    is_deleted: bool = False


@dataclass(frozen=True)
class Shown:
    """A post in a feed: the moment it stands at, and who is named as having passed it on."""

    at: datetime
    post: UUID
    by: UUID | None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where in the feed it stands."""
        return self.at, self.post


@dataclass
class FeedOracle:
    """Everything that has happened and has not been undone."""

    posts: dict[UUID, Written] = field(default_factory=dict)
    reposts: dict[tuple[UUID, UUID], datetime] = field(default_factory=dict)
    """(post, reader who passed it on): when."""
    follows: set[tuple[UUID, UUID]] = field(default_factory=set)
    requests: set[tuple[UUID, UUID]] = field(default_factory=set)
    blocks: set[tuple[UUID, UUID]] = field(default_factory=set)
    private: set[UUID] = field(default_factory=set)
    mutes: set[tuple[UUID, str, UUID | str]] = field(default_factory=set)
    """(reader, kind, what): kind is user, book, post or word."""

    # --- what a reader sees ---

    def feed(self, viewer: UUID) -> Sequence[Shown]:
        """List a reader's whole home feed, newest first."""
        shown = (self._entry(viewer, post) for post in self.posts.values())
        return sorted((one for one in shown if one is not None), key=lambda one: one.place, reverse=True)

    def _entry(self, viewer: UUID, post: Written) -> Shown | None:
        if not self.may_see(viewer, post) or self._is_muted(viewer, post):
            return None
        passed_on = {
            who: at for (one, who), at in self.reposts.items() if one == post.id and self._is_heard(viewer, who)
        }
        if passed_on:
            at, who = max((at, who) for who, at in passed_on.items())
            return Shown(at, post.id, who)
        return Shown(post.at, post.id, None) if self._is_heard(viewer, post.author) else None

    def _is_heard(self, viewer: UUID, who: UUID) -> bool:
        return who == viewer or ((viewer, who) in self.follows and (viewer, "user", who) not in self.mutes)

    def may_see(self, viewer: UUID, post: Written) -> bool:
        """Tell whether a reader may read a post at all."""
        if post.is_deleted or (viewer, post.author) in self.blocks or (post.author, viewer) in self.blocks:
            return False
        if viewer == post.author:
            return True
        follows, followed = (viewer, post.author) in self.follows, (post.author, viewer) in self.follows
        match post.visibility:
            case Visibility.PUBLIC:
                return follows or post.author not in self.private
            case Visibility.FOLLOWERS:
                return follows
            case Visibility.MUTUALS:
                return follows and followed
            case _:
                return False

    def _is_muted(self, viewer: UUID, post: Written) -> bool:
        if viewer == post.author:  # nobody's own words are hidden from them
            return False
        mutes = {(kind, what) for who, kind, what in self.mutes if who == viewer}
        targets = [("user", post.author), ("book", post.book), ("post", post.id)]
        return any(target in mutes for target in [*targets, *(("word", word) for word in post.words)])

    # --- what happens ---

    def follow(self, who: UUID, whom: UUID) -> None:
        """Follow, or ask to."""
        if (who, whom) not in self.follows:
            (self.requests if whom in self.private else self.follows).add((who, whom))

    def part(self, who: UUID, whom: UUID) -> None:
        """End that somebody follows, or asks to follow, another."""
        self.follows.discard((who, whom))
        self.requests.discard((who, whom))

    def answer(self, who: UUID, whom: UUID, *, accept: bool) -> None:
        """Let one who asks follow, or not."""
        self.requests.discard((who, whom))
        if accept:
            self.follows.add((who, whom))

    def block(self, who: UUID, whom: UUID) -> None:
        """Shut somebody out: nobody of the two follows the other any more."""
        self.part(who, whom)
        self.part(whom, who)
        self.blocks.add((who, whom))

    def is_shut(self, one: UUID, other: UUID) -> bool:
        """Tell whether a block stands between two."""
        return (one, other) in self.blocks or (other, one) in self.blocks

    def set_private(self, who: UUID, *, is_private: bool) -> None:
        """Close an account, or open it: whoever asked is let in then."""
        if is_private:
            self.private.add(who)
            return
        self.private.discard(who)
        for asking, asked in list(self.requests):
            if asked == who:
                self.answer(asking, asked, accept=True)
