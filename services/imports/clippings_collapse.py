"""Several versions of one passage become one: the device never removes an old version from its file."""

import bisect
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from services.imports.clippings_keys import place_key
from services.imports.clippings_labels import Place

LOCATIONS_PER_BUCKET = 16
# A passage wider than this many buckets is only found at its start; a bucket remembers its latest passages. Both keep
# the time linear for files nobody wrote by hand.
_MOST_BUCKETS = 16
_REMEMBERED = 64
_DAY = timedelta(days=1)
_SHORTEST_OVERLAP = 12
_MOST_TRIES = 8
# Below this code point the scripts put blanks between words.
_FIRST_UNSPACED_SCRIPT = 0x2E80


T = TypeVar("T")
Spot = tuple[str, str | int | None]


class Recent(Generic[T]):
    """An index that remembers the latest few values of every spot of a book."""

    def __init__(self) -> None:
        self._values: dict[Spot, list[T]] = {}

    def add(self, spot: Spot, value: T) -> None:
        """Remember a value, and forget the oldest of its spot when there are too many."""
        # Lists, because most spots hold one value and an empty deque takes ten times the memory.
        values = self._values.setdefault(spot, [])
        if not values or values[-1] != value:
            values.append(value)
        if len(values) > _REMEMBERED:
            del values[0]

    def get(self, spot: Spot) -> Iterable[T]:
        """Return the values of a spot, oldest first."""
        return self._values.get(spot, ())


@dataclass(frozen=True, slots=True)
class Version:
    """One highlight as one record tells it; `index` counts records, `wording` is the text for comparisons."""

    index: int
    line: int
    title: str
    authors: tuple[str, ...]
    book: str
    text: str
    wording: str
    place: Place
    date: datetime | None
    truncated: bool


@dataclass(slots=True, eq=False)
class Passage:
    """All versions of one highlight in the order of the file; `current` is the one that won.

    `keys` starts with the identity of the passage, given when its oldest version was read; the others are those of
    later versions and of passages that were merged into this one.
    """

    versions: list[Version]
    current: Version
    keys: list[str]
    merged_into: "Passage | None" = field(default=None)

    def nearest(self, index: int) -> int:
        """Return how many records lie between that record and the nearest version."""
        at = bisect.bisect(self.versions, index, key=lambda version: version.index)
        return min(abs(version.index - index) for version in self.versions[max(at - 1, 0) : at + 1])

    def first_date(self) -> datetime | None:
        """Return when the present wording was first marked."""
        same = (version.date for version in self.versions if version.wording == self.current.wording)
        return min((date for date in same if date is not None), default=None)


def resolve(passage: Passage) -> Passage:
    """Return the passage that holds the versions of this one now."""
    while passage.merged_into is not None:
        if passage.merged_into.merged_into is not None:
            passage.merged_into = passage.merged_into.merged_into
        passage = passage.merged_into
    return passage


def buckets(book: str, place: Place) -> Iterator[Spot]:
    """Yield the index entries of a place: stretches of locations, else the page."""
    if place.start is None or place.end is None:
        yield book, place.page
        return
    first, last = place.start // LOCATIONS_PER_BUCKET, place.end // LOCATIONS_PER_BUCKET
    for number in range(first, min(last, first + _MOST_BUCKETS) + 1):
        yield book, number


class Collapser:
    """Takes the highlights of a file in its order and keeps one passage for all versions of each.

    The rule: the version written last wins, even when it is shorter. Versions more than a day apart (or of unknown
    date) stay two passages, unless one text contains the other. A text that was cut by the clipping limit never wins
    over a whole text that contains it.
    """

    def __init__(self) -> None:
        self._passages: list[Passage] = []
        self._index = Recent[Passage]()
        self._repeats = Counter[str]()
        self._exact: dict[tuple[str, Place, str], Passage] = {}

    def add(self, version: Version) -> None:
        """Take the next highlight."""
        identity = (version.book, version.place, version.wording)
        repeated = self._exact.get(identity)
        related = [resolve(repeated)] if repeated is not None else self._related(version)
        if related:
            passage = related[0]
            for other in related[1:]:
                self._merge(passage, other)
            self._append(passage, version)
        else:
            passage = Passage([version], version, [self._new_key(version)])
            self._passages.append(passage)
        self._exact[identity] = passage
        self._remember(passage)

    def passages(self) -> list[Passage]:
        """Return the passages, each where its oldest version stands."""
        return [passage for passage in self._passages if passage.merged_into is None]

    def _new_key(self, version: Version) -> str:
        bare = place_key(version.book, version.place, version.wording)
        self._repeats[bare] += 1
        repeat = self._repeats[bare] - 1
        return place_key(version.book, version.place, version.wording, repeat) if repeat else bare

    def _related(self, version: Version) -> list[Passage]:
        found: dict[int, Passage] = {}
        for bucket in buckets(version.book, version.place):
            for candidate in self._index.get(bucket):
                passage = resolve(candidate)
                if id(passage) not in found and _supersedes(version, passage.current):
                    found[id(passage)] = passage
        return sorted(found.values(), key=lambda passage: passage.versions[0].index)

    def _remember(self, passage: Passage) -> None:
        for bucket in buckets(passage.current.book, passage.current.place):
            self._index.add(bucket, passage)

    @staticmethod
    def _append(passage: Passage, version: Version) -> None:
        passage.versions.append(version)
        passage.keys.append(place_key(version.book, version.place, version.wording))
        current = passage.current
        cut_wording = version.wording.rstrip(".\u2026 ")
        is_cut = version.truncated and not current.truncated and contains(current.wording, cut_wording)
        if not is_cut:
            passage.current = version

    @staticmethod
    def _merge(passage: Passage, other: Passage) -> None:
        for version in other.versions:
            bisect.insort(passage.versions, version, key=lambda version: version.index)
        passage.current = max(passage.current, other.current, key=lambda version: version.index)
        passage.keys.extend(other.keys)
        other.merged_into = passage


def contains(one: str, other: str) -> bool:
    """Tell whether one wording holds the other; a short one counts inside only as whole words."""
    long, short = (one, other) if len(one) >= len(other) else (other, one)
    if long.startswith(short):
        return True
    if len(short) >= _SHORTEST_OVERLAP:
        return short in long
    at = -1
    for _ in range(_MOST_TRIES):
        at = long.find(short, at + 1)
        if at < 0:
            return False
        if _is_edge(long, at) and _is_edge(long, at + len(short)):
            return True
    return False


def same_people(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether two lists of authors may be the same people, written in another order or not at all."""
    if not one or not other:
        return True
    return not _names(one).isdisjoint(_names(other))


def _supersedes(new: Version, old: Version) -> bool:
    shared = _shared_locations(new.place, old.place)
    if shared == 0:
        return False
    if contains(new.wording, old.wording):
        return True
    if new.date is None or old.date is None or abs(new.date - old.date) > _DAY:
        return False
    # Passages that share two locations share the boundary between them, so they overlap whatever they say. Within one
    # location (two lines of print) or one page two different passages are common, so the texts have to tell.
    if shared > 1 and same_people(new.authors, old.authors):
        return True
    return _overlaps(new.wording, old.wording) or _overlaps(old.wording, new.wording)


def _shared_locations(one: Place, other: Place) -> int:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        both_by_page = one.start is None and other.start is None and one.page is not None
        return 1 if both_by_page and one.page == other.page else 0
    return max(0, min(one.end, other.end) - max(one.start, other.start) + 1)


def _overlaps(first: str, second: str) -> bool:
    head = second[:_SHORTEST_OVERLAP]
    at = max(0, len(first) - len(second))
    for _ in range(_MOST_TRIES):
        at = first.find(head, at)
        if at < 0 or len(head) < _SHORTEST_OVERLAP:
            return False
        if second.startswith(first[at:]):
            return True
        at += 1
    return False


def _is_edge(text: str, at: int) -> bool:
    if at == 0 or at == len(text):
        return True
    before, after = text[at - 1], text[at]
    return not (before.isalnum() and after.isalnum() and ord(before) < _FIRST_UNSPACED_SCRIPT)


def _names(authors: tuple[str, ...]) -> frozenset[str]:
    words = frozenset(word.strip(".,()").casefold() for author in authors for word in author.split())
    # Initials and "de" are shared by half the world, so they only count where there is nothing else.
    return frozenset(word for word in words if len(word) > 2) or words  # noqa: PLR2004
