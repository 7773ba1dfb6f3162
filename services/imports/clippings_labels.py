"""The second line of a clipping: kind, place and date.

The line is read by its parts (kind word, numbers, date) and never as a whole, because readers edit these lines to
please other tools and firmware mixes languages within one line.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from services.imports.clippings_dates import looks_like_date, parse_local
from services.imports.clippings_grammar import RANGE, RANGE_MARK, Kind, Language
from services.imports.clippings_languages import LANGUAGES

_DASHES = "-\u2013\u2014\u2212"
_LONGEST = 600
_NUMBERS = re.compile(RANGE)
_REPEATED_PAGE = re.compile(rf"(?P<page>.+?){RANGE_MARK}(?P=page)")
_PAGE_RANGE = re.compile(rf"\w{RANGE_MARK}\w")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: locations as the device counts them, both ends included, and the label of the page.

    `span` tells that a range was written, even one like 49-49: highlights have ranges, notes have single numbers.
    """

    start: int | None = None
    end: int | None = None
    page: str | None = None
    span: bool = False


@dataclass(frozen=True, slots=True)
class Details:
    """A line that was recognised: `local` is the device's own time without zone, None when it cannot be read."""

    kind: Kind
    place: Place
    local: datetime | None


def read_details(line: str, *, alone: bool) -> Details | None:
    """Read a line of details; None when the line is something else.

    `alone` tells that an empty line follows, as it does after every line of details straight from a device.
    """
    # An editor of another system may have taken accents apart.
    text = unicodedata.normalize("NFC", line.strip())
    dashed = text[:1] != "" and text[:1] in _DASHES
    if len(text) > _LONGEST or not (dashed or alone):
        return None
    head, bar, when = _split_date(text[1:].strip() if dashed else text)
    language, kind = _kind(head)
    if kind is None:
        return _unlabelled(head, bar, when)
    if not bar and not (dashed and alone and any(character.isdecimal() for character in head)):
        return None
    return Details(kind, _place(head, language), parse_local(when))


def _unlabelled(head: str, bar: str, when: str) -> Details | None:
    if not bar or not looks_like_date(when):
        return None
    whole = head + bar + when
    if any(language.signs.search(whole) for language in LANGUAGES):
        return Details(Kind.UNKNOWN, _place(head), parse_local(when))
    return Details(Kind.FOREIGN, Place(), None)


def _split_date(text: str) -> tuple[str, str, str]:
    head, bar, when = text.rpartition("|")
    if not bar:
        return text, "", ""
    is_place = any(language.location.search(when) for language in LANGUAGES)
    if is_place and not looks_like_date(when):
        # The date is gone, so the last bar is the one between page and location.
        return text, bar, ""
    return head.strip(), bar, when


def _kind(head: str) -> tuple[Language | None, Kind | None]:
    for language in LANGUAGES:
        for pattern, kind in language.kinds:
            if pattern.search(head):
                return language, kind
    return None, None


def _place(head: str, known: Language | None = None) -> Place:
    # Firmware mixes languages within a line; the one of the kind word is right most of the time.
    languages = LANGUAGES if known is None else (known, *LANGUAGES)
    location = next((found for language in languages if (found := language.location.search(head))), None)
    page = next((found["page"] for language in languages if (found := language.page.search(head))), None)
    parts = [found for part in head.split("|") if (found := _NUMBERS.search(part))]
    if location is None and parts and (page is None or len(parts) > 1):
        # The word for the location is in no table, but the numbers stand where they always stand.
        location = parts[-1]
    if page is None and len(parts) > 1:
        page = parts[0][0]
    return _make_place(location, page)


def _make_place(location: re.Match[str] | None, page: str | None) -> Place:
    page_span = page is not None and _PAGE_RANGE.search(page) is not None
    page = _one_page(page)
    if location is None:
        return Place(page=page, span=page_span)
    if location["end"] is None:
        number = _number(location["start"])
        return Place(number, number, page)
    start, end = _expand(location["start"].replace(".", ""), location["end"].replace(".", ""))
    return Place(start, end, page, span=True)


def _number(digits: str) -> int:
    return int(digits.replace(".", ""))


def _expand(start: str, end: str) -> tuple[int, int]:
    first, last = int(start), int(end)
    full = int(start[: -len(end)] + end) if len(end) < len(start) else last
    if last < first <= full and full - first <= first - last:
        # The first generation writes only the digits that change: 602-3 is 602-603. But 102-98 is a range from a later
        # device that is the wrong way round: passages are short, so the shorter reading is right.
        last = full
    return min(first, last), max(first, last)


def _one_page(page: str | None) -> str | None:
    if page is None:
        return None
    repeated = _REPEATED_PAGE.fullmatch(page)
    return repeated["page"] if repeated else page
