"""What a device holds: one SQLite file. Whatever belongs together is written in one transaction.

Acknowledged to the user means committed here: WAL with synchronous=FULL, so that a crash or a power cut at any moment loses
nothing that was shown as saved. Several processes may share the file (`watch` in one terminal, `add` in another).
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Json = dict[str, Any]
"""An object as the API tells it."""

TOMBSTONE_DAYS = 180
"""As long as the server keeps its own: after a restored backup, deletes made since are told again."""
TRASH_DAYS = 30
"""As long as a delete can be undone; then the deleted words are forgotten here too."""
OUTCOME_DAYS = 35
LAYOUT = 1
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE highlights (
  uuid TEXT PRIMARY KEY, id TEXT NOT NULL, version TEXT NOT NULL, body TEXT NOT NULL, generation INTEGER NOT NULL
);
CREATE TABLE tombstones (uuid TEXT PRIMARY KEY, removed_at TEXT NOT NULL, body TEXT);
CREATE TABLE queue (
  position INTEGER PRIMARY KEY, op_id TEXT NOT NULL UNIQUE, uuid TEXT NOT NULL, done_at TEXT NOT NULL, based_on TEXT,
  change TEXT NOT NULL, sends INTEGER NOT NULL DEFAULT 0, offer INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX queue_uuid ON queue (uuid);
CREATE TABLE told (
  op_id TEXT PRIMARY KEY, uuid TEXT NOT NULL, done_at TEXT NOT NULL, change TEXT NOT NULL, outcome TEXT NOT NULL,
  fork TEXT, error TEXT, told_at TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True)
class Op:
    """An operation that waits for its outcome. `change` is exactly one of create, edit, delete, restore."""

    op_id: str
    uuid: str
    done_at: str
    based_on: str | None
    change: Json
    sends: int = 0
    """How often it may have reached the server."""
    offer: bool = False
    """Made by a resync after a restored backup, not by the user."""

    @property
    def kind(self) -> str:
        """Tell what it does."""
        return next(iter(self.change))


@dataclass(frozen=True)
class Told:
    """What became of an operation, with its content: nothing the user wrote is thrown away."""

    op_id: str
    uuid: str
    done_at: str
    change: Json
    outcome: str
    fork: str | None
    error: Json | None
    told_at: str
    seen: bool = False


@dataclass(frozen=True)
class Row:
    """A highlight as the server last told it."""

    uuid: str
    version: str
    body: Json
    generation: int


@dataclass(frozen=True)
class Tombstone:
    """A highlight that was deleted, with its last words while the delete can be undone."""

    uuid: str
    removed_at: str
    body: Json | None


class Store:
    """One device's file. Its methods do no more than they say; the rules are the engine's."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._db = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        self._depth = 0
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            layout = self._db.execute("PRAGMA user_version").fetchone()[0]
            if layout > LAYOUT:
                raise sqlite3.NotSupportedError("it was written by a newer version of this program")
            if layout == 0:
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {LAYOUT}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block, or nothing; blocks inside belong to the outermost."""
        with self._block("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads of the block see one state."""
        with self._block("BEGIN"):
            yield

    @contextmanager
    def _block(self, begin: str) -> Iterator[None]:
        if self._depth == 0:
            self._db.execute(begin)
        self._depth += 1
        try:
            yield
        except BaseException:
            if self._depth == 1 and self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        else:
            if self._depth == 1:
                self._db.execute("COMMIT")
        finally:
            self._depth -= 1

    # --- meta ---

    def get(self, name: str, default: Any = None) -> Any:
        """Read a value."""
        found = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return default if found is None else json.loads(found[0])

    def put(self, **values: Any) -> None:
        """Write values; None forgets one."""
        with self.transaction():
            for name, value in values.items():
                if value is None:
                    self._db.execute("DELETE FROM meta WHERE name = ?", (name,))
                else:
                    self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    # --- what the server told ---

    def row(self, uuid: str) -> Row | None:
        """Find a highlight."""
        found = self._db.execute(f"{_ROW} WHERE uuid = ?", (uuid,)).fetchone()
        return _row(found) if found else None

    def rows(self) -> Iterator[Row]:
        """List the highlights, oldest id first."""
        return (_row(found) for found in self._db.execute(f"{_ROW} ORDER BY uuid").fetchall())

    def count(self) -> int:
        """Count the highlights."""
        return int(self._db.execute("SELECT count(*) FROM highlights").fetchone()[0])

    def stale_rows(self, generation: int) -> list[Row]:
        """List what no pull of this generation has told."""
        return [_row(found) for found in self._db.execute(f"{_ROW} WHERE generation < ?", (generation,)).fetchall()]

    def save_row(self, body: Json, generation: int) -> None:
        """Keep a highlight as the server tells it; one that was deleted lives again."""
        values = (body["uuid"], body["id"], body["version"], json.dumps(body), generation)
        self._db.execute("INSERT OR REPLACE INTO highlights VALUES (?, ?, ?, ?, ?)", values)
        self._db.execute("DELETE FROM tombstones WHERE uuid = ?", (body["uuid"],))

    def drop_row(self, uuid: str) -> None:
        """Forget a highlight, without a tombstone."""
        self._db.execute("DELETE FROM highlights WHERE uuid = ?", (uuid,))

    def bury(self, uuid: str, removed_at: str) -> None:
        """Replace a highlight by a tombstone that keeps its last words for undo."""
        held = self.row(uuid)
        known = self.tombstone(uuid)
        body = held.body if held else known.body if known else None
        self._db.execute("DELETE FROM highlights WHERE uuid = ?", (uuid,))
        values = (uuid, removed_at, json.dumps(body) if body else None)
        self._db.execute("INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?)", values)

    def tombstone(self, uuid: str) -> Tombstone | None:
        """Find a tombstone."""
        found = self._db.execute("SELECT * FROM tombstones WHERE uuid = ?", (uuid,)).fetchone()
        return _tombstone(found) if found else None

    def tombstones(self) -> list[Tombstone]:
        """List the tombstones, latest last."""
        return [_tombstone(f) for f in self._db.execute("SELECT * FROM tombstones ORDER BY removed_at").fetchall()]

    def tidy(self, now: datetime) -> None:
        """Forget what is too old to matter. Outcomes the user should see stay until seen."""
        with self.transaction():
            long_ago = (_ago(now, TOMBSTONE_DAYS), _ago(now, TRASH_DAYS), _ago(now, OUTCOME_DAYS))
            self._db.execute("DELETE FROM tombstones WHERE julianday(removed_at) < julianday(?)", long_ago[:1])
            self._db.execute(
                "UPDATE tombstones SET body = NULL WHERE julianday(removed_at) < julianday(?)", long_ago[1:2]
            )
            self._db.execute(
                "DELETE FROM told WHERE julianday(told_at) < julianday(?)"
                " AND (seen OR outcome NOT IN ('REJECTED', 'FORKED'))",
                long_ago[2:],
            )

    # --- the queue ---

    def append(self, op: Op) -> None:
        """Put an operation at the end of the queue."""
        self._insert("SELECT coalesce(max(position), 0) + 1 FROM queue", op)

    def prepend(self, op: Op) -> None:
        """Put an operation before all others."""
        self._insert("SELECT coalesce(min(position), 0) - 1 FROM queue", op)

    def _insert(self, place: str, op: Op) -> None:
        values = (op.op_id, op.uuid, op.done_at, op.based_on, json.dumps(op.change), op.sends, int(op.offer))
        self._db.execute(f"INSERT INTO queue VALUES (({place}), ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - our words

    def queue(self, limit: int = -1, uuid: str | None = None) -> list[Op]:
        """List what waits, in the order done."""
        where, values = ("", (limit,)) if uuid is None else ("WHERE uuid = ?", (uuid, limit))
        found = self._db.execute(f"{_OP} {where} ORDER BY position LIMIT ?", values)
        return [_op(row) for row in found.fetchall()]

    def pending(self) -> int:
        """Count what waits."""
        return int(self._db.execute("SELECT count(*) FROM queue").fetchone()[0])

    def waits(self, op_id: str) -> bool:
        """Tell whether an operation is still in the queue."""
        return self._db.execute("SELECT 1 FROM queue WHERE op_id = ?", (op_id,)).fetchone() is not None

    def count_send(self, op_id: str) -> None:
        """Note that an operation is about to leave, perhaps to arrive."""
        self._db.execute("UPDATE queue SET sends = sends + 1 WHERE op_id = ?", (op_id,))

    def remove(self, op_id: str) -> None:
        """Take an operation out of the queue."""
        self._db.execute("DELETE FROM queue WHERE op_id = ?", (op_id,))

    # --- outcomes ---

    def tell(self, told: Told) -> None:
        """Keep an outcome."""
        values = (
            *(told.op_id, told.uuid, told.done_at, json.dumps(told.change), told.outcome, told.fork),
            *(json.dumps(told.error) if told.error else None, told.told_at, int(told.seen)),
        )
        self._db.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def outcomes(self, *kinds: str, unseen: bool = False) -> list[Told]:
        """List outcomes, all or of these kinds, in the order told."""
        found = [_told(row) for row in self._db.execute("SELECT * FROM told ORDER BY told_at, rowid").fetchall()]
        return [t for t in found if (not kinds or t.outcome in kinds) and not (unseen and t.seen)]

    def seen(self, op_id: str) -> None:
        """Note that the user has been shown an outcome."""
        self._db.execute("UPDATE told SET seen = 1 WHERE op_id = ?", (op_id,))


_ROW = "SELECT uuid, version, body, generation FROM highlights"
_OP = "SELECT op_id, uuid, done_at, based_on, change, sends, offer FROM queue"


def _row(found: tuple[Any, ...]) -> Row:
    return Row(found[0], found[1], json.loads(found[2]), found[3])


def _tombstone(found: tuple[Any, ...]) -> Tombstone:
    return Tombstone(found[0], found[1], json.loads(found[2]) if found[2] else None)


def _op(found: tuple[Any, ...]) -> Op:
    return Op(found[0], found[1], found[2], found[3], json.loads(found[4]), found[5], bool(found[6]))


def _told(found: tuple[Any, ...]) -> Told:
    op_id, uuid, done_at, change, outcome, fork, error, told_at, seen = found
    return Told(
        *(op_id, uuid, done_at, json.loads(change), outcome, fork),
        *(json.loads(error) if error else None, told_at, bool(seen)),
    )


def _ago(now: datetime, days: int) -> str:
    return (now - timedelta(days=days)).isoformat()
