"""Judge what a storm left: compare what everybody was told with what there is, and explain every difference or report it.

The rules are a plain model of the promise, written again from the design: nothing of the server's merge is used.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.storm_ledger import REFUSED, UNKNOWN, WON, Asked
from core import opaque

SAID_ONCE = ("text", "note")
"""Registers whose values are each said once in a run."""
LATE = 60.0
"""Seconds that an operation may be on its way: what the server's correction of its time may add."""
EARLY = 1.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """A register's last edit: when in the reader's order, at what time, by whom."""

    seq: int
    at: float
    writer: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """A highlight as it stood after one change."""

    id: str
    seq: int
    values: Mapping[str, Any]
    """Register to value; `alive` is whether it was not deleted."""
    stamps: Mapping[str, Stamp]
    conflict_of: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    kind: str
    what: str


@dataclass
class Evidence:
    """All that is known when all is quiet again."""

    asked: Sequence[Asked]
    history: Mapping[str, Sequence[Version]]
    """Every highlight's versions in the order they were committed, by the database's own account."""
    rows: Mapping[str, Version]
    """The highlights as they stand in the database."""
    outcomes: Mapping[str, str]
    """Operation to outcome, as the database remembers it; of devices only."""
    served: Mapping[str, Mapping[str, bytes]]
    """Reader to what a new device would be sent: uuid to canonical JSON."""
    held: Mapping[str, tuple[str, Mapping[str, bytes]]]
    """Device to its reader and what it holds."""
    surprises: Sequence[str] = field(default_factory=list)


def check(found: Evidence) -> list[Finding]:
    """List everything that must not be."""
    world = _World(found)
    findings = [Finding("contradicted", what) for what in found.surprises]
    for part in (_answers, _effects, _once, _transitions, _lives, _endings, _copies):
        findings += [Finding(kind, what) for kind, what in part(world)]
    return findings


Findings = Iterator[tuple[str, str]]


class _World:
    """The evidence, with what was asked found by what it says."""

    def __init__(self, found: Evidence) -> None:
        self.found = found
        self.by_value: dict[tuple[str, Any], Asked] = {}
        self.by_highlight: dict[str, list[Asked]] = defaultdict(list)
        for asked in found.asked:
            for register in SAID_ONCE:
                if asked.says.get(register) is not None:
                    self.by_value[register, asked.says[register]] = asked
        self.runs = _runs(found.history)
        for asked in found.asked:
            self.by_highlight[self.home(asked)].append(asked)
        self.shown = {
            (version.id, register, version.values[register])
            for versions in found.history.values()
            for version in versions
            for register in version.values
        }

    def home(self, asked: Asked) -> str:
        """Name the highlight of an operation; a create whose answer was lost is found by its words."""
        if asked.highlight:
            return asked.highlight
        return next(iter(self.runs.get(("text", asked.says.get("text")), ())), "")

    def took(self, asked: Asked, register: str) -> bool:
        """Tell whether what an operation says of a register has ever stood there."""
        return (self.home(asked), register, asked.says[register]) in self.shown


def _runs(history: Mapping[str, Sequence[Version]]) -> Mapping[tuple[str, Any], list[str]]:
    """Tell where each value said once began to stand: one place, if all is well. A fork's copies do not count."""
    runs: dict[tuple[str, Any], list[str]] = defaultdict(list)
    for highlight, versions in history.items():
        for before, after in zip([None, *versions], versions, strict=False):
            for register in SAID_ONCE:
                value = after.values[register]
                if value is None or (before is not None and before.values[register] == value):
                    continue
                if before is None and after.conflict_of and _stood(history.get(after.conflict_of, ()), register, value):
                    continue
                runs[register, value].append(highlight)
    return runs


def _stood(versions: Iterable[Version], register: str, value: object) -> bool:
    return any(version.values[register] == value for version in versions)


def _answers(world: _World) -> Findings:
    """Compare what makers were told with what the database remembers of it."""
    for asked in world.found.asked:
        kept = world.found.outcomes.get(asked.key)
        if asked.outcome == UNKNOWN:
            yield "open", f"nobody ever heard what became of {_name(asked)}"
        elif asked.outcome == REFUSED and not asked.why.startswith("web "):
            yield "refused", f"{_name(asked)}: {asked.why}"
        if asked.writer.startswith("web") or asked.outcome == UNKNOWN:
            continue
        if kept is None:
            yield "lost", f"{_name(asked)} was told {asked.outcome}, and the database does not remember it"
        elif kept != asked.outcome:
            yield "lost", f"{_name(asked)} was told {asked.outcome}, and the database says {kept}"


def _effects(world: _World) -> Findings:
    """Find what each acknowledged operation did, or what beat it."""
    for asked in world.found.asked:
        if asked.outcome in WON and not _is_seen(world, asked):
            yield "lost", f"{_name(asked)} was told {asked.outcome}, and has left no trace"
        elif asked.outcome == "FORKED" and not _has_fork(world, asked):
            yield "lost", f"{_name(asked)} was told FORKED, and there is no such copy"
        elif asked.outcome == "SUPERSEDED":
            yield from _beaten(world, asked)
        elif asked.outcome == REFUSED and any(world.took(asked, register) for register in _once_said(asked)):
            yield "doubled", f"{_name(asked)} was refused, and stands there"


def _once_said(asked: Asked) -> list[str]:
    return [register for register in SAID_ONCE if asked.says.get(register) is not None]


def _is_seen(world: _World, asked: Asked) -> bool:
    seen = [world.took(asked, register) for register in asked.says]
    return any(seen) if asked.outcome == "MERGED" else all(seen)


def _has_fork(world: _World, asked: Asked) -> bool:
    copies = [version for version in world.found.rows.values() if version.conflict_of == world.home(asked)]
    return any(all(copy.values[register] == asked.says[register] for register in asked.says) for copy in copies)


def _beaten(world: _World, asked: Asked) -> Findings:
    for register in _once_said(asked):
        if world.took(asked, register):
            yield "doubled", f"{_name(asked)} was told SUPERSEDED, and stood there"
    versions = world.found.history.get(world.home(asked), ())
    if asked.kind == "create":
        if not any(not version.values["alive"] for version in versions):
            yield "lost", f"{_name(asked)} was told SUPERSEDED, and nobody deleted that highlight"
        return
    for register in asked.says:
        if not any(_can_beat(version.stamps[register], asked) for version in versions):
            yield "lost", f"{_name(asked)} was told SUPERSEDED, and nothing there beats its {register}"


def _can_beat(standing: Stamp, asked: Asked) -> bool:
    unseen = standing.seq > _based_on(asked) and standing.writer != asked.writer
    return unseen and (not asked.known_offset or standing.at >= asked.at - EARLY)


def _based_on(asked: Asked) -> int:
    parts = opaque.unpack("v", asked.based_on, 2) if asked.based_on else None
    return int(parts[1]) if parts else -1


def _once(world: _World) -> Findings:
    """Each thing said began to stand once: twice is an operation done twice, or one that came back."""
    for (register, value), places in world.runs.items():
        if len(places) > 1:
            yield "doubled", f"the {register} {value!r} began to stand {len(places)} times, in {sorted(set(places))}"
    standing = Counter(
        version.values["text"]
        for version in world.found.rows.values()
        if version.values["alive"] and not version.conflict_of
    )
    for text, count in standing.items():
        if count > 1:
            yield "doubled", f"{count} highlights say {text!r}"


def _transitions(world: _World) -> Findings:
    """Each change of a register was asked for, by somebody who may win against what stood there."""
    for highlight, versions in world.found.history.items():
        for before, after in zip([None, *versions], versions, strict=False):
            for register, value in after.values.items():
                if before is not None and before.values[register] == value:
                    continue
                if before is None and (register not in SAID_ONCE or value is None or after.conflict_of):
                    continue
                yield from _explained(world, highlight, register, before, after)


def _explained(world: _World, highlight: str, register: str, before: Version | None, after: Version) -> Findings:
    value, stamp = after.values[register], after.stamps[register]
    makers = _makers(world, highlight, register, value)
    where = f"{register} of {highlight} became {value!r} at {after.seq}"
    if not makers:
        yield "invented", f"{where}, and nobody asked for that"
    elif not any(_fits(asked, stamp) for asked in makers):
        yield "misdated", f"{where} with a time that is not its maker's: {stamp.at} for {[a.at for a in makers]}"
    elif before is not None and not any(_wins(asked, before.stamps[register], stamp) for asked in makers):
        yield "overwritten", f"{where} over {before.values[register]!r}, which its maker had not seen and is later"


def _makers(world: _World, highlight: str, register: str, value: object) -> list[Asked]:
    if register in SAID_ONCE and value is not None:
        maker = world.by_value.get((register, value))
        return [maker] if maker is not None else []
    return [
        asked for asked in world.by_highlight[highlight] if register in asked.says and asked.says[register] == value
    ]


def _fits(asked: Asked, stamp: Stamp) -> bool:
    return not asked.known_offset or asked.at - EARLY <= stamp.at <= asked.at + LATE


def _wins(asked: Asked, standing: Stamp, stamp: Stamp) -> bool:
    return standing.writer == stamp.writer or standing.seq <= _based_on(asked) or stamp.at >= standing.at


def _lives(world: _World) -> Findings:
    """What was deleted stays deleted, unless somebody restored it; what was not deleted lives."""
    for highlight, versions in world.found.history.items():
        asked = world.by_highlight[highlight]
        wanted = Counter(one.says["alive"] for one in asked if one.kind in {"delete", "restore"})
        moves = Counter(
            after.values["alive"]
            for before, after in itertools.pairwise(versions)
            if before.values["alive"] != after.values["alive"]
        )
        for alive, verb in ((True, "came back"), (False, "was deleted")):
            if moves[alive] > wanted[alive]:
                kind = "resurrected" if alive else "lost"
                yield kind, f"{highlight} {verb} {moves[alive]} times, asked for {wanted[alive]} times"
        row = world.found.rows.get(highlight)
        deleted = any(one.kind == "delete" and one.outcome == "APPLIED" for one in asked)
        if row is not None and row.values["alive"] and deleted and not wanted[True]:
            yield "resurrected", f"{highlight} was deleted, nobody restored it, and it lives"


def _endings(world: _World) -> Findings:
    """The rows are what their history ends with, and what every acknowledged create has left is there."""
    for highlight, versions in world.found.history.items():
        row = world.found.rows.get(highlight)
        if row is None:
            yield "lost", f"{highlight} is gone: {versions[-1].values['text']!r}"
        elif row.values != versions[-1].values:
            yield "lost", f"{highlight} is {row.values}, and its history ends with {versions[-1].values}"
    for asked in world.found.asked:
        if asked.kind == "create" and asked.is_acked and world.home(asked) not in world.found.rows:
            yield "lost", f"{_name(asked)} was acknowledged, and there is no such highlight"


def _copies(world: _World) -> Findings:
    """Every device holds what a new one would be sent, byte for byte; and that is what the database holds."""
    for device, (reader, held) in world.found.held.items():
        served = world.found.served[reader]
        for uuid in sorted(served.keys() | held.keys()):
            if served.get(uuid) != held.get(uuid):
                yield "diverged", f"{device} holds {held.get(uuid)!r}, the server {served.get(uuid)!r}"
    alive = {uuid for uuid, row in world.found.rows.items() if row.values["alive"]}
    shown = {uuid for rows in world.found.served.values() for uuid in rows}
    for uuid in sorted(alive ^ shown):
        yield "diverged", f"{uuid} is {'not ' if uuid in alive else ''}served, and the database says otherwise"


def _name(asked: Asked) -> str:
    return f"{asked.kind} {asked.key} of {asked.highlight or '(no id)'} by {asked.writer}"
