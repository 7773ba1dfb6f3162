r"""Text that can be stored.

PostgreSQL holds neither NUL nor lone surrogates; both arrive easily in JSON, as \u0000 and \ud800.
"""

import html
import re
import unicodedata

import nh3

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(value: str) -> bool:
    """Tell whether PostgreSQL can hold this text."""
    return _UNSTORABLE.search(value) is None


def without_unstorable(value: str) -> str:
    """Take out what PostgreSQL cannot hold."""
    return _UNSTORABLE.sub("", value)


def without_markup(value: str) -> str:
    """Take HTML out of a plain text: tags, and the insides of scripts and styles. What only looks like a tag (`I <3 you`) stays."""
    # As often as it takes: "&amp;lt;b&amp;gt;" is a tag in the end. Each turn makes the text shorter, or is the last.
    for _ in range(len(value) + 2):
        bare = html.unescape(nh3.clean(value, tags=set(), clean_content_tags={"script", "style"}))
        if bare == value:
            break
        value = bare
    return value


def fold(value: str) -> str:
    """Reduce a text to its case-folded letters and digits (NFKC), for comparing names.

    Marks that no letter has taken in stay: they are the vowels of many scripts. Variation selectors go.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return unicodedata.normalize("NFKC", "".join(filter(_is_letter, folded)))


def _is_letter(char: str) -> bool:
    return char.isalnum() or (unicodedata.category(char)[0] == "M" and not "\ufe00" <= char <= "\ufe0f")
