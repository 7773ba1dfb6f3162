"""What readers do with posts: like, pass on, comment, answer comments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from commands.large import words
from commands.large.people import People
from commands.large.plan import Load, Lots, Plan, key_at, listed, shuffled
from commands.large.writing import Note, Writing
from models import Comment, CommentLike, Like, Repost
from models.posts import Fanout

LIKES, COMMENTS, REPOSTS = 1_100_000, 300_000, 80_000
"""So many are dealt out; a tenth falls where few or none may see the post."""
REPLIES, DEEPEST, WITH_SPOILER = 0.55, 6, 0.1
LIKES_A_COMMENT = 1.1
"""The rate of an exponential law, rounded down: one in three has any."""


@dataclass(slots=True)
class Said:
    """A comment of a post that is being talked about."""

    id: UUID
    user: int
    parent: "Said | None"
    depth: int
    created_at: datetime
    likes: int
    replies: int = 0


class Answers:
    """All likes, reposts and comments; each post's counts are known before its rows are made."""

    def __init__(self, plan: Plan, people: People, writing: Writing) -> None:
        self._plan = plan
        self._people = people
        self._writing = writing
        chance, n = plan.random("answers"), len(people)
        self._eager = shuffled(chance, n)
        self._lots = Lots(n, steepness=0.4)
        dealt = [self._dealt(chance, full) for full in (LIKES, COMMENTS, REPOSTS)]
        self.counts = [self._possible(note, *wanted) for note, *wanted in zip(writing.notes, *dealt, strict=True)]
        """Of each post: likes, comments, reposts."""

    def loads(self) -> Iterator[Load]:
        """Make the rows of all that posts were answered with."""
        likes, comments, reposts = (sum(numbers) for numbers in zip(*self.counts, strict=True))
        yield Load(Like, ("post_id", "user_id", "created_at"), self._likes(), likes)
        yield Load(Repost, ("post_id", "user_id", "fanout", "created_at"), self._reposts(), reposts)
        liked: list[tuple[Note, Said]] = []
        yield Load(Comment, _COMMENT, self._comments(liked), comments)
        # Whoever takes the loads has taken all comments by now.
        yield listed(CommentLike, ("comment_id", "user_id", "created_at"), self._comment_likes(liked))

    def _dealt(self, chance: Random, full: int) -> list[int]:
        posts = len(self._writing.notes)
        counts = Lots(posts, steepness=0.7, offset=5).spread(chance, self._plan.count(full))
        return [counts[place] for place in shuffled(chance, posts)]

    def _possible(self, note: Note, likes: int, comments: int, reposts: int) -> tuple[int, int, int]:
        audience = self._writing.audience(note)
        if audience is None:
            most = len(self._people) - 1
            return min(likes, most), comments, 0 if note.deleted_at else min(reposts, most)
        # Only what everybody sees can be passed on.
        return min(likes, len(audience)), comments if audience else 0, 0

    def _some(self, chance: Random, note: Note, count: int) -> list[int]:
        if not count:
            return []
        audience = self._writing.audience(note)
        if audience is not None:
            return chance.sample(audience, count)
        return [
            number
            for number in (self._eager[turn] for turn in self._lots.distinct(chance, count + 1))
            if number != note.author
        ][:count]

    def _likes(self) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("likes")
        for note, (count, _, _) in zip(self._writing.notes, self.counts, strict=True):
            for number in self._some(chance, note, count):
                yield note.id, self._people.persons[number].id, self._plan.moment(chance, note.created_at)

    def _reposts(self) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("reposts")
        for note, (_, _, count) in zip(self._writing.notes, self.counts, strict=True):
            for number in self._some(chance, note, count):
                fanout = Fanout.PULL if self._people.pulled(number) else Fanout.PUSH
                yield note.id, self._people.persons[number].id, fanout, self._plan.moment(chance, note.created_at)

    def _comments(self, liked: list[tuple[Note, Said]]) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("comments")
        for note, (_, count, _) in zip(self._writing.notes, self.counts, strict=True):
            if not count:
                continue
            for said in (thread := self._thread(chance, note, count)):
                yield self._comment(chance, note, said)
            liked += ((note, said) for said in thread if said.likes)

    def _thread(self, chance: Random, note: Note, count: int) -> list[Said]:
        audience = self._writing.audience(note)
        thread: list[Said] = []
        for at in sorted(self._plan.moment(chance, note.created_at) for _ in range(count)):
            parent = chance.choice(thread) if thread and chance.random() < REPLIES else None
            if parent and parent.depth == DEEPEST:
                parent = parent.parent
            if parent:
                parent.replies += 1
            user = self._eager[self._lots.draw(chance, 1)[0]] if audience is None else chance.choice(audience)
            likes = int(chance.expovariate(LIKES_A_COMMENT))
            if audience is not None:
                likes = min(likes, len(audience))
            depth = parent.depth + 1 if parent else 0
            thread.append(Said(key_at(chance, at), user, parent, depth, at, likes))
        return thread

    def _comment(self, chance: Random, note: Note, said: Said) -> Sequence[Any]:
        pieces = words.reply(chance)
        spoiler = note.spoiler_until if chance.random() < WITH_SPOILER else None
        return (
            *(said.id, note.id, said.parent.id if said.parent else None, self._people.persons[said.user].id),
            *(" ".join(pieces), words.words(pieces), spoiler),
            *(said.depth, said.likes, said.replies, said.created_at),
        )

    def _comment_likes(self, liked: list[tuple[Note, Said]]) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("likes of comments")
        for note, said in liked:
            for number in self._some(chance, note, said.likes):
                yield said.id, self._people.persons[number].id, self._plan.moment(chance, said.created_at)


_COMMENT = (
    *("id", "post_id", "parent_id", "user_id", "text", "words", "spoiler_until_location"),
    *("depth", "like_count", "reply_count", "created_at"),
)
