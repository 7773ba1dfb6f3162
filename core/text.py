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


def without_markup(value: str) -> str:
    """Take HTML out of a plain text: tags, and the insides of scripts and styles. What only looks like a tag (`I <3 you`) stays."""
    for _ in range(10):
        bare = html.unescape(nh3.clean(value, tags=set(), clean_content_tags={"script", "style"}))
        if bare == value:
            break
        value = bare
    return value


def fold(value: str) -> str:
    """Reduce a text to its case-folded letters and digits (NFKC), for comparing names."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return "".join(char for char in folded if char.isalnum())
