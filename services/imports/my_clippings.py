"""The file My Clippings.txt of e-readers, of every generation, and the variant that KOReader writes."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from services.imports.clippings_collapse import Collapser, Passage, Version
from services.imports.clippings_dates import load_zone, to_utc
from services.imports.clippings_grammar import Kind
from services.imports.clippings_keys import normal_text, normal_title
from services.imports.clippings_labels import Details
from services.imports.clippings_languages import LANGUAGES
from services.imports.clippings_notes import Note, NoteFinder
from services.imports.clippings_records import RawRecord, read_records
from services.imports.clippings_titles import split_title
from services.imports.entries import MAX_NOTE, MAX_TEXT, MAX_TITLE, ImportedEntry, ImportProblem, ParsedImport

_EXCERPT = 160
_REASONS = {
    Kind.BOOKMARK: "bookmark: it has no text",
    Kind.CLIP: "article clip: a whole article, not a passage",
    Kind.FOREIGN: "language not supported yet",
}


def parse(content: str, *, time_zone: str = "UTC") -> ParsedImport:
    """Read a whole clippings file.

    `time_zone` is the IANA name of the zone the reader lives in: devices write local times without one. Entries and
    problems stand in the order of the file. Raises ValueError, with a sentence for the reader, for an unknown time
    zone and for a text that holds no clipping at all.
    """
    reading = _Reading(load_zone(time_zone))
    recognised = False
    for index, record in enumerate(read_records(content)):
        recognised = recognised or record.details is not None
        reading.take(index, record)
    if not recognised:
        raise ValueError("This is not a clippings file: it holds no record that could be recognised.")
    return reading.result()


class _Reading:
    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._collapser = Collapser()
        self._notes: list[Note] = []
        self._problems: list[ImportProblem] = []
        self._skipped_highlights: dict[tuple[str, int | str | None], int] = {}
        self._records = 0

    def take(self, index: int, record: RawRecord) -> None:
        self._records += 1
        title, authors = split_title(record.title) if len(record.title) <= MAX_TITLE else ("", ())
        book = (title, authors) if record.details and normal_title(title) else None
        reason = _unreadable(record, book)
        if record.details is None or book is None or reason:
            self._problems.append(ImportProblem(record.line, reason, book))
            return
        kind = _kind(record.details, record.body)
        if kind is Kind.NOTE:
            self._take_note(index, record, book, record.details)
        elif kind is Kind.HIGHLIGHT:
            self._take_highlight(index, record, book, record.details)
        else:
            self._problems.append(ImportProblem(record.line, _REASONS[kind], book))

    def _take_note(self, index: int, record: RawRecord, book: tuple[str, tuple[str, ...]], details: Details) -> None:
        text = record.body.strip()
        if not normal_text(text):
            self._problems.append(ImportProblem(record.line, "note without text", book))
        elif len(text) > MAX_NOTE:
            self._problems.append(ImportProblem(record.line, f"note longer than {MAX_NOTE:,} characters", book))
        else:
            date = self._date(details)
            self._notes.append(
                Note(index, record.line, *book, normal_title(book[0]), text, details.place, date),
            )

    def _take_highlight(
        self, index: int, record: RawRecord, book: tuple[str, tuple[str, ...]], details: Details
    ) -> None:
        text, truncated = _without_notice(record.body)
        wording = normal_text(text)
        name = normal_title(book[0])
        reason = _unusable(wording, text, truncated=truncated)
        if reason:
            self._problems.append(ImportProblem(record.line, reason, book))
            for spot in {details.place.start, details.place.end, details.place.page} - {None}:
                self._skipped_highlights[name, spot] = record.line
            return
        date = self._date(details)
        self._collapser.add(
            Version(index, record.line, *book, name, text, wording, details.place, date, truncated),
        )

    def _date(self, details: Details) -> datetime | None:
        return to_utc(details.local, self._zone) if details.local else None

    def result(self) -> ParsedImport:
        passages = self._collapser.passages()
        finder = NoteFinder(passages)
        for note in self._notes:
            if not finder.attach(note):
                self._problems.append(self._orphan(note))
        authors = _authors_by_book(passages)
        primary = frozenset(passage.keys[0] for passage in passages)
        entries, attached = list[ImportedEntry](), 0
        for passage in passages:
            text, used, surplus = finder.of(passage).joined()
            attached += used
            self._problems.extend(_surplus(note) for note in surplus)
            entries.append(_entry(passage, authors, text, primary))
        versions = sum(len(passage.versions) for passage in passages)
        return ParsedImport(
            entries=tuple(sorted(entries, key=lambda entry: entry.line)),
            problems=tuple(sorted(self._problems, key=lambda problem: problem.line)),
            records=self._records,
            collapsed=versions - len(passages) + finder.replaced,
            attached_notes=attached,
        )

    def _orphan(self, note: Note) -> ImportProblem:
        spot = note.place.start if note.place.start is not None else note.place.page
        line = self._skipped_highlights.get((note.book, spot))
        why = f" (the one in line {line} was skipped)" if line else ""
        return ImportProblem(
            note.line, f"note without its highlight{why}: {_excerpt(note)}", (note.title, note.authors)
        )


def _unreadable(record: RawRecord, book: tuple[str, tuple[str, ...]] | None) -> str:
    if record.details is None:
        return (
            "not a clipping: there is no line with kind and place" if record.finished else "text after the last record"
        )
    if not record.finished:
        return "unfinished last record"
    if book is None:
        is_long = len(record.title) > MAX_TITLE
        return f"title longer than {MAX_TITLE:,} characters" if is_long else "record without a title"
    return ""


def _unusable(wording: str, text: str, *, truncated: bool) -> str:
    if not wording:
        return "highlight whose whole text is the clipping-limit notice" if truncated else "highlight without text"
    return f"highlight longer than {MAX_TEXT:,} characters" if len(text) > MAX_TEXT else ""


def _kind(details: Details, body: str) -> Kind:
    if details.kind is not Kind.UNKNOWN:
        return details.kind
    if not body.strip():
        return Kind.BOOKMARK
    return Kind.HIGHLIGHT if details.place.span else Kind.NOTE


def _without_notice(body: str) -> tuple[str, bool]:
    at = body.rfind("<")
    notice = unicodedata.normalize("NFC", body[at:]) if at >= 0 else ""
    if notice and any(language.limit.match(notice) for language in LANGUAGES):
        return body[:at].rstrip(), True
    return body, False


def _authors_by_book(passages: Iterable[Passage]) -> dict[str, tuple[str, ...]]:
    authors: dict[str, tuple[str, ...]] = {}
    for passage in passages:
        if passage.current.authors:
            authors.setdefault(passage.current.book, passage.current.authors)
    return authors


def _entry(
    passage: Passage, authors: dict[str, tuple[str, ...]], note: str | None, primary: frozenset[str]
) -> ImportedEntry:
    current = passage.current
    place = current.place
    return ImportedEntry(
        title=current.title,
        # Devices write one book with "Unknown" first and with its author later.
        authors=current.authors or authors.get(current.book, ()),
        text=current.text,
        note=note,
        location_start=place.start,
        location_end=None if place.end is None else place.end + 1,
        page=place.page,
        highlighted_at=passage.first_date(),
        line=current.line,
        key=passage.keys[0],
        truncated=current.truncated,
        other_keys=tuple(key for key in dict.fromkeys(passage.keys) if key not in primary),
    )


def _surplus(note: Note) -> ImportProblem:
    reason = f"the notes of this highlight would be longer than {MAX_NOTE:,} characters: {_excerpt(note)}"
    return ImportProblem(note.line, reason, (note.title, note.authors))


def _excerpt(note: Note) -> str:
    text = " ".join(note.text.split())
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "\u2026"
