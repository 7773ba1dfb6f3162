"""PDF: the JSON of highlights, set and printed.

Run as a program it reads JSON and writes PDF, so that no server stands still meanwhile.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

from services.exports.fonts import TOO_LONG, Measure, Unprintable, fonts_for, is_shaped, printable, runs_from_the_right

TITLE, MARGIN, MILLIMETRES = "My Highlights", 20, 0.5
SIZES = {"title": 22.0, "book": 16.0, "text": 11.0, "small": 9.0}
BLACK, GREY = 30, 110
OTHERS = "0123456789 :-UTCNote by," + TITLE
REFUSED = 3
"""The program's exit code for what cannot be printed; the reason is on stderr."""


class TooLong(Exception):
    """More than a reader should wait for."""


class Document(FPDF):
    """Highlights on pages."""

    def __init__(self, fonts: Sequence[Path]) -> None:
        super().__init__()
        self.set_margin(MARGIN)
        self.set_auto_page_break(auto=True, margin=MARGIN)
        self.set_title(TITLE)
        names = [f"f{number}" for number, _ in enumerate(fonts)]
        for name, path in zip(names, fonts, strict=True):
            self.add_font(name, "", path)
        self.set_font(names[0], size=SIZES["text"])
        self.set_fallback_fonts(names[1:], exact_match=False)
        self.add_page()

    def footer(self) -> None:
        """Number the page."""
        self.set_text_shaping(use_shaping_engine=False)
        self.set_y(-MARGIN + 5)
        self.set_font_size(SIZES["small"])
        self.set_text_color(GREY)
        self.cell(0, 5, str(self.page_no()), align=Align.C)

    def write_part(self, text: str, size: str, *, colour: int = BLACK, space: float = 2) -> None:
        """Print a text, paragraph by paragraph, each from the side it begins on."""
        for paragraph in text.split("\n"):
            # Ligatures of lam and alef would come out the wrong way round when the text is taken out of the PDF again.
            self.set_text_shaping(use_shaping_engine=is_shaped(paragraph), features={"rlig": False})
            self.set_font_size(SIZES[size])
            self.set_text_color(colour)
            side = Align.R if runs_from_the_right(paragraph) else Align.L
            height = SIZES[size] * MILLIMETRES
            self.multi_cell(0, height, paragraph, align=side, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(space)


def books_of(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """Read books and highlights out of the lines of our JSON: a book has a title, a highlight a text."""
    for line in lines:
        bare = line.strip().rstrip(b",")
        if bare.startswith(b'{"isbn":'):
            yield orjson.loads(bare.removesuffix(b',"highlights":[') + b"}")
        elif bare.startswith((b'{"uuid":', b'{"text":')):
            yield orjson.loads(bare)


def parts_of(thing: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tell what is printed of a book or a highlight, and how large."""
    if "title" in thing:
        yield "book", printable(" ".join(thing["title"].split()))
        if thing["authors"]:
            yield "small", printable("by " + ", ".join(thing["authors"]))
        return
    yield "text", printable(thing["text"])
    if thing.get("note"):
        yield "note", printable(f"Note: {thing['note']}")
    if "createdAt" in thing:
        yield "small", f"{datetime.fromisoformat(thing['createdAt']):%Y-%m-%d %H:%M} UTC"


def render(lines: Iterable[bytes]) -> Document:
    """Print the JSON of highlights; raise Unprintable or TooLong."""
    parts = [part for thing in books_of(lines) for part in parts_of(thing)]
    measure = Measure()
    measure.add(OTHERS)
    for _, text in parts:
        measure.add(text)
    if measure.is_too_long:
        raise TooLong(TOO_LONG)
    document = Document(fonts_for(measure.codes))
    document.write_part(TITLE, "title", space=6)
    for size, text in parts:
        colour = BLACK if size in ("book", "text") else GREY
        if size == "book":
            document.ln(4)
        document.write_part(text, "small" if size == "note" else size, colour=colour)
    return document


def main() -> int:
    """Read JSON from standard input, and write PDF to standard output."""
    os.nice(10)
    try:
        document = render(sys.stdin.buffer)
    except (TooLong, Unprintable) as error:
        sys.stderr.write(str(error))
        return REFUSED
    sys.stdout.buffer.write(document.output())
    return 0


if __name__ == "__main__":
    sys.exit(main())
