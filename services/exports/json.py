"""Our own JSON: lossless, canonical, a highlight a line. docs/export-format.md is its promise."""

from collections.abc import Sequence
from typing import Any

import orjson

from repositories.exports import ExportedHighlight
from services.exports.writers import Switches, Turning, moment

FORMAT, VERSION = "commonplace-highlights", 1
ANCHOR = {
    "locationStart": "location_start",
    "locationEnd": "location_end",
    "prefix": "prefix",
    "suffix": "suffix",
    "cfi": "cfi",
    "page": "page",
    "percent": "percent",
}


class JsonWriter:
    """Highlights as JSON."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._book = Turning()

    def begin(self) -> bytes:
        """Write the head."""
        return b'{"format":"%s","version":%d,"books":[\n' % (FORMAT.encode(), VERSION)

    def slice(self, rows: Sequence[ExportedHighlight]) -> bytes:
        """Write some highlights."""
        return b"".join(self._one(row) for row in rows)

    def end(self) -> bytes:
        """Close what is open."""
        return b"\n]}\n]}\n" if self._book.began else b"]}\n"

    def _one(self, row: ExportedHighlight) -> bytes:
        began = self._book.began
        if not self._book.turns(row):
            return b",\n" + self._highlight(row)
        # The book's closing brace is taken off, for its highlights to stand inside.
        head = orjson.dumps(_book(row))[:-1] + b',"highlights":[\n'
        return (b"\n]},\n" if began else b"") + head + self._highlight(row)

    def _highlight(self, row: ExportedHighlight) -> bytes:
        timed = self._switches.timestamps
        told: dict[str, Any] = {"uuid": str(row.id)} if timed else {}
        told |= {"text": row.text, "anchor": {name: getattr(row, column) for name, column in ANCHOR.items()}}
        told |= {"note": row.note} if self._switches.notes else {}
        told |= {"color": row.color, "visibility": row.visibility}
        if timed:
            conflict = str(row.conflict_of) if row.conflict_of else None
            told |= {"createdAt": moment(row.created_at), "updatedAt": moment(row.updated_at), "conflictOf": conflict}
        return orjson.dumps(told)


def _book(row: ExportedHighlight) -> dict[str, Any]:
    return {
        "isbn": row.isbn,
        "title": row.title,
        "authors": row.authors,
        "publisher": row.publisher,
        "totalLocations": row.total_locations,
    }
