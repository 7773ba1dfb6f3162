"""Hashtags and mentions in a text: how they are told from the rest, and compared."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

TAG_LENGTH = 100
_SIGNS = {"#": "#", "\uff03": "#", "@": "@", "\uff20": "@"}
# What only looks like one: an address of a page, an e-mail address. Possessive, so that a long text costs no more than its length.
_ADDRESSES = re.compile(
    r"\b(?:https?://|ftp://|mailto:|www\.)[!#-;=?-~]+|(?<![^\s@])[^\s@]++@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE
)
# A sign behind one of these is part of something else: a path, an HTML entity, a second sign.
_GLUE = "/&.-+@#\uff03\uff20"
_USERNAME = re.compile(r"[a-z0-9_]{3,30}")


def hashtags(text: str) -> list[str]:
    """List the hashtags of a text as they are compared, each once, in order; longer than 100 characters is none."""
    tags = (fold_tag(word) for word in _signed(text, "#"))
    return _once(tag for tag in tags if 0 < len(tag) <= TAG_LENGTH)


def mentions(text: str) -> list[str]:
    """List the usernames that a text names, in small letters, each once, in order."""
    names = (_fold(word) for word in _signed(text, "@"))
    return _once(name for name in names if _USERNAME.fullmatch(name))


def fold_tag(value: str) -> str:
    """Spell a hashtag, with or without its sign, as tags are compared: width, case and variants do not count; "" for none."""
    value = value.strip()
    word = value[1:] if _SIGNS.get(value[:1]) == "#" else value
    if not all(map(_is_of_word, word)) or not any(map(str.isalnum, word)):
        return ""
    # Some letters stand for whole phrases, spaces included.
    return unicodedata.normalize("NFKC", "".join(filter(_is_of_word, _fold(word))))


def _signed(text: str, sign: str) -> Iterator[str]:
    text = _ADDRESSES.sub(lambda found: "/" * len(found[0]), text)
    at = 0
    while at < len(text):
        if _SIGNS.get(text[at]) != sign:
            at += 1
            continue
        end = at + 1
        while end < len(text) and _is_of_word(text[end]):
            end += 1
        before = text[at - 1] if at else " "
        is_apart = not _is_of_word(before) and before not in _GLUE
        # A sign alone may take a mark, as the emoji of a key does; a word begins with more than that.
        if is_apart and end > at + 1 and not _is_mark(text[at + 1]):
            yield text[at + 1 : end]
        at = end


def _fold(value: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _is_of_word(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] == "L" or category == "Nd" or char == "_" or (category[0] == "M" and not _is_variant(char))


def _is_variant(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
