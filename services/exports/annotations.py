"""W3C EPUB annotations: `.annotations`, a ZIP with `annotations.json`, one for each book; all books are a ZIP of those."""

import io
import re
import uuid
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Any

import orjson

from repositories.exports import ExportedHighlight
from services.exports.writers import Switches, Turning, moment

CONTEXT = "https://www.w3.org/ns/epub-anno.jsonld"
CFI = "http://www.idpf.org/epub/linking/cfi/epub-cfi.html"
INSIDE = "annotations.json"
WITHHELD = "1970-01-01T00:00:00.000000Z"
"""The draft requires a time; this one says that the reader's settings keep the real one back."""
HIDING = uuid.UUID("6f2b8f0c-6a0e-5f0e-9d58-0d1f6e2a7c11")
"""Names ids anew where times are kept back: an id made by UUIDv7 tells one."""


class _Sink(io.RawIOBase):
    """Take what a ZIP writes, and hand it on; nothing can be gone back to."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class AnnotationsWriter:
    """One book's highlights as annotations, or all books' in an archive of such files.

    A huge one is laid out for more than 2 GB, which not every program can read.
    """

    def __init__(self, switches: Switches, *, one_book: bool, huge: bool) -> None:
        self._switches = switches
        self._one_book = one_book
        self._huge = huge
        self._book = Turning()
        self._books = 0
        self._sink = _Sink()
        self._open = ExitStack()
        self._items: IO[bytes] | None = None
        self._outer = None if one_book else zipfile.ZipFile(self._sink, "w", zipfile.ZIP_STORED)

    def begin(self) -> bytes:
        """Write nothing yet."""
        return b""

    def slice(self, rows: Sequence[ExportedHighlight]) -> bytes:
        """Write some highlights."""
        for row in rows:
            if self._book.turns(row):
                self._close()
                self._items = self._begin(row)
                self._items.write(_head(row))
            else:
                self._file().write(b",\n")
            self._file().write(orjson.dumps(self._annotation(row)))
        return self._sink.taken()

    def end(self) -> bytes:
        """Close the archives."""
        if self._one_book and not self._book.began:
            self._items = self._begin(None)
            self._items.write(_empty())
        self._close()
        if self._outer is not None:
            self._outer.close()
        return self._sink.taken()

    def _begin(self, row: ExportedHighlight | None) -> IO[bytes]:
        """Open the file inside the archive, inside the archive of all."""
        self._books += 1
        beneath: IO[bytes] = self._sink  # type: ignore[assignment]
        if self._outer is not None and row is not None:
            name = f"{self._books:04} {_name(row.title)}.annotations"
            beneath = self._open.enter_context(self._outer.open(zipfile.ZipInfo(name), "w", force_zip64=self._huge))
        inner = self._open.enter_context(zipfile.ZipFile(_Forward(beneath), "w"))
        entry = zipfile.ZipInfo(INSIDE)
        entry.compress_type = zipfile.ZIP_DEFLATED
        return self._open.enter_context(inner.open(entry, "w", force_zip64=self._huge))

    def _file(self) -> IO[bytes]:
        if self._items is None:
            raise RuntimeError("a highlight before its book")
        return self._items

    def _close(self) -> None:
        if self._items is not None:
            self._items.write(b"\n]}\n")
        self._items = None
        self._open.close()

    def _annotation(self, row: ExportedHighlight) -> dict[str, Any]:
        timed = self._switches.timestamps
        note = row.note if self._switches.notes else None
        told: dict[str, Any] = {
            "id": f"urn:uuid:{row.id if timed else uuid.uuid5(HIDING, str(row.id))}",
            "type": "Annotation",
            "motivation": "commenting" if note else "highlighting",
            "created": moment(row.created_at) if timed else WITHHELD,
        }
        if timed:
            told["modified"] = moment(row.updated_at)
        body = {"type": "TextualBody", "value": note or "", "color": row.color.lower(), "highlight": "solid"}
        return told | {"target": _target(row), "body": body}


class _Forward(io.RawIOBase):
    """Write to another file without ever closing it."""

    def __init__(self, beneath: IO[bytes]) -> None:
        self._beneath = beneath

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._beneath.write(data)


def _target(row: ExportedHighlight) -> dict[str, Any]:
    around = {name: value for name, value in (("prefix", row.prefix), ("suffix", row.suffix)) if value}
    selectors: list[dict[str, Any]] = [{"type": "TextQuoteSelector", "exact": row.text, **around}]
    if row.cfi:
        selectors.append({"type": "FragmentSelector", "conformsTo": CFI, "value": row.cfi})
    if row.percent is not None:
        selectors.append({"type": "ProgressionSelector", "value": row.percent / 100})
    told: dict[str, Any] = {"source": _source(row), "selector": selectors}
    return told | ({"meta": {"page": row.page}} if row.page else {})


def _source(row: ExportedHighlight) -> str:
    """Name the publication: which of its files the passage stands in, nobody told us."""
    return f"urn:isbn:{row.isbn}" if row.isbn else f"urn:uuid:{row.book_id}"


def _head(row: ExportedHighlight) -> bytes:
    about: dict[str, Any] = {"dc:identifier": [_source(row)], "dc:title": row.title}
    about |= {"dc:creator": row.authors} if row.authors else {}
    about |= {"dc:publisher": row.publisher} if row.publisher else {}
    return _set(f"urn:uuid:{uuid.uuid5(HIDING, str(row.book_id))}", about)


def _empty() -> bytes:
    return _set(f"urn:uuid:{HIDING}", {})


def _set(key: str, about: dict[str, Any]) -> bytes:
    head = {"@context": CONTEXT, "id": key, "type": "AnnotationSet", "about": about}
    return orjson.dumps(head)[:-1] + b',"items":[\n'


def _name(title: str) -> str:
    clean = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', " ", title)
    return " ".join(clean.split())[:80].strip(" .") or "book"
