r"""Text that can be stored.

PostgreSQL holds neither NUL nor lone surrogates; both arrive easily in JSON, as \u0000 and \ud800.
"""

import re
import unicodedata

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TAG = re.compile(r"<[^<>]*>")


def is_storable(value: str) -> bool:
    """Tell whether PostgreSQL can hold this text."""
    return _UNSTORABLE.search(value) is None


def has_markup(value: str) -> bool:
    """Tell whether something that looks like an HTML tag stands in the text."""
    return _TAG.search(value) is not None


def fold(value: str) -> str:
    """Reduce a text to its case-folded letters and digits (NFKC), for comparing names."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return "".join(char for char in folded if char.isalnum())
