"""The title line of a clipping: a title, and mostly its authors in brackets."""

import re
from collections.abc import Iterable

from services.imports.clippings_languages import LANGUAGES

_UNKNOWN = frozenset(name for language in LANGUAGES for name in language.unknown_authors)
_NOBODY = _UNKNOWN | {"pdfdrive", "pdfdrive.com", "n/a", "-"}
# A comma is no mark between authors: "Last, First" is how most catalogues write one person.
_BETWEEN_AUTHORS = re.compile(r"\s*[;\uff1b\n]\s*|\s+(?:&|and)\s+")
_MAIL = re.compile(r"\S+@\S+\.\S+")


def split_title(line: str) -> tuple[str, tuple[str, ...]]:
    """Split a title line, untrimmed, into the title and its authors as written ("Last, First" stays so).

    Two blanks at the end are the device's mark for "no author": a bracket before them belongs to the title. Stand-ins
    for a missing author are left out, and so are e-mail addresses: they are the sender of a personal document, that is
    personal data and never an author. Web sites stay, they are how a reader recognises an article.
    """
    raw = line.rstrip()
    opening = -1 if line.endswith("  ") else _author_bracket(raw)
    if opening < 0:
        return _one_line(raw), ()
    return _one_line(raw[:opening]), split_authors(raw[opening + 1 : -1])


def _author_bracket(line: str) -> int:
    if not line.endswith(")"):
        return -1
    opening = _balanced_opening(line)
    if opening < 0:
        # A file name cut in the middle leaves brackets open; the last one is still the author's.
        opening = line.rfind("(")
    has_title = opening > 0 and line[opening - 1].isspace() and line[:opening].strip() != ""
    return opening if has_title else -1


def _balanced_opening(line: str) -> int:
    depth = 0
    for index in range(len(line) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(line[index], 0)
        if depth == 0:
            return index
    return -1


def split_authors(bracket: str) -> tuple[str, ...]:
    """Split authors written in a row, as written."""
    return people(_BETWEEN_AUTHORS.split(bracket))


def people(names: Iterable[str]) -> tuple[str, ...]:
    """Keep the names that are people's, each once: no stand-ins for a missing author, no e-mail addresses."""
    lines = (_one_line(name) for name in names)
    kept = (name for name in lines if name and name.casefold() not in _NOBODY and not _MAIL.search(name))
    return tuple(dict.fromkeys(kept))


def _one_line(text: str) -> str:
    return " ".join(text.split())
