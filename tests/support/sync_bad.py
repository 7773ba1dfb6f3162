"""Known to be bad: devices and servers as they are often written. What proves the good ones has to notice each of these."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from unittest import mock
from uuid import UUID

from device.engine import Engine
from device.requests import PullRequest, PushRequest, Taken
from device.store import Json, Op, Told
from models.sync import ResyncReason
from repositories.sync import SyncState
from services.sync import cursors
from services.sync.cursors import Cursor

_READ = cursors.read_cursor


class AdoptsPushCursor(Engine):
    """Takes the cursor that a push answers with, and not the changes before it: others' changes are skipped for ever."""

    def take_page(self, request: PullRequest | PushRequest, page: Json) -> Taken:
        """Keep the cursor alone."""
        if isinstance(request, PushRequest) and not page["resync"] and self.continues(request.position):
            return super().take_page(request, page | {"changes": []})
        return super().take_page(request, page)


class SkipsOwnEcho(Engine):
    """Takes what it did itself as done, and skips its echo: what others did to the same highlight goes with it."""

    def apply(self, change: Json) -> None:
        """Apply others' changes alone."""
        if change["originDeviceId"] != self.store.get("device_id"):
            super().apply(change)

    def settle(self, op: Op, result: Json) -> Told:
        """Believe that an operation did what it said."""
        shown = {each.uuid: each.body for each in self.view()}.get(op.uuid)
        believed = (shown or {}) | {
            name: result["highlight"][name] for name in ("uuid", "id", "version", "deletedAt") if result["highlight"]
        }
        return super().settle(op, result | {"highlight": believed if shown and result["highlight"] else None})


class PopsThenSends(Engine):
    """Takes operations out of the queue as it sends them: what does not arrive is lost."""

    def leaving(self, op: Op) -> None:
        """Forget the operation."""
        self.store.remove(op.op_id)


def clamped(done_at: datetime, sent_at: datetime, now: datetime) -> datetime:
    """Trust the device's clock, but not beyond a minute from now: who is behind loses, who is ahead ties or wins."""
    del sent_at
    return min(done_at, now + timedelta(minutes=1))


def floor_against_seq(text: str, user_id: UUID, state: SyncState) -> Cursor | ResyncReason:
    """Call a cursor too old that is below the floor, though its run began above it: a first sync by pages never ends."""
    found = _READ(text, user_id, state)
    if isinstance(found, Cursor) and found.seq < state.floor:
        return ResyncReason.CURSOR_TOO_OLD
    return found


def no_floor(text: str, user_id: UUID, state: SyncState) -> Cursor | ResyncReason:
    """Let every cursor pass: who was away too long keeps what was deleted meanwhile."""
    return _READ(text, user_id, SyncState(state.seq, 0, state.epoch))


@dataclass(frozen=True)
class Variant:
    """A kind of device and of server."""

    name: str
    kind: type[Engine] = Engine
    attribute: str = ""
    replacement: Callable[..., object] | None = None

    def __str__(self) -> str:
        """Name it for the list of tests."""
        return self.name

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the server's part in place."""
        if self.replacement is None:
            yield
            return
        with mock.patch(self.attribute, self.replacement):
            yield


GOOD = Variant("ours")
BAD = (
    Variant("adopts the cursor of a push", AdoptsPushCursor),
    Variant("skips its own echo", SkipsOwnEcho),
    Variant("pops, then sends", PopsThenSends),
    Variant("clamps device clocks", attribute="services.sync.merge.corrected", replacement=clamped),
)
"""What the machine finds within a few plays. Wrong floors, which need a purge at the right moment, are looked for at every stop instead."""
