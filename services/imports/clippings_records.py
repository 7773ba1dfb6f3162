"""From the text of My Clippings.txt to its records, before anybody asks what they mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.imports.clippings_labels import Details, read_details

SEPARATOR = "=" * 10
_SURROGATES = re.compile("[\ud800-\udfff]")
_TITLE_LINES = 2
_MOST_TITLE_LINES = 10


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record: `line` (from 1) is its title line, `details` is None where no line of details was found.

    `title` is untrimmed, its trailing blanks mean something, and may hold line breaks. `finished` is False for what
    stands behind the last separator.
    """

    line: int
    title: str
    details: Details | None
    body: str
    finished: bool


@dataclass(frozen=True, slots=True)
class _Chunk:
    line: int
    lines: list[str]
    finished: bool


def read_records(content: str) -> Iterator[RawRecord]:
    """Yield the records of a file in its order; nothing but empty records is left out.

    A piece without a line of details, behind a record that has a body, is the rest of that body: the passage or the
    note itself held a line like the separator.
    """
    waiting: RawRecord | None = None
    rest: list[str] = []
    titles: set[str] = set()
    for chunk in _chunks(_clean(content)):
        record = _read(chunk)
        # A piece that begins with the title of a book is a broken record and no part of a text.
        if waiting is not None and record.title.strip() not in titles and _continues(waiting, record):
            rest.append(_body(chunk.lines))
            continue
        if waiting is not None:
            yield _with_rest(waiting, rest)
        waiting, rest = record, []
        if record.details is not None:
            titles.add(record.title.strip())
    if waiting is not None:
        yield _with_rest(waiting, rest)


def _continues(waiting: RawRecord, record: RawRecord) -> bool:
    return record.details is None and record.finished and waiting.details is not None and waiting.body != ""


def _with_rest(record: RawRecord, rest: list[str]) -> RawRecord:
    return replace(record, body=f"\n{SEPARATOR}\n".join((record.body, *rest))) if rest else record


def _clean(content: str) -> str:
    # Devices write a byte order mark at every start of a session, in the middle of the file too. NUL and halves of
    # surrogate pairs cannot be stored.
    return _SURROGATES.sub("\ufffd", content.replace("\ufeff", "").replace("\x00", ""))


def _chunks(content: str) -> Iterator[_Chunk]:
    lines: list[str] = []
    first = 1
    # Never splitlines(): passages hold U+2028, vertical tabs and form feeds.
    for number, line in enumerate(_lines(content), start=1):
        text = line.rstrip("\r")
        if text != SEPARATOR:
            lines.append(text)
            continue
        if any(map(str.strip, lines)):
            yield _Chunk(first, lines, finished=True)
        lines, first = [], number + 1
    if any(map(str.strip, lines)):
        yield _Chunk(first, lines, finished=False)


def _lines(content: str) -> Iterator[str]:
    # One after the other: a list of all lines would be the largest thing in memory.
    start = 0
    while (end := content.find("\n", start)) >= 0:
        yield content[start:end]
        start = end + 1
    yield content[start:]


def _read(chunk: _Chunk) -> RawRecord:
    first = next(index for index, line in enumerate(chunk.lines) if line.strip())
    found = _find_details(chunk.lines, first)
    if found is None:
        return RawRecord(chunk.line + first, chunk.lines[first], None, _body(chunk.lines[first:]), chunk.finished)
    index, details = found
    body = chunk.lines[index + 1 :]
    if body and not body[0].strip():
        body = body[1:]
    return RawRecord(chunk.line + first, "\n".join(chunk.lines[first:index]), details, _body(body), chunk.finished)


def _find_details(lines: list[str], first: int) -> tuple[int, Details] | None:
    for index in range(first, min(len(lines), first + _MOST_TITLE_LINES)):
        if not lines[index].strip():
            return None
        if index - first > _TITLE_LINES and not lines[index - 1].rstrip().endswith(")"):
            # Only a list of authors, one on each line, makes a title line that long.
            continue
        alone = index + 1 >= len(lines) or not lines[index + 1].strip()
        if details := read_details(lines[index], alone=alone):
            return index, details
    return None


def _body(lines: list[str]) -> str:
    # Blanks at the start are kept: they indent verses. Empty lines around the text carry nothing.
    first = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    return "\n".join(lines[first:]).rstrip()
