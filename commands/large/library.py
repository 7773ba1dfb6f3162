"""Books, what readers marked in them, and how far they got."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from commands.large import words
from commands.large.people import People
from commands.large.plan import ACCOUNTS, SPAN, Load, Lots, Plan, key_at, listed, shuffled
from models import Book, BookHolder, DevicePosition, Highlight, ReadingPosition
from models.highlights import HighlightColor
from models.profiles import Visibility
from services.catalog import match_key

BOOKS, HIGHLIGHTS = 50_000, 300_000
WITHOUT_ISBN, WITH_NOTE, WITH_POSITION = 0.2, 0.25, 0.7
MARKS_A_BOOK = 4
VISIBILITIES = (
    *(Visibility.PRIVATE,) * 12,
    *(Visibility.FOLLOWERS,) * 4,
    *(Visibility.PUBLIC,) * 3,
    Visibility.MUTUALS,
)
WRITER = "elsewhere"


@dataclass(frozen=True, slots=True)
class Volume:
    """A book."""

    id: UUID
    title: str
    author: str
    isbn: str | None
    locations: int
    created_at: datetime


class Library:
    """All books, and each reader's shelf."""

    def __init__(self, plan: Plan, people: People) -> None:
        self._plan = plan
        self._people = people
        chance = plan.random("books")
        self.volumes = [self._volume(chance, number) for number in range(plan.count(BOOKS))]
        self.popular = Lots(len(self.volumes), steepness=0.7, offset=5)
        chance = plan.random("shelves")
        self.seqs = [0] * len(people)
        """How many highlights each reader has."""
        dealt = Lots(len(people), steepness=0.6, offset=3).spread(chance, plan.count(HIGHLIGHTS))
        for number, count in zip(shuffled(chance, len(people)), dealt, strict=True):
            self.seqs[number] = count
        self.shelves = [
            self.popular.distinct(chance, 1 + count // MARKS_A_BOOK) if count else [] for count in self.seqs
        ]

    def _volume(self, chance: Random, number: int) -> Volume:
        at = self._plan.until - SPAN - ACCOUNTS * chance.random()
        isbn = None if chance.random() < WITHOUT_ISBN else isbn_of(number)
        author = " ".join(words.name(chance))
        return Volume(key_at(chance, at), words.title(chance, number + 1), author, isbn, chance.randint(900, 9_000), at)

    def loads(self) -> Iterator[Load]:
        """Make the rows of books, and of what readers did in them."""
        holders = Counter(book for shelf in self.shelves for book in shelf)
        yield Load(Book, _BOOK, self._books(holders), len(self.volumes))
        yield listed(BookHolder, ("user_id", "book_id", "created_at"), self._holders())
        yield Load(Highlight, _HIGHLIGHT, self._highlights(), sum(self.seqs))
        places = list(self._places())
        positions = ((*place, 1, place[-1]) for place in places)
        yield Load(ReadingPosition, (*_PLACE, "revision", "changed_at"), positions, len(places))
        yield Load(DevicePosition, _DEVICE_PLACE, ((*place[1:6], place[-1]) for place in places), len(places))

    def _books(self, holders: Counter[int]) -> Iterator[Sequence[Any]]:
        for number, volume in enumerate(self.volumes):
            is_public = volume.isbn is not None or holders[number] >= self._plan.public_from
            key = match_key(volume.title, (volume.author,))
            yield (
                *(volume.id, volume.title, [volume.author], key, volume.isbn, volume.locations, is_public),
                volume.created_at,
            )

    def _holders(self) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("holders")
        for person, shelf in zip(self._people.persons, self.shelves, strict=True):
            for book in shelf:
                yield person.id, self.volumes[book].id, self._plan.moment(chance)

    def _highlights(self) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("highlights")
        for person, shelf, count in zip(self._people.persons, self.shelves, self.seqs, strict=True):
            # What is marked later has the higher number.
            times = sorted(self._plan.moment(chance) for _ in range(count))
            for seq, at in enumerate(times, 1):
                yield self._highlight(chance, person.id, self.volumes[chance.choice(shelf)], seq, at)

    def _highlight(self, chance: Random, user_id: UUID, volume: Volume, seq: int, at: datetime) -> Sequence[Any]:
        text = words.passage(chance)
        start = chance.randrange(volume.locations - 600)
        note = words.claim(chance) if chance.random() < WITH_NOTE else None
        return (
            *(user_id, key_at(chance, at), volume.id, seq, text),
            *(start, start + len(text), round(100 * start / volume.locations, 1), note),
            *(chance.choice(COLORS), chance.choice(VISIBILITIES)),
            *(seq, at) * 5,
            *(at, at),
        )

    def _places(self) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("places")
        for person, shelf in zip(self._people.persons, self.shelves, strict=True):
            for book in shelf:
                if chance.random() >= WITH_POSITION:
                    continue
                volume, at = self.volumes[book], self._plan.moment(chance)
                location = chance.randrange(volume.locations)
                furthest = chance.randint(location, volume.locations)
                percents = (round(100 * place / volume.locations, 1) for place in (location, furthest))
                percent, furthest_percent = percents
                yield (
                    *(key_at(chance, at), person.id, volume.id, WRITER, location, percent),
                    *(furthest, furthest_percent, at),
                )


def isbn_of(number: int) -> str:
    """Make an ISBN-13 of the American block for whoever publishes alone."""
    stem = f"9798{number:08}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(stem))
    return stem + str(-total % 10)


COLORS = tuple(HighlightColor)
_BOOK = ("id", "title", "authors", "match_key", "isbn", "total_locations", "is_public", "created_at")
_REGISTERS = ("passage", "note", "color", "visibility", "life")
_HIGHLIGHT = (
    *("user_id", "id", "book_id", "seq", "text", "location_start", "location_end", "percent", "note"),
    *("color", "visibility"),
    *(f"{register}_{stamp}" for register in _REGISTERS for stamp in ("seq", "at")),
    *("created_at", "updated_at"),
)
_PLACE = (
    *("id", "user_id", "book_id", "writer", "location", "percent"),
    *("furthest_location", "furthest_percent", "recorded_at"),
)
_DEVICE_PLACE = ("user_id", "book_id", "writer", "location", "percent", "recorded_at")
