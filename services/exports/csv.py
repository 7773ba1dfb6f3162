"""CSV in the columns of Readwise's own export: RFC 4180, no byte order mark, no cell that a spreadsheet would compute."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC

from repositories.exports import ExportedHighlight
from services.exports.writers import Switches

COLUMNS = (
    "Highlight",
    "Book Title",
    "Book Author",
    "Amazon Book ID",
    "Note",
    "Color",
    "Tags",
    "Location Type",
    "Location",
    "Highlighted at",
    "Document tags",
)
BETWEEN_AUTHORS = "; "
# Also apostrophes before a sign: taking one off again then always gives the text back.
_COMPUTED = re.compile("'*[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")


def guarded(cell: str) -> str:
    """Put an apostrophe before a text that a spreadsheet might take for a formula."""
    return f"'{cell}" if _COMPUTED.match(cell) else cell


class CsvWriter:
    """Highlights as CSV."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    def begin(self) -> bytes:
        """Write the names of the columns."""
        return _lines([COLUMNS])

    def slice(self, rows: Sequence[ExportedHighlight]) -> bytes:
        """Write some highlights."""
        return _lines([[guarded(cell) for cell in self._cells(row)] for row in rows])

    def end(self) -> bytes:
        """Write nothing more."""
        return b""

    def _cells(self, row: ExportedHighlight) -> list[str]:
        at = row.created_at.astimezone(UTC).isoformat(" ", "seconds") if self._switches.timestamps else ""
        note = (row.note or "") if self._switches.notes else ""
        kind, place = _place(row)
        authors = BETWEEN_AUTHORS.join(row.authors)
        return [row.text, row.title, authors, "", note, row.color.lower(), "", kind, place, at, ""]


def _place(row: ExportedHighlight) -> tuple[str, str]:
    if row.location_start is not None:
        return "location", str(row.location_start)
    return ("page", row.page) if row.page else ("", "")


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()
