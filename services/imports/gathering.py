"""Gather the entries and problems of a file whose records stand for themselves."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from services.imports.entries import ImportedEntry, ImportProblem, ParsedImport

BookName = tuple[str, tuple[str, ...]]


class Refused(Exception):
    """A record that cannot become an entry; the message is for the reader."""


class Gathering:
    """Counts every record once: as an entry, as a problem, or as the repetition of another record.

    An entry is known by its `key`. Its first other key is weaker: it holds only while no other entry of the file has
    it, too. Of two records with one key the later one counts.
    """

    def __init__(self) -> None:
        self._entries: dict[str, ImportedEntry] = {}
        self._problems: list[ImportProblem] = []
        self._weak = Counter[str]()
        self._collapsed = 0

    def add(self, entry: ImportedEntry) -> None:
        """Take an entry."""
        known = self._entries.get(entry.key)
        if known is None:
            self._weak.update(entry.other_keys)
        else:
            self._collapsed += 1
        self._entries[entry.key] = entry

    def refuse(self, line: int, message: str, book: BookName | None = None) -> None:
        """Take a problem."""
        self._problems.append(ImportProblem(line, message, book))

    def result(self, *, written_at: datetime | None = None) -> ParsedImport:
        """Account for all of them; a file that does not tell when it was made was made after its latest entry."""
        entries = tuple(self._sure(self._entries.values()))
        return ParsedImport(
            entries=entries,
            problems=tuple(sorted(self._problems, key=lambda problem: problem.line)),
            records=len(entries) + len(self._problems) + self._collapsed,
            collapsed=self._collapsed,
            attached_notes=0,
            written_at=written_at or max(filter(None, map(_told_at, entries)), default=None),
        )

    def _sure(self, entries: Iterable[ImportedEntry]) -> Iterable[ImportedEntry]:
        for entry in entries:
            sure = tuple(key for key in entry.other_keys if self._weak[key] == 1)
            yield entry if len(sure) == len(entry.other_keys) else replace(entry, other_keys=sure)


def _told_at(entry: ImportedEntry) -> datetime | None:
    return entry.changed_at or entry.highlighted_at
