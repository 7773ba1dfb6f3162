"""What the server should hold, as plainly as it can be said: dictionaries, and the rules of the design word by word.

Written from the design and not from the server's code; it knows the true time of each operation, not what a clock said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

FORKS = UUID("5d1c4b0a-6f0e-4c63-9f2a-0d6a5b7c1e42")
UNDO, REMEMBERED, TOLD_AGAIN = timedelta(days=30), timedelta(days=180), timedelta(days=35)
STRICTNESS = ("PUBLIC", "FOLLOWERS", "MUTUALS", "PRIVATE")
WORDS = ("passage", "note")


@dataclass
class Mark:
    """The last edit of one register."""

    value: Any
    seq: int
    at: datetime
    writer: str


@dataclass
class Entry:
    """One highlight, or what is left of it."""

    marks: dict[str, Mark]
    life: Mark
    seq: int
    born: int
    """The number it was made with; made anew after it was purged, it has another."""
    twin_of: str | None = None
    deleted_at: datetime | None = None
    until: datetime | None = None
    erased: bool = False

    @property
    def alive(self) -> bool:
        """Whether it is there."""
        return self.deleted_at is None

    def says(self) -> dict[str, Any]:
        """Tell what a reader would see."""
        return {name: None if self.erased and name in WORDS else mark.value for name, mark in self.marks.items()}


@dataclass(frozen=True)
class Deed:
    """One operation as it truly was."""

    op_id: str
    uuid: str
    kind: str
    values: Mapping[str, Any]
    writer: str
    at: datetime
    seen: int | None
    """The number of the version its maker was looking at; None: nothing of this epoch."""
    twin: str | None = None
    """The id of its fork, where the server chose the operation's id."""


@dataclass
class Model:
    """One reader's highlights."""

    seq: int = 0
    floor: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    outcomes: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def take(self, deed: Deed, now: datetime) -> str:
        """Take an operation, or tell its outcome again."""
        if deed.op_id not in self.outcomes:
            self.outcomes[deed.op_id] = self.do(deed, now), now
        return self.outcomes[deed.op_id][0]

    def do(self, deed: Deed, now: datetime) -> str:
        """Do an operation; its outcome."""
        entry = self.entries.get(deed.uuid)
        if deed.kind == "create":
            return self._create(deed, entry, now)
        if deed.kind == "edit":
            return self._edit(deed, entry, now)
        if deed.kind == "restore":
            return "REJECTED" if entry is None or entry.erased else self._live(deed, entry, now, alive=True)
        return "APPLIED" if entry is None else self._live(deed, entry, now, alive=False)

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _create(self, deed: Deed, entry: Entry | None, now: datetime) -> str:
        if entry is None:
            self._add(deed.uuid, {"note": None, "color": "YELLOW", "visibility": "PRIVATE", **deed.values}, deed, None)
            return "APPLIED"
        return self._merge(deed, entry, now) if entry.alive else "SUPERSEDED"

    def _edit(self, deed: Deed, entry: Entry | None, now: datetime) -> str:
        if entry is None:
            return "REJECTED"
        if not entry.erased:
            return self._merge(deed, entry, now)
        if "passage" not in deed.values:
            return "REJECTED"
        self._twin(deed, entry)
        return "FORKED"

    def _merge(self, deed: Deed, entry: Entry, now: datetime) -> str:
        verdicts = {name: self._verdict(deed, entry.marks[name], name, value) for name, value in deed.values.items()}
        if "tie" in verdicts.values():
            self._twin(deed, entry)
        for name, verdict in verdicts.items():
            if verdict == "same":
                _defend(entry.marks[name], deed)
        if "won" in verdicts.values():
            entry.seq = self._next()
            for name in (name for name, verdict in verdicts.items() if verdict == "won"):
                entry.marks[name] = Mark(deed.values[name], entry.seq, deed.at, deed.writer)
            if not entry.alive:
                entry.until = now + UNDO
        return self._outcome(list(verdicts.values()), entry)

    @staticmethod
    def _outcome(verdicts: list[str], entry: Entry) -> str:
        if "tie" in verdicts:
            return "FORKED"
        if verdicts and set(verdicts) == {"lost"}:
            return "SUPERSEDED"
        return "MERGED" if "lost" in verdicts or not entry.alive else "APPLIED"

    @staticmethod
    def _verdict(deed: Deed, standing: Mark, name: str, value: Any) -> str:
        if value == standing.value:
            return "same"
        verdict = _who(deed, standing)
        if verdict != "tie" or name in WORDS:
            return verdict
        if name == "color":
            return "won" if deed.writer > standing.writer else "lost"
        return "won" if STRICTNESS.index(value) > STRICTNESS.index(standing.value) else "lost"

    def _live(self, deed: Deed, entry: Entry, now: datetime, *, alive: bool) -> str:
        if alive == entry.alive:
            _defend(entry.life, deed)
            return "APPLIED"
        verdict = _who(deed, entry.life)
        if verdict == "lost" or (verdict == "tie" and not alive):
            return "SUPERSEDED"
        entry.seq = self._next()
        entry.life = Mark(alive, entry.seq, deed.at, deed.writer)
        entry.deleted_at, entry.until = (None, None) if alive else (now, now + UNDO)
        return "APPLIED"

    def _twin(self, deed: Deed, entry: Entry) -> None:
        key = deed.twin or str(uuid5(FORKS, deed.op_id))
        if key not in self.entries:
            self._add(key, {**entry.says(), **deed.values}, deed, deed.uuid)

    def _add(self, key: str, values: Mapping[str, Any], deed: Deed, twin_of: str | None) -> None:
        seq = self._next()
        marks = {name: Mark(value, seq, deed.at, deed.writer) for name, value in values.items()}
        self.entries[key] = Entry(marks, Mark(True, seq, deed.at, deed.writer), seq, seq, twin_of)  # noqa: FBT003

    # --- time ---

    def erase(self, now: datetime) -> None:
        """Erase what can no longer be restored."""
        for entry in self.entries.values():
            if entry.until is not None and entry.until <= now:
                entry.erased = True

    def purge(self, now: datetime) -> None:
        """Forget what was deleted half a year ago."""
        for key, entry in list(self.entries.items()):
            if entry.erased and entry.deleted_at is not None and entry.deleted_at <= now - REMEMBERED:
                self.floor = max(self.floor, entry.seq)
                del self.entries[key]

    def forget(self, now: datetime) -> None:
        """Forget outcomes that are old enough: an operation sent again is done again, and has to be harmless."""
        self.outcomes = {op_id: told for op_id, told in self.outcomes.items() if told[1] >= now - TOLD_AGAIN}


def _who(deed: Deed, standing: Mark) -> str:
    """Tell who wins between an edit and what stands there."""
    if deed.writer == standing.writer or (deed.seen is not None and standing.seq <= deed.seen):
        return "won"
    if deed.at == standing.at:
        return "tie"
    return "won" if deed.at > standing.at else "lost"


def _defend(standing: Mark, deed: Deed) -> None:
    """Let whoever says the same later stand for it."""
    standing.at, standing.writer = max((standing.at, standing.writer), (deed.at, deed.writer))
