r"""Text that can be stored.

PostgreSQL holds neither NUL nor lone surrogates; both arrive easily in JSON, as \u0000 and \ud800.
"""

import html
import re
import unicodedata

import nh3

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Thai, Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


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


def words_of(text: str) -> str:
    """Spell the words of a text as muted words are compared with them: " each between spaces ", "" when there is none.

    Case, width and punctuation do not count. Of scripts that put no space between words, each letter is one.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = _UNSPACED.sub(r" \g<0> ", "".join(char if _is_letter(char) else " " for char in folded))
    return f" {' '.join(spaced.split())} " if spaced.strip() else ""
