"""Walk through JSON of any size a value at a time, and know the line.

Whole files are never parsed at once: that would be one long call which lets nothing else run, ten times the file in
memory, and nothing at all of a file whose end is missing.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_BLANKS = re.compile(r"[ \t\r\n]*")
_MOST_DIGITS = 25
_EXCERPT = 20


class JsonFault(ValueError):
    """From here on it is no JSON; the message is for the reader."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _short_int(digits: str) -> int | None:
    # The largest numbers take a long time to read, and nothing here counts that far.
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _nothing(_: str) -> None:
    """NaN and infinities are no numbers of JSON."""


_DECODER = json.JSONDecoder(strict=False, parse_int=_short_int, parse_constant=_nothing)


class Walker:
    """A place in a JSON text; who walks decides which containers are entered, and which values are taken whole.

    Of members with one name, a value that is taken whole counts by its last, and containers that are entered count all.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0
        self._line = 1
        self._skip()

    @property
    def next(self) -> str:
        """The character that begins the next value; empty at the end."""
        return self._text[self._at : self._at + 1]

    @property
    def line(self) -> int:
        """The line of the next value, counted from 1."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def value(self) -> Any:
        """Take the next value whole."""
        try:
            value, self._at = _DECODER.raw_decode(self._text, self._at)
        except RecursionError:
            raise JsonFault("it is nested too deeply", self.line) from None
        except json.JSONDecodeError as error:
            self._at = max(self._at, min(error.pos, len(self._text)))
            raise self._fault() from None
        self._skip()
        return value

    def members(self) -> Iterator[str]:
        """Enter an object: yield each name, with its value as the next one, which must be taken or entered."""
        for _ in self._inside("{", "}"):
            name = self.value()
            if not isinstance(name, str):
                raise self._fault()
            self._take(":")
            yield name

    def items(self) -> Iterator[int]:
        """Enter an array: yield the line of each value as the next one, which must be taken or entered."""
        for _ in self._inside("[", "]"):
            yield self.line

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self.next:
            raise self._fault()

    def _inside(self, opening: str, closing: str) -> Iterator[None]:
        self._take(opening)
        if self.next == closing:
            return self._take(closing)
        while True:
            yield
            if self.next == closing:
                return self._take(closing)
            self._take(",")

    def _take(self, character: str) -> None:
        if self.next != character:
            raise self._fault()
        self._at += 1
        self._skip()

    def _skip(self) -> None:
        found = _BLANKS.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _fault(self) -> JsonFault:
        if not self.next:
            return JsonFault("the file ends in the middle", self.line)
        excerpt = " ".join(self._text[self._at : self._at + _EXCERPT].split())
        return JsonFault(f"it is not JSON at {excerpt!r}", self.line)
