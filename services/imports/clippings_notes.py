"""Notes find their highlights: a note stands at one location, before or after its highlight, sometimes far away."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from services.imports.clippings_collapse import Passage, Recent, Version, buckets, contains, same_people
from services.imports.clippings_labels import Place
from services.imports.entries import MAX_NOTE

_AT_END, _INSIDE, _AT_START, _ON_PAGE = range(4)


@dataclass(frozen=True, slots=True)
class Note:
    """One note as one record tells it."""

    index: int
    line: int
    title: str
    authors: tuple[str, ...]
    book: str
    text: str
    place: Place
    date: datetime | None


@dataclass(slots=True)
class Attached:
    """The notes of one passage: by place, because a corrected note is written again at the same place."""

    by_place: dict[int | str | None, Note] = field(default_factory=dict)

    def joined(self) -> tuple[str | None, int, list[Note]]:
        """Return the text of all notes in the order of their places, their number, and those that no longer fit."""
        notes = sorted(self.by_place.values(), key=lambda note: (note.place.start or 0, note.index))
        text, used, surplus = "", 0, list[Note]()
        for note in notes:
            longer = f"{text}\n\n{note.text}" if text else note.text
            if len(longer) > MAX_NOTE:
                surplus.append(note)
            else:
                text, used = longer, used + 1
        return text or None, used, surplus


class NoteFinder:
    """Attaches notes to passages of the same title.

    The rule, measured on real files: a note belongs to the highlight that ends at its location, else to the one around
    it, else to the one that starts there; without locations, to one on its page. Among equals, in this order: the same
    second, the neighbour in the file, a passage whose note it repeats or continues, the nearest in the file. A place
    that an older version of the passage had counts too. A later note at the same place of the same passage replaces
    the earlier one; notes at different places of one passage are all kept.
    """

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._ends = Recent[Passage]()
        self._starts = Recent[Passage]()
        self._around = Recent[tuple[int, int, Passage]]()
        self._pages = Recent[Passage]()
        self._dates: dict[int, set[datetime | None]] = {}
        self.notes: dict[int, Attached] = {}
        self.replaced = 0
        for passage in passages:
            self._dates[id(passage)] = {version.date for version in passage.versions if version.date is not None}
            for version in passage.versions:
                self._learn(passage, version)

    def attach(self, note: Note) -> bool:
        """Attach the next note of the file; False when there is no highlight for it."""
        candidates = list(self._candidates(note))
        if not candidates:
            return False
        _, passage = min(candidates, key=lambda candidate: self._rank(note, *candidate))
        attached = self.notes.setdefault(id(passage), Attached())
        spot = note.place.start if note.place.start is not None else note.place.page
        if spot in attached.by_place:
            self.replaced += 1
        attached.by_place[spot] = note
        return True

    def of(self, passage: Passage) -> Attached:
        """Return what was attached to a passage."""
        return self.notes.get(id(passage), Attached())

    def _learn(self, passage: Passage, version: Version) -> None:
        place = version.place
        if place.start is None or place.end is None:
            if place.page is not None:
                self._pages.add((version.book, place.page), passage)
            return
        self._ends.add((version.book, place.end), passage)
        self._starts.add((version.book, place.start), passage)
        for bucket in buckets(version.book, place):
            self._around.add(bucket, (place.start, place.end, passage))
        if place.page is not None:
            self._pages.add((version.book, place.page), passage)

    def _candidates(self, note: Note) -> Iterator[tuple[int, Passage]]:
        at = note.place.start
        if at is None:
            if note.place.page is not None:
                yield from ((_ON_PAGE, passage) for passage in self._pages.get((note.book, note.place.page)))
            return
        yield from ((_AT_END, passage) for passage in self._ends.get((note.book, at)))
        for bucket in buckets(note.book, note.place):
            for start, end, passage in self._around.get(bucket):
                if start < at < end:
                    yield _INSIDE, passage
        yield from ((_AT_START, passage) for passage in self._starts.get((note.book, at)))

    def _rank(self, note: Note, how: int, passage: Passage) -> tuple[int | bool, ...]:
        place = passage.current.place
        distance = passage.nearest(note.index)
        at = note.place.start
        outdated = at is not None and not (
            place.start is not None and place.end is not None and place.start <= at <= place.end
        )
        earlier = self.notes.get(id(passage), Attached()).by_place.get(at if at is not None else note.place.page)
        return (
            not same_people(note.authors, passage.current.authors),
            how,
            outdated,
            note.date not in self._dates[id(passage)],
            distance > 1,
            earlier is None or not contains(earlier.text, note.text),
            distance,
        )
