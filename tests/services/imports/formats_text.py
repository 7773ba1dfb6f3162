"""Files of the other formats, and what every parsed file has to keep."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from models.imports import ImportFormat
from services.imports.entries import ImportedEntry, ParsedImport
from services.imports.reading import read

FOLDER = Path(__file__).parent / "golden" / "formats"
FILES = sorted(path for path in FOLDER.iterdir() if ".expected" not in path.name)
_LEFT_OUT = {"key", "other_keys", "line", "text", "truncated"}


def kind_of(path: Path) -> ImportFormat:
    return ImportFormat(path.stem.partition("-")[0])


def read_file(kind: ImportFormat, data: bytes) -> ParsedImport:
    """Read a file in Berlin."""
    parsed = read(kind, data, time_zone="Europe/Berlin")
    check(parsed)
    return parsed


def check(parsed: ParsedImport) -> None:
    """Every record is accounted for, and everything can be stored."""
    counted = len(parsed.entries) + len(parsed.problems) + parsed.collapsed + parsed.attached_notes
    assert counted == parsed.records
    assert len({entry.key for entry in parsed.entries}) == len(parsed.entries)
    for entry in parsed.entries:
        assert entry.title.strip()
        "".join((entry.text, entry.title, entry.note or "", *entry.authors)).encode()
        assert entry.key not in entry.other_keys
    for problem in parsed.problems:
        assert problem.line >= 1
        assert problem.message
        problem.message.encode()


def told(entry: ImportedEntry) -> list[Any]:
    """Show an entry: its line, its words, and what else it has."""
    values = asdict(entry)
    rest = {one.name: values[one.name] for one in fields(entry) if one.name not in _LEFT_OUT and values[one.name]}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in rest.items()}
    return [
        entry.line,
        entry.text,
        {name: value if isinstance(value, int | float | list) else str(value) for name, value in plain.items()},
    ]
