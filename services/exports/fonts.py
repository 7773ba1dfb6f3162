"""Which installed fonts print a text, and what no font on this machine can print."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("~/.local/share/fonts").expanduser(),
    Path("~/.fonts").expanduser(),
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)
NAMED = 3
SHAPING = 6
"""How many times as long shaped text takes."""
MOST = 2_000_000
"""Characters, shaped ones counted six times: about forty seconds."""
TOO_LONG = (
    "This is too long for a PDF, which takes 2,000,000 characters (those of scripts that join or stack letters count six times). "
    "Export book by book, or take another format."
)
_STYLED = re.compile(r"(?i)bold|italic|oblique|mono|condensed|light|thin|black|medium|math|serif|emoji")
_FIRST = ("dejavusans", "notosans-regular", "notosans", "freesans", "liberationsans")
# Scripts whose letters join, stack or run from the right: they need shaping, which costs six times as much.
_SHAPED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0590-\u109f\u135d-\u135f\u1700-\u1cff\u1dc0-\u1dff\u20d0-\u20ff\ua800-\uabff"
    "\ufb1d-\ufdff\ufe20-\ufe2f\ufe70-\ufefc\U00010800-\U00011fff\U0001e000-\U0001efff]"
)
# Marks that steer the direction or the joining and are never seen; a byte order mark; variation selectors; tags.
_UNSEEN = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]")
_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


class Unprintable(Exception):
    """Characters for which no font is installed."""

    def __init__(self, missing: Iterable[int]) -> None:
        self.missing = sorted(missing)
        shown = ", ".join(_named(code) for code in self.missing[:NAMED])
        left = len(self.missing) - NAMED
        more = f" and {left:,} more character{'s' if left > 1 else ''}" if left > 0 else ""
        super().__init__(
            f"No font on this server can print {shown}{more}. Take another format, "
            "or ask whoever runs the server to install a TrueType font that has them, such as one of Noto Sans."
        )


def printable(text: str) -> str:
    """Spell a text as it is printed: letters composed, nothing unseen, one kind of line break and of blank."""
    text = _BREAKS.sub("\n", unicodedata.normalize("NFC", text)).replace("\t", "    ")
    text = _UNSEEN.sub("", text)
    return "".join(_plain(char) for char in text) if not text.isprintable() else text


def _plain(char: str) -> str:
    if char == "\n":
        return char
    kind = unicodedata.category(char)
    return " " if kind == "Zs" else "" if kind == "Cc" else char


def is_shaped(text: str) -> bool:
    """Tell whether the letters of a text influence each other."""
    return _SHAPED.search(text) is not None


def runs_from_the_right(text: str) -> bool:
    """Tell whether a paragraph begins on the right: its first letter that has a direction says so."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def fonts_for(codes: Iterable[int], folders: Sequence[Path] = FOLDERS) -> list[Path]:
    """Choose as few fonts as print all of these characters; raise Unprintable."""
    left = set(codes) - {ord("\n")}
    chosen: list[Path] = []
    for path in installed(tuple(folders)):
        covered = left & coverage(path)
        if covered or not chosen:
            chosen.append(path)
            left -= covered
        if not left:
            return chosen
    raise Unprintable(left)


@lru_cache
def installed(folders: tuple[Path, ...]) -> list[Path]:
    """List upright, regular fonts, those with the most scripts first."""
    found = [path for folder in folders if folder.is_dir() for path in folder.rglob("*.[to]t[fc]")]
    return sorted((path for path in found if not _STYLED.search(path.stem)), key=lambda path: (_rank(path), str(path)))


@lru_cache(maxsize=64)
def coverage(path: Path) -> frozenset[int]:
    """Tell which characters a font has; none for a font that cannot be embedded."""
    try:
        with path.open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
            if "glyf" not in font:
                return frozenset()
            return frozenset(code for code, name in (font.getBestCmap() or {}).items() if name != ".notdef")
    except (TTLibError, OSError, AssertionError):
        # A broken file among the fonts of a machine is no reason to print nothing.
        return frozenset()


class Measure:
    """Gather which characters texts need, and how long printing them takes, until it is too long."""

    def __init__(self) -> None:
        self.codes: set[int] = set()
        self.weight = 0

    @property
    def is_too_long(self) -> bool:
        """Tell whether it would take longer than a reader should wait."""
        return self.weight > MOST

    def add(self, *texts: str | None) -> None:
        """Look at texts."""
        for text in filter(None, texts):
            spelled = printable(text)
            self.codes.update(map(ord, spelled))
            self.weight += len(spelled) * (SHAPING if is_shaped(spelled) else 1)


def _rank(path: Path) -> int:
    name = path.stem.lower()
    return next((place for place, begin in enumerate(_FIRST) if name == begin), len(_FIRST))


def _named(code: int) -> str:
    name = unicodedata.name(chr(code), "")
    return f"{chr(code)} (U+{code:04X} {name})" if name else f"U+{code:04X}"
