"""Every format, from bytes to entries."""

from collections.abc import Mapping
from typing import Protocol

from models.imports import ImportFormat
from services.imports import annotations, json_format, koreader, my_clippings, readwise_csv
from services.imports.archives import MAGIC, unpack
from services.imports.encodings import decode
from services.imports.entries import ParsedImport


class Parser(Protocol):
    """Reads a text."""

    def __call__(self, content: str, *, time_zone: str) -> ParsedImport:
        """Read it; raise ValueError, with a sentence for the reader."""


_TEXTS: Mapping[ImportFormat, Parser] = {
    ImportFormat.MY_CLIPPINGS: my_clippings.parse,
    ImportFormat.KOREADER: koreader.parse,
    ImportFormat.READWISE_CSV: readwise_csv.parse,
    ImportFormat.JSON: json_format.parse,
}


def read(kind: ImportFormat, data: bytes, *, time_zone: str) -> ParsedImport:
    """Read a file; raise ValueError, with a sentence for the reader, for one that is nothing of that kind."""
    if kind is ImportFormat.W3C_ANNOTATIONS:
        sets = unpack(data) if data.startswith(MAGIC) else iter([data])
        return annotations.parse(map(decode, sets), time_zone=time_zone)
    if data.startswith(MAGIC):
        raise ValueError("This is a ZIP file. Unpack it, and import what is inside.")
    return _TEXTS[kind](decode(data), time_zone=time_zone)
