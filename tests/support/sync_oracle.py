"""Watch a server and its devices against the model: what must hold after every step, and what at the end."""

import base64
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from models import Highlight
from tests.support.sync_model import WORDS, Deed, Model
from tests.support.sync_phone import Diverged, Phone, Sent
from tests.support.sync_server import Server

FINAL = ("APPLIED", "MERGED", "FORKED")


def must(holds: object, *what: object) -> None:
    """Raise Diverged unless it holds."""
    if not holds:
        raise Diverged(" ".join(map(str, what)))


@dataclass(frozen=True)
class Act:
    """Something a user did, as it was."""

    at: datetime
    era: int
    wrote: Mapping[str, Any]
    saw: Mapping[str, Any]
    """What its maker saw of the highlight."""


@dataclass(frozen=True)
class Acked:
    """An operation that reached the server, and what it said."""

    op_id: str
    uuid: str
    kind: str
    wrote: Mapping[str, Any]
    writer: str
    outcome: str
    fork: str | None


@dataclass
class Copy:
    """What a backup needs of the oracle."""

    model: Model
    acked: list[Acked]
    buried: set[str]


@dataclass
class Oracle:
    """All that is known from outside the server."""

    server: Server
    model: Model = field(default_factory=Model)
    acts: dict[str, Act] = field(default_factory=dict)
    acked: list[Acked] = field(default_factory=list)
    told: dict[str, tuple[str, str | None, str | None]] = field(default_factory=dict)
    """The first answer to each operation: outcome, fork, code of the refusal."""
    reached: set[str] = field(default_factory=set)
    """Every operation the server ever answered."""
    buried: set[str] = field(default_factory=set)
    """What an acknowledged delete took away, and nobody has wanted back since."""
    deleted: set[str] = field(default_factory=set)
    """What anybody ever deleted."""
    era: int = 0
    """How often a backup was restored."""
    _touched: bool = True

    # --- what users do ---

    def did(self, op_id: str, wrote: Mapping[str, Any], saw: Mapping[str, Any]) -> None:
        """Note what a user did, at its true time."""
        self.acts[op_id] = Act(self.server.now, self.era, wrote, saw)

    def wants_back(self, uuid: str) -> None:
        """Note that somebody restores a highlight: it may live again."""
        self.buried.discard(uuid)

    # --- what reaches the server ---

    def arrived(self, sent: Sent, payload: Any) -> None:
        """Compare the answer to a push with the model's."""
        self._touched = True
        if payload["userErrors"]:
            must(payload["results"] == [], "a refused batch was applied")
            return
        must(len(payload["results"]) == len(sent.request.ops), "an operation was not answered")
        for wire, result in zip(sent.request.variables["input"]["ops"], payload["results"], strict=True):
            deed = self._deed(sent, wire)
            known = self.told.get(deed.op_id)
            must(known is None or result["replayed"], "an operation was done again", deed)
            before = self.standing(deed.uuid)
            outcome = self.model.take(deed, self.server.now)
            must(outcome == result["outcome"], deed, "is", result["outcome"], "and should be", outcome, result["error"])
            self._again(deed, result)
            if known is None:
                other_epoch = wire["basedOn"] is not None and deed.seen is None
                self.ack(deed, outcome, (result["fork"] or {}).get("uuid"), before, other_epoch=other_epoch)

    def _again(self, deed: Deed, result: Mapping[str, Any]) -> None:
        self.reached.add(deed.op_id)
        fork = (result["fork"] or {}).get("uuid")
        code = (result["error"] or {}).get("code")
        first = self.told.setdefault(deed.op_id, (result["outcome"], fork, code))
        gone = fork is None and result["replayed"]  # a fork may have been erased since
        must((first[0], first[2]) == (result["outcome"], code), deed, "was told", first, "and now", result)
        must(first[1] == fork or gone, deed, "was told", first, "and now", result)

    def _deed(self, sent: Sent, wire: Mapping[str, Any]) -> Deed:
        kind, body = next(iter(wire["change"].items()))
        act = self.acts.get(wire["opId"])
        late = self.server.now - sent.at
        # How wrong the device's clock was at sending; when a late request arrives it may have been set again.
        error = datetime.fromisoformat(sent.request.variables["input"]["sentAt"]) - sent.at
        done = act.at if act else datetime.fromisoformat(wire["doneAt"]) - error
        seen = self.seen(wire["basedOn"])
        return Deed(
            *(wire["opId"], wire["highlightUuid"], kind, values_of(kind, body)),
            *(str(sent.phone.viewer.device_id), min(self.server.now, done + late), seen),
        )

    def seen(self, version: str | None) -> int | None:
        """Read the number out of a version of this epoch."""
        if version is None:
            return None
        _, epoch, seq = orjson.loads(base64.urlsafe_b64decode(version + "=="))
        return seq if epoch == self.server.container.epoch.current else None

    def standing(self, uuid: str) -> dict[str, Any]:
        """Tell what stands in a highlight's registers."""
        entry = self.model.entries.get(uuid)
        return {} if entry is None else deepcopy(entry.marks)

    def ack(
        self, deed: Deed, outcome: str, fork: str | None, before: Mapping[str, Any], *, other_epoch: bool = False
    ) -> None:
        """Note an operation that was done now, and check what it must never be. What was seen in another epoch counts as unseen."""
        self._touched = True
        self.acked.append(Acked(deed.op_id, deed.uuid, deed.kind, deed.values, deed.writer, outcome, fork))
        if deed.kind == "delete":
            self.deleted.add(deed.uuid)
            # A delete of what the server does not know leaves nothing there to remember it by.
            if outcome == "APPLIED" and deed.uuid in self.model.entries:
                self.buried.add(deed.uuid)
        if deed.kind == "restore" and outcome == "APPLIED":
            self.buried.discard(deed.uuid)
        act = self.acts.get(deed.op_id)
        self._never_forks_with_itself(deed, outcome, before)
        if act is not None and act.era == self.era and not other_epoch:
            self._seen_wins(deed, act, before)

    def _never_forks_with_itself(self, deed: Deed, outcome: str, before: Mapping[str, Any]) -> None:
        entry = self.model.entries.get(deed.uuid)
        if outcome == "FORKED" and entry is not None and not entry.erased:
            touched = [before[name].writer for name in deed.values if name in WORDS]
            must(any(writer != deed.writer for writer in touched), "a device forked with itself:", deed)

    def _seen_wins(self, deed: Deed, act: Act, before: Mapping[str, Any]) -> None:
        """Where nobody has written anything since what the maker saw, the edit stands."""
        entry = self.model.entries.get(deed.uuid)
        if entry is None or entry.erased or (deed.seen is not None and entry.born > deed.seen):
            return  # what they saw is gone; another device may have made it anew since, with the same words
        for name in (name for name in WORDS if act.wrote.get(name) is not None):
            if name in before and act.saw.get(name) is not None and before[name].value == act.saw[name]:
                must(entry.marks[name].value == act.wrote[name], deed, "was made after seeing what it lost to")

    # --- after each step ---

    async def check(self) -> bool:
        """Compare the server with the model, and see that nothing has come back; False where nobody has met the server since."""
        if not self._touched:
            return False
        self._touched = False
        rows = {str(row.id): row for row in await self.server.rows()}
        must(rows.keys() == self.model.entries.keys(), "server has", sorted(rows), "model", sorted(self.model.entries))
        for key, row in rows.items():
            shown, wanted = as_stored(row), self._wanted(key)
            must(shown == wanted, key, "is", shown, "and should be", wanted)
        must(await self.server.counter() == (self.model.seq, self.model.floor), "the counter is off")
        alive = {key for key, row in rows.items() if row.deleted_at is None}
        must(not alive & self.buried, "deleted, and back again:", alive & self.buried)
        return True

    def _wanted(self, key: str) -> dict[str, Any]:
        entry = self.model.entries[key]
        stamps = {**entry.marks, "life": entry.life}
        return {
            **({name: value or "" if name == "passage" else value for name, value in entry.says().items()}),
            "seq": entry.seq,
            "deleted_at": entry.deleted_at,
            "until": entry.until,
            "erased": entry.erased,
            "twin_of": entry.twin_of,
            "stamps": {name: (mark.seq, mark.at, mark.writer) for name, mark in stamps.items()},
        }

    def pass_time(self) -> None:
        """Let the model age: now is the server's now."""
        self._touched = True
        self.model.erase(self.server.now)
        self.model.purge(self.server.now)
        self.model.forget(self.server.now)
        self.told = {op_id: answer for op_id, answer in self.told.items() if op_id in self.model.outcomes}
        self.buried &= self.model.entries.keys()

    # --- backups ---

    def copy(self) -> Copy:
        """Remember the present, as a backup does."""
        return Copy(deepcopy(self.model), list(self.acked), set(self.buried))

    def go_back(self, copy: Copy) -> None:
        """Forget what the server forgot."""
        self.era += 1
        self.model, self.acked, self.buried = deepcopy(copy.model), list(copy.acked), set(copy.buried)
        self.told = {op_id: answer for op_id, answer in self.told.items() if op_id in self.model.outcomes}

    # --- at rest ---

    async def at_rest(self, phones: Iterable[Phone], held: Mapping[tuple[str, str], set[str]]) -> None:
        """See that all devices equal the server, that every act was answered, and that no word is lost."""
        self._touched = True
        await self.check()
        alive = {key: entry.says() for key, entry in self.model.entries.items() if entry.alive}
        for phone in phones:
            must(phone.holds == alive, "a device holds", phone.holds, "and should hold", alive)
        for op_id in self.acts:
            must(op_id in self.reached or self.era, "an act never reached the server:", self.acts[op_id])
        self._no_word_lost()
        self._nothing_held_lost(held)

    def _present(self) -> set[Any]:
        return {mark.value for entry in self.model.entries.values() for mark in entry.marks.values()}

    def _no_word_lost(self) -> None:
        """An acknowledged word is there, or was told to be beaten, or something acknowledged later stands in its place."""
        present = self._present()
        for index, ack in enumerate(self.acked):
            home = ack.fork or ack.uuid
            for name in (name for name in WORDS if ack.wrote.get(name)):
                later = (a for a in self.acked[index + 1 :] if a.uuid == home and name in a.wrote)
                replaced = any(a.outcome in FINAL for a in later)
                forgotten = home not in self.model.entries or self.model.entries[home].erased
                gone = ack.outcome in ("SUPERSEDED", "MERGED", "REJECTED")
                must(ack.wrote[name] in present or replaced or forgotten or gone, "lost:", ack)

    def _nothing_held_lost(self, held: Mapping[tuple[str, str], set[str]]) -> None:
        """Of what devices held when a backup was restored, the newest words of each register, or newer ones, are there."""
        present = self._present()
        beaten = {word for a in self.acked if a.outcome in ("SUPERSEDED", "MERGED") for word in a.wrote.values()}
        for (uuid, name), words in held.items():
            newest = max(words, key=number_of)
            entry = self.model.entries.get(uuid)
            if newest in present or newest in beaten or uuid in self.deleted:
                continue
            must(entry is not None, "lost in the backup:", uuid, newest)
            assert entry is not None
            value = entry.marks[name].value
            must(value is None or number_of(value) > number_of(newest), "lost in the backup:", newest, "stands", value)


def number_of(word: str) -> int:
    """Read when a word was made: words are numbered as they are made."""
    return int(word.rsplit(" ", 1)[1])


def values_of(kind: str, body: Any) -> dict[str, Any]:
    """Tell what an operation writes into which register."""
    if kind not in ("create", "edit"):
        return {}
    values = {name: body[name] for name in ("color", "visibility") if body.get(name) is not None}
    if "note" in body and (kind == "edit" or body["note"] is not None):
        values["note"] = body["note"] or None
    return values | ({"passage": body["passage"]["text"]} if body.get("passage") else {})


def as_stored(row: Highlight) -> dict[str, Any]:
    """Tell all that the server keeps of a highlight."""
    registers = ("passage", "note", "color", "visibility", "life")
    return {
        "passage": row.text,
        "note": row.note,
        "color": row.color.value,
        "visibility": row.visibility.value,
        "seq": row.seq,
        "deleted_at": row.deleted_at,
        "until": row.restorable_until,
        "erased": row.erased_at is not None,
        "twin_of": str(row.conflict_of) if row.conflict_of else None,
        "stamps": {
            name: (getattr(row, f"{name}_seq"), getattr(row, f"{name}_at"), str(getattr(row, f"{name}_device_id")))
            for name in registers
        },
    }
