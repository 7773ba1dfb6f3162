"""What the user does and sees, with or without a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from device import changes
from device.changes import UNSET, Shown, Unset
from device.errors import Unknown
from device.ids import uuid7
from device.store import Json, Op, Store


@dataclass(frozen=True)
class Conflict:
    """A copy that was kept because two edits could not be ordered, beside what it was an edit of."""

    fork: Shown
    original: Shown | None


@dataclass
class Desk:
    """The user's side of the engine: every change is queued before it is shown as done."""

    store: Store
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    on_queued: Callable[[], None] = field(default=lambda: None)

    # --- what the user does ---

    def create(
        self,
        book: Mapping[str, Any],
        text: str,
        *,
        anchor: Mapping[str, Any] | None = None,
        note: str | None = None,
        color: str | None = None,
        visibility: str | None = None,
        uuid: str | None = None,
    ) -> str:
        """Mark a passage; its uuid. `book` is a BookRef: {"isbn": …}, {"named": {"title", "authors"}} or {"id": …}."""
        marked = changes.passage(text, anchor)
        made = changes.creation(book, marked, note=note, color=color, visibility=visibility)
        return self._queue(uuid or uuid7(), made)

    def edit(
        self,
        uuid: str,
        *,
        passage: Json | Unset = UNSET,
        note: str | Unset | None = UNSET,
        color: str | Unset = UNSET,
        visibility: str | Unset = UNSET,
    ) -> None:
        """Change what is given of a highlight; a note of None is cleared. Raise Unknown."""
        given = {"passage": passage, "note": note, "color": color, "visibility": visibility}
        with self.store.transaction():
            self.find(uuid)
            self._queue(uuid, {"edit": {name: value for name, value in given.items() if value is not UNSET}})

    def delete(self, uuid: str) -> None:
        """Delete a highlight. Raise Unknown."""
        with self.store.transaction():
            self.find(uuid)
            self._queue(uuid, {"delete": True})

    def restore(self, uuid: str) -> None:
        """Undo a delete. Raise Unknown for what was never deleted here."""
        with self.store.transaction():
            if self.store.tombstone(uuid) is None and not any(
                op.kind == "delete" for op in self.store.queue(uuid=uuid)
            ):
                raise Unknown(f"No deleted highlight {uuid} is known on this device.")
            self._queue(uuid, {"restore": True})

    def _queue(self, uuid: str, change: Json) -> str:
        with self.store.transaction():
            self.store.append(Op(uuid7(), uuid, self.now().isoformat(), self._seen(uuid), change))
        self.on_queued()
        return uuid

    def _seen(self, uuid: str) -> str | None:
        """Tell which version the user is looking at: of one that was deleted and is being brought back, its last one."""
        row = self.store.row(uuid)
        if row is not None:
            return row.version
        tombstone = self.store.tombstone(uuid)
        return tombstone.body["version"] if tombstone and tombstone.body else None

    # --- what the user sees ---

    def view(self) -> list[Shown]:
        """List the highlights as the user sees them, oldest id first."""
        return [shown for shown in self._all() if shown.alive]

    def trash(self) -> list[Shown]:
        """List what was deleted and can be brought back by `restore`, oldest id first."""
        return [shown for shown in self._all() if not shown.alive]

    def find(self, uuid: str) -> Shown:
        """Find one highlight as the user sees it. Raise Unknown."""
        with self.store.snapshot():
            found = changes.show(uuid, self.store.row(uuid), self.store.tombstone(uuid), self.store.queue(uuid=uuid))
        if found is None or not found.alive:
            raise Unknown(f"There is no highlight {uuid} on this device.")
        return found

    def _all(self) -> list[Shown]:
        with self.store.snapshot():
            waiting = self._waiting()
            held = {row.uuid: row for row in self.store.rows()}
            gone = {tombstone.uuid: tombstone for tombstone in self.store.tombstones()}
            found = [
                changes.show(uuid, held.get(uuid), gone.get(uuid), waiting.get(uuid, ()))
                for uuid in sorted(held.keys() | gone.keys() | waiting.keys())
            ]
        return [shown for shown in found if shown is not None]

    def _waiting(self) -> dict[str, list[Op]]:
        """Sort the queue by highlight."""
        waiting: dict[str, list[Op]] = {}
        for op in self.store.queue():
            waiting.setdefault(op.uuid, []).append(op)
        return waiting

    def conflicts(self) -> list[Conflict]:
        """List the copies that were kept because two edits could not be ordered: the user decides which to delete."""
        seen = {shown.uuid: shown for shown in self.view()}
        forks = [shown for shown in seen.values() if shown.body.get("conflictOf")]
        return [Conflict(fork, seen.get(fork.body["conflictOf"]["uuid"])) for fork in forks]
