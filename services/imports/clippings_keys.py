"""The identity of a highlight in a clippings file, and the forms of texts that are compared."""

import hashlib
import re
import unicodedata

from services.imports.clippings_labels import Place

_START_OF_TEXT = 20
# Soft hyphens and zero-width characters come and go between versions of one book.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060]")


def normal_title(title: str) -> str:
    """Return the form of a title that tells books apart; authors do not, devices write them in several ways."""
    return " ".join(unicodedata.normalize("NFKC", _INVISIBLE.sub("", title)).casefold().split())


def normal_text(text: str) -> str:
    """Return the form of a text that tells wordings apart: without invisible characters, every gap one blank."""
    normal = " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).split())
    # Mostly there is nothing to change: then one string in memory is enough.
    return text if normal == text else normal


def place_key(book: str, place: Place, wording: str, repeat: int = 0) -> str:
    """Return the identity of a highlight: 32 hexadecimal digits of a SHA-256.

    The rule: normalised title, where the highlight starts (the location; without one the page), and the first 20
    characters of its normalised text; without any place the whole text. All three are taken from the OLDEST version of
    the passage in the file.

    The reasons: dates are rewritten when a passage is marked again, so no date. Authors are written in several ways
    for one book, so no authors. The end moves in most corrected highlights while the start stays, so no end. One
    location is about two lines of print and often holds several highlights, so a piece of the text. The device only
    ever appends, so the oldest version is still there when a later one with another start or a shorter text is added:
    a grown file keeps the keys of the file it grew from.

    `repeat` counts highlights that are kept apart although all this is equal (marked days apart, no text inside the
    other), in the order of the file.

    The limits: when the oldest version is cut out of the file, a passage whose start changed gets the key of its next
    version. Two books of one title share their keys where place and text are equal too. Files from two devices with
    different editions give one passage two keys.
    """
    if place.start is not None:
        where = f"location {place.start}"
    elif place.page is not None:
        where = f"page {place.page}"
    else:
        where = "nowhere"
    start = wording if where == "nowhere" else wording[:_START_OF_TEXT]
    parts = ("my clippings", book, where, start, *([str(repeat)] if repeat else []))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
