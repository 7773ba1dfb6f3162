"""W3C annotations of publications: `.annotations` (a ZIP), and the plain JSON of the draft before it, which Thorium writes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.errors import Invalid
from services.catalog import PUBLISHER_LENGTH, read_isbn
from services.imports.clippings_dates import load_zone
from services.imports.clippings_keys import normal_text, normal_title
from services.imports.clippings_titles import people
from services.imports.entries import MAX_NOTE, MAX_TEXT, MAX_TITLE, ImportedEntry, ParsedImport
from services.imports.gathering import BookName, Gathering, Refused
from services.imports.json_walk import JsonFault, Walker
from services.imports.values import as_color, as_line, as_moment, as_number, as_text, key_of

NO_SET = "This is not a file of annotations: it has no `items`."
_UUID = re.compile(r"urn:uuid:([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})", re.IGNORECASE)
_ISBN = re.compile(r"(?:urn:)?isbn:", re.IGNORECASE)
_WORDS = ("text", "stringValue", "value", "@value", "name")
_DEEPEST = 8
_LONGEST_CONTEXT, _LONGEST_CFI, _LONGEST_PAGE = 5_000, 2_000, 50


def parse(sets: Iterable[str], *, time_zone: str = "UTC") -> ParsedImport:
    """Read all annotation sets of a file. Lines of problems are those where the annotation begins, in its own set.

    `time_zone` is for times without one. Raises ValueError, with a sentence for the reader, where there is no set.
    """
    reading = _Reading(load_zone(time_zone))
    for content in sets:
        reading.take(Walker(content))
    return reading.result()


class _Reading:
    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._gathering = Gathering()
        self._is_set = False
        self._written: list[Any] = []

    def take(self, walker: Walker) -> None:
        if walker.next != "{":
            return
        head: dict[str, Any] = {}
        items: list[tuple[int, Any]] = []
        try:
            for name in walker.members():
                if name == "items" and walker.next == "[":
                    self._is_set = True
                    items.extend((line, walker.value()) for line in walker.items())
                else:
                    head[name] = walker.value()
            walker.end()
        except JsonFault as fault:
            if self._is_set:
                self._gathering.refuse(fault.line, f"from here on the file was not read: {fault}")
        self._written.append(as_moment(head.get("generated"), self._zone))
        publication = _Publication(head)
        for line, item in items:
            self._annotation(line, item, publication)

    def _annotation(self, line: int, item: Any, publication: "_Publication") -> None:
        try:
            self._gathering.add(_entry(line, item, publication, self._zone))
        except Refused as error:
            self._gathering.refuse(line, str(error), publication.book if publication.book[0] else None)

    def result(self) -> ParsedImport:
        if not self._is_set:
            raise ValueError(NO_SET)
        return self._gathering.result(written_at=max(filter(None, self._written), default=None))


class _Publication:
    """What the set says it is about."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        about = head.get("about")
        told = about if isinstance(about, dict) else {}
        title = _words(told, "title") or _first(_lines(head.get("title")))
        self.book: BookName = title[:MAX_TITLE], people(_lines(_of(told, "creator")))
        self.publisher = _words(told, "publisher")[:PUBLISHER_LENGTH] or None
        self.identifiers = frozenset(_lines(_of(told, "identifier")))
        self.isbn = next(filter(None, map(_isbn, sorted(self.identifiers))), None)


def _entry(line: int, item: Any, publication: _Publication, zone: ZoneInfo) -> ImportedEntry:
    if not isinstance(item, dict):
        raise Refused("this is no annotation")
    if not publication.book[0]:
        raise Refused("the file does not say of which book it is")
    target = item.get("target")
    place = target if isinstance(target, dict) else {}
    selectors = list(_selectors(place.get("selector")))
    quote = _selector(selectors, "TextQuoteSelector")
    text = as_text(quote.get("exact")).strip("\r\n")
    body = _body(item.get("body"))
    note = as_text(_word(body.get("value"))).strip() or None
    _check(item, text, note)
    meta = place.get("meta")
    key = _id(item, publication, text, selectors)
    return ImportedEntry(
        title=publication.book[0],
        authors=publication.book[1],
        text=text,
        note=note,
        location_start=None,
        location_end=None,
        page=as_line(meta.get("page"))[:_LONGEST_PAGE] or None if isinstance(meta, dict) else None,
        highlighted_at=as_moment(item.get("created"), zone),
        line=line,
        key=key[0],
        prefix=as_text(quote.get("prefix"))[-_LONGEST_CONTEXT:] or None,
        suffix=as_text(quote.get("suffix"))[:_LONGEST_CONTEXT] or None,
        cfi=_cfi(selectors),
        percent=_percent(selectors, place, publication),
        color=as_color(_word(body.get("color"))),
        uuid=key[1],
        changed_at=as_moment(item.get("modified"), zone),
        isbn=publication.isbn,
        publisher=publication.publisher,
    )


def _check(item: Mapping[str, Any], text: str, note: str | None) -> None:
    if not normal_text(text):
        is_bookmark = item.get("motivation") == "bookmarking"
        raise Refused("bookmark: it has no text" if is_bookmark else "annotation that does not quote its text")
    if len(text) > MAX_TEXT:
        raise Refused(f"highlight longer than {MAX_TEXT:,} characters")
    if note and len(note) > MAX_NOTE:
        raise Refused(f"note longer than {MAX_NOTE:,} characters")


def _id(
    item: Mapping[str, Any], publication: _Publication, text: str, selectors: Sequence[Mapping[str, Any]]
) -> tuple[str, UUID | None]:
    told = as_line(item.get("id"))
    if found := _UUID.fullmatch(told):
        key = UUID(found[1])
        return key_of("uuid", str(key)), key
    book = normal_title(publication.book[0])
    return (key_of("w3c", book, told) if told else key_of("w3c", book, "", _cfi(selectors), normal_text(text))), None


def _selectors(told: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    for one in told if isinstance(told, list) else [told]:
        if isinstance(one, dict):
            yield one
            if depth < _DEEPEST:
                yield from _selectors(one.get("refinedBy"), depth + 1)


def _selector(selectors: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    return next((one for one in selectors if one.get("type") == kind), {})


def _cfi(selectors: Sequence[Mapping[str, Any]]) -> str | None:
    for one in selectors:
        value = as_line(one.get("value"))
        is_cfi = one.get("type") == "CfiSelector" or "epub-cfi" in as_line(one.get("conformsTo"))
        if value and len(value) <= _LONGEST_CFI and (is_cfi or value.startswith("epubcfi(")):
            return value
    return None


def _percent(
    selectors: Sequence[Mapping[str, Any]], place: Mapping[str, Any], publication: _Publication
) -> float | None:
    # Elsewhere it is the progression within one of the publication's files, which says nothing about the whole.
    if as_line(place.get("source")) not in publication.identifiers:
        return None
    value = as_number(_selector(selectors, "ProgressionSelector").get("value"))
    return round(value * 100, 12) if value is not None and 0 <= value <= 1 else None


def _body(told: Any) -> Mapping[str, Any]:
    bodies = [one for one in (told if isinstance(told, list) else [told]) if isinstance(one, dict)]
    return next((one for one in bodies if one.get("value")), bodies[0] if bodies else {})


def _of(told: Mapping[str, Any], name: str) -> Any:
    return told.get(f"dc:{name}", told.get(name))


def _words(told: Mapping[str, Any], name: str) -> str:
    return _first(_lines(_of(told, name)))


def _first(lines: Sequence[str]) -> str:
    return lines[0] if lines else ""


def _lines(told: Any) -> list[str]:
    lines = [as_line(_word(one)) for one in (told if isinstance(told, list) else [told])]
    return [line for line in lines if line]


def _word(told: Any) -> Any:
    """Take a text that may come with its language."""
    if isinstance(told, dict):
        return next((told[name] for name in _WORDS if isinstance(told.get(name), str)), None)
    return told


def _isbn(identifier: str) -> str | None:
    try:
        return read_isbn(_ISBN.sub("", identifier))
    except Invalid:
        return None
