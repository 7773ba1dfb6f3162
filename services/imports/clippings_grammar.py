"""What a table of one language's words in My Clippings.txt is made of."""

import re
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a record is; UNKNOWN is settled by its body, FOREIGN has words no table knows."""

    HIGHLIGHT = "highlight"
    NOTE = "note"
    BOOKMARK = "bookmark"
    CLIP = "article clip"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language, for all generations of devices together.

    `kinds` are searched in the label without its leading dash, the first hit decides. `location` has the groups start
    and end (the end may be missing), `page` the group page. `signs` tells that a line without a known kind word is in
    this language all the same. `months` are twelve case-folded names, or none where dates are written in numbers.
    `morning` and `evening` are case-folded marks of the twelve-hour clock without dots and blanks. `limit` finds the
    clipping-limit notice at the end of a body.
    """

    code: str
    kinds: tuple[tuple[re.Pattern[str], Kind], ...]
    location: re.Pattern[str]
    page: re.Pattern[str]
    signs: re.Pattern[str]
    months: tuple[str, ...]
    unknown_authors: frozenset[str]
    limit: re.Pattern[str]
    morning: frozenset[str] = frozenset({"am"})
    evening: frozenset[str] = frozenset({"pm"})


# Grouped by dots in the first Portuguese generation. The marks of a range are common to all languages, because firmware
# mixes them: a dash, Dutch "t/m", Portuguese "a".
NUMBER = r"(?<!\d)(?<!\d\.)(?:\d{1,3}(?:\.\d{3})+|\d{1,9})(?!\d)"
RANGE_MARK = r"(?:\s*[-\u2013\u2014]\s*|\s+(?:t/m|a)\s+)"
RANGE = rf"(?P<start>{NUMBER})(?:{RANGE_MARK}(?P<end>{NUMBER}))?"
# Nobody has seen the notice in these languages.
NEVER = re.compile(r"(?!)")


def word(pattern: str) -> re.Pattern[str]:
    """Compile a pattern for words in any case."""
    return re.compile(pattern, re.IGNORECASE)


def kinds(
    owner: str, *, highlight: str, note: str, bookmark: str, clip: str
) -> tuple[tuple[re.Pattern[str], Kind], ...]:
    """Compile the words for kinds: anchored at the start, behind the word for whose they are, which old devices leave out."""
    words = ((clip, Kind.CLIP), (highlight, Kind.HIGHLIGHT), (note, Kind.NOTE), (bookmark, Kind.BOOKMARK))
    return tuple((word(rf"^(?:(?:{owner})\s+)?(?:{pattern})(?!\w)"), kind) for pattern, kind in words)


def location(words: str) -> re.Pattern[str]:
    """Compile the words that stand before a location."""
    return word(rf"(?<!\w)(?:{words})\s*(?:n[o\u00b0\u00ba]\.?|#)?\s*{RANGE}")


def page(words: str, location_words: str = r"(?!)") -> re.Pattern[str]:
    """Compile the words that stand before a page. Its label may hold blanks, so it goes on to the bar or the words for the location."""
    return word(rf"(?<!\w)(?:{words})\s+(?P<page>[^\s|](?:[^|]{{0,31}}?))\s*(?=$|\||,?\s+(?:{location_words}))")
