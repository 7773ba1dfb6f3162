"""Clippings as text, and what every parsed file has to keep."""

from pathlib import Path

from services.imports.entries import ImportedEntry, ParsedImport
from services.imports.my_clippings import parse

GOLDEN = Path(__file__).parent / "golden"
TITLE = "The Glass Ferry (Nora Wynn)"


def record(
    details: str, body: str = "", *, title: str = TITLE, date: str | None = "Monday, July 31, 2017 11:11:20 PM"
) -> str:
    added = f" | Added on {date}" if date is not None else ""
    return f"{title}\r\n- {details}{added}\r\n\r\n{body}\r\n==========\r\n"


def at(minutes: int, *, day: int = 1) -> str:
    return f"Friday, {day} July 2022 {minutes // 60:02}:{minutes % 60:02}:00"


def highlight(place: str, text: str, *, date: str | None = None, title: str = TITLE) -> str:
    return record(f"Your Highlight on {place}", text, date=date or at(0), title=title)


def note(place: str, text: str, *, date: str | None = None, title: str = TITLE) -> str:
    return record(f"Your Note on {place}", text, date=date or at(0), title=title)


def read(*records: str, time_zone: str = "UTC") -> ParsedImport:
    parsed = parse("".join(records), time_zone=time_zone)
    check_counts(parsed)
    return parsed


def check_counts(parsed: ParsedImport) -> None:
    counted = len(parsed.entries) + len(parsed.problems) + parsed.collapsed + parsed.attached_notes
    assert counted == parsed.records
    assert len({entry.key for entry in parsed.entries}) == len(parsed.entries)
    for entry in parsed.entries:
        assert (entry.location_start is None) == (entry.location_end is None)
        if entry.location_start is not None and entry.location_end is not None:
            assert entry.location_start < entry.location_end


def texts(parsed: ParsedImport) -> list[str]:
    return [entry.text for entry in parsed.entries]


def messages(parsed: ParsedImport) -> list[str]:
    return [problem.message for problem in parsed.problems]


def only(parsed: ParsedImport) -> ImportedEntry:
    (entry,) = parsed.entries
    return entry
