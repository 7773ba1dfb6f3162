"""Beginning anew: what a device does when the server says that its cursor is of no use any more."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from device import changes
from device.desk import Desk
from device.ids import uuid7
from device.requests import Position, PushRequest, Taken
from device.store import Json, Op, Row

TOO_LONG = timedelta(seconds=2)
"""An answer that took longer says too little about the time."""


class Resync(Desk):
    """The engine's rules for new runs of pulls, and for what a restored backup may lack."""

    # --- where it stands ---

    @property
    def position(self) -> Position:
        """Tell where the device stands."""
        with self.store.snapshot():
            return Position(self.store.get("generation", 0), self.store.get("cursor"))

    def continues(self, position: Position) -> bool:
        """Tell whether what was asked for at a position may be taken: only if the device still stands there."""
        return self.position == position

    # --- resync ---

    def take_resync(self, reason: str) -> Taken:
        """Begin pulling anew. Everything here stays until the new run is complete; then what it lacks is dropped."""
        with self.store.transaction():
            if reason == "EPOCH_CHANGED":
                self._offer_all()
            # What is put before sent operations breaks the order they were first sent in: the chain is not checked once.
            self.store.put(generation=self.position.generation + 1, cursor=None, resync=reason, previous_op_id=None)
        self.on_queued()
        return Taken(taken=True, resync=reason, has_more=True)

    def must_pull_first(self) -> bool:
        """Tell whether work has to wait for the new run's end: an edit may need its highlight made anew before it."""
        return self.store.get("resync") in ("CURSOR_TOO_OLD", "CURSOR_INVALID")

    def _offer_all(self) -> None:
        """Put before the queue what a restored backup may lack: every highlight held, and every delete known."""
        waiting = self._waiting()
        for tombstone in reversed(self.store.tombstones()):
            if not any(op.kind == "restore" or op.offer for op in waiting.get(tombstone.uuid, ())):
                self._prepend(tombstone.uuid, tombstone.removed_at, {"delete": True})
        books = {book["isbn"]: book for book in self.unknown_books()}
        for row in reversed(list(self.store.rows())):
            if row.body["book"].get("isbn"):
                books[row.body["book"]["isbn"]] = changes.numbered(row.body["book"])
            if not any(op.offer for op in waiting.get(row.uuid, ())):
                # With the edits that wait: the server may have them, and must not get older words from this device.
                body = changes.content(row.body, waiting.get(row.uuid, ()))
                self._prepend(row.uuid, row.body["updatedAt"], changes.offer(body))

        self.store.put(unknown_books=list(books.values()))

    def unknown_books(self) -> list[Json]:
        """List books whose ISBN a restored backup may lack, as `addBook` takes them: to be added before what is offered."""
        return list(self.store.get("unknown_books", []))

    def introduced(self, book: Json) -> None:
        """Note that the server knows this book, or will not."""
        self.store.put(unknown_books=[other for other in self.unknown_books() if other != book])

    def _prepend(self, uuid: str, at: str, change: Json) -> None:
        """Queue an operation before all others, done at a time of the server's clock."""
        done_at = (datetime.fromisoformat(at) + self.skew).isoformat()
        self.store.prepend(Op(uuid7(), uuid, done_at, None, change, offer=True))

    def _revive(self, op: Op, result: Json) -> None:
        """Where an offered highlight is deleted in the backup: if it was restored after, so shall it be again; times decide."""
        body = result.get("highlight")
        waits = self.store.queue(uuid=op.uuid)
        if op.offer and op.kind == "create" and body and body.get("deletedAt") and not waits:
            self.store.prepend(Op(uuid7(), op.uuid, op.done_at, None, {"restore": True}, offer=True))

    def _complete(self) -> None:
        """End a run that has told everything: what it lacks is gone, unless the user's unsent edits need it."""
        reason = self.store.get("resync")
        if reason is None:
            return
        if reason != "SWITCHES_CHANGED":
            for row in self.store.stale_rows(self.position.generation):
                self._let_go(row)
        self.store.put(resync=None)
        self.on_queued()

    def _let_go(self, row: Row) -> None:
        ops = self.store.queue(uuid=row.uuid)
        if any(op.kind == "edit" for op in ops) and not any(op.kind == "create" for op in ops):
            self._prepend(row.uuid, row.body["updatedAt"], changes.offer(row.body))
            self.store.put(previous_op_id=None)
        self.store.drop_row(row.uuid)

    # --- time ---

    @property
    def skew(self) -> timedelta:
        """How far this device's clock was ahead of the server's when they last met."""
        return timedelta(seconds=self.store.get("skew", 0.0))

    def there(self) -> datetime:
        """Tell the time as the server has it, as far as this device knows: what is kept for some days must outlive a wrong clock."""
        return self.now() - self.skew

    def met(self, server_time: str, here: datetime) -> None:
        """Note that it was `server_time` there when it was `here` here."""
        self.store.put(skew=(here - datetime.fromisoformat(server_time)).total_seconds())

    def _learn_time(self, request: PushRequest, results: Mapping[str, Json]) -> None:
        """A highlight that this push has made tells the server's time: it was made between sending and now."""
        took = self.now() - request.sent_at
        if not timedelta() <= took < TOO_LONG:
            return
        for op in request.ops:
            result = results.get(op.op_id, {})
            made = op.kind == "create" and not op.offer and op.based_on is None
            if made and result.get("outcome") == "APPLIED" and not result["replayed"] and result.get("highlight"):
                self.met(result["highlight"]["updatedAt"], request.sent_at + took / 2)
                return
