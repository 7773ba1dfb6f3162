"""The words of My Clippings.txt, one table entry per language of the device."""

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
    this language all the same. `months` are twelve case-folded names. `morning` and `evening` are case-folded marks of
    the twelve-hour clock without dots and blanks. `limit` finds the clipping-limit notice at the end of a body.
    """

    code: str
    kinds: tuple[tuple[re.Pattern[str], Kind], ...]
    location: re.Pattern[str]
    page: re.Pattern[str]
    signs: re.Pattern[str]
    months: tuple[str, ...]
    morning: frozenset[str]
    evening: frozenset[str]
    unknown_authors: frozenset[str]
    limit: re.Pattern[str]


NUMBER = r"(?<!\d)\d{1,9}(?!\d)"
RANGE = rf"(?P<start>{NUMBER})(?:\s*[-\u2013\u2014]\s*(?P<end>{NUMBER}))?"


def _word(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


ENGLISH = Language(
    code="en",
    # Anchored at the start: "note" is also a French word, but there it follows "votre".
    kinds=(
        (_word(r"^clip this article\b"), Kind.CLIP),
        (_word(r"^(?:your )?(?:highlight|underline)\b"), Kind.HIGHLIGHT),
        (_word(r"^(?:your )?note\b"), Kind.NOTE),
        (_word(r"^(?:your )?bookmark\b"), Kind.BOOKMARK),
    ),
    location=_word(rf"\bloc(?:ation|\.)?\s*(?:no\.?|#)?\s*{RANGE}"),
    # Labels of pages may hold blanks, so they go on to the bar or the word for the location.
    page=_word(r"\bpage\s+(?P<page>[^\s|](?:[^|]{0,31}?))\s*(?=$|\||,?\s+(?:at\s+|on\s+)?loc)"),
    signs=_word(r"\b(?:added on|location|loc\.|(?:mon|tues|wednes|thurs|fri|satur|sun)day\b)"),
    months=(
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ),
    morning=frozenset({"am"}),
    evening=frozenset({"pm"}),
    unknown_authors=frozenset({"unknown", "unknown author"}),
    limit=_word(r"<\s*you have reached the clipping limit[^<>]{0,300}>\s*\Z"),
)

LANGUAGES: tuple[Language, ...] = (ENGLISH,)
