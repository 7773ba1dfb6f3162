"""Posts: who writes them, about what, for whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from commands.large import words
from commands.large.library import Library
from commands.large.people import People
from commands.large.plan import Load, Lots, Plan, key_at, listed
from models import Post, PostHashtag, PostMention
from models.posts import Fanout
from models.profiles import Visibility

POSTS, TAGS = 300_000, 4_000
WITH_BOOK, WITH_SPOILER, WITH_TAGS, WITH_MENTION, DELETED = 0.1, 0.03, 0.3, 0.03, 0.005
VISIBILITIES = (
    *(Visibility.PUBLIC,) * 43,
    *(Visibility.FOLLOWERS,) * 5,
    Visibility.MUTUALS,
    Visibility.PRIVATE,
)
UNDO = timedelta(days=20)
"""A deleted post was deleted within so many days: it can still be restored."""


@dataclass(frozen=True, slots=True)
class Note:
    """A post, but for its words."""

    id: UUID
    author: int
    created_at: datetime
    deleted_at: datetime | None
    visibility: Visibility
    book: int | None
    spoiler_until: int | None


class Writing:
    """All posts, the oldest first."""

    def __init__(self, plan: Plan, people: People, library: Library) -> None:
        self._plan = plan
        self._people = people
        self._library = library
        chance, count = plan.random("posts"), plan.count(POSTS)
        authors = Lots(len(people), steepness=0.6, offset=10).draw(chance, count)
        times = sorted(plan.moment(chance) for _ in range(count))
        self.notes = [self._note(chance, author, at) for author, at in zip(authors, times, strict=True)]
        self.post_counts = [0] * len(people)
        for note in self.notes:
            self.post_counts[note.author] += note.deleted_at is None

    def audience(self, note: Note) -> Sequence[int] | None:
        """List who may see a post besides its author; None for everybody."""
        followers = self._people.followers[note.author]
        match note.visibility:
            case Visibility.PRIVATE:
                return ()
            case Visibility.MUTUALS:
                return [number for number in followers if (note.author, number) in self._people.pairs]
            case Visibility.FOLLOWERS:
                return followers
        return followers if self._people.persons[note.author].is_private else None

    def loads(self, counts: Sequence[tuple[int, int, int]]) -> Iterator[Load]:
        """Make the rows of posts, given how many likes, comments and reposts each has."""
        tags: list[Sequence[Any]] = []
        mentions: list[Sequence[Any]] = []
        rows = self._rows(counts, tags, mentions)
        yield Load(Post, _POST, rows, len(self.notes))
        # Whoever takes the loads has taken all posts by now.
        yield listed(PostHashtag, ("post_id", "tag", "position", "created_at"), tags)
        yield listed(PostMention, ("post_id", "user_id", "position"), mentions)

    def _note(self, chance: Random, author: int, at: datetime) -> Note:
        book = spoiler = None
        if chance.random() < WITH_BOOK:
            (book,) = self._library.popular.draw(chance, 1)
            if chance.random() < WITH_SPOILER / WITH_BOOK:
                spoiler = chance.randrange(1, self._library.volumes[book].locations)
        deleted = max(at, self._plan.until - UNDO * chance.random()) if chance.random() < DELETED else None
        return Note(key_at(chance, at), author, at, deleted, chance.choice(VISIBILITIES), book, spoiler)

    def _rows(
        self, counts: Sequence[tuple[int, int, int]], tags: list[Sequence[Any]], mentions: list[Sequence[Any]]
    ) -> Iterator[Sequence[Any]]:
        chance, known = self._plan.random("words of posts"), Lots(self._plan.count(TAGS), steepness=1.0)
        for note, tally in zip(self.notes, counts, strict=True):
            said = words.remark(chance)
            if chance.random() < WITH_MENTION:
                other = self._people.persons[chance.randrange(len(self._people))]
                said.append(f"@{other.username}")
                mentions.append((note.id, other.id, 0))
            if chance.random() < WITH_TAGS:
                for place, number in enumerate(known.distinct(chance, chance.randint(1, 3))):
                    said.append(f"#{words.tag(number)}")
                    tags.append((note.id, words.tag(number), place, note.created_at))
            yield (
                *(note.id, self._people.persons[note.author].id, " ".join(said), words.words(said), note.visibility),
                None if note.book is None else self._library.volumes[note.book].id,
                note.spoiler_until,
                Fanout.PULL if self._people.pulled(note.author) else Fanout.PUSH,
                *tally,
                *(note.created_at, note.deleted_at),
            )


_POST = (
    *("id", "user_id", "text", "words", "visibility", "book_id", "spoiler_until_location", "fanout"),
    *("like_count", "comment_count", "repost_count", "created_at", "deleted_at"),
)
