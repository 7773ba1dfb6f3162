"""Answer a pull: the changes after a cursor, in order, without a gap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Invalid, NotFound
from core.ids import read_id
from models import Device, Highlight
from models.sync import ResyncReason
from repositories.sync import SyncRepository, SyncState
from services.sync.cursors import Cursor, read_cursor

PULL_DEFAULT, PULL_MOST = 100, 500
NO_DEVICE = "There is no such device of yours."


@dataclass(frozen=True, slots=True)
class ChangedHighlight:
    """One change as a device sees it: a tombstone when `row.deleted_at` is set; without its note for a device that takes none."""

    row: Highlight
    cursor: str
    with_note: bool


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some changes, and the cursor behind them."""

    changes: tuple[ChangedHighlight, ...]
    cursor: str
    has_more: bool
    epoch: str
    resync: ResyncReason | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """How far a device has now been sent."""

    device_id: UUID
    seq: int
    at: datetime
    began_anew: bool
    highlights: bool
    """The device's switches as they were read with the page."""
    notes: bool


@dataclass(frozen=True, slots=True)
class SharedRead:
    """What all devices of a reader that have come equally far are sent next, read once, in one snapshot."""

    user_id: UUID
    state: SyncState
    rows: Sequence[Highlight]
    """One more than a page has, where there is more."""
    devices: Mapping[UUID, Device]

    def page(self, device_id: UUID, after: str | None) -> tuple[ChangePage, Sent | None]:
        """Make one device's page of it; raise NotFound for a device that was removed."""
        device = self.devices.get(device_id)
        if device is None:
            raise NotFound(NO_DEVICE, "deviceId")
        start = start_of(self.user_id, self.state, device, after)
        if isinstance(start, ResyncReason):
            return ChangePage((), after or "", has_more=False, epoch=self.state.epoch, resync=start), None
        page = _page(self.user_id, self.state, start, self.rows, count=PULL_DEFAULT, device=device)
        return page, _sent(device, after, start, self.rows[:PULL_DEFAULT])


def start_of(user_id: UUID, state: SyncState, device: Device | None, after: str | None) -> Cursor | ResyncReason:
    """Tell where a pull begins, or why it has to begin anew."""
    if after is None:
        return Cursor(state.epoch, state.seq, 0)
    # A stale cursor goes first: it refuses a push, which changed switches do not.
    found = read_cursor(after, user_id, state)
    if isinstance(found, Cursor) and device is not None and device.must_resync:
        return ResyncReason.SWITCHES_CHANGED
    return found


class PullService:
    """Read changes in the snapshot of one session."""

    def __init__(self, sync: SyncRepository) -> None:
        self._sync = sync

    async def device(self, viewer: Viewer, device_id: str, *field: str) -> Device:
        """Find the viewer's device of a public id; raise Invalid or NotFound."""
        key = read_id(device_id, "Device", *(field or ("deviceId",)))
        found = await self._sync.device(viewer, key)
        if found is None:
            raise NotFound(NO_DEVICE, *(field or ("deviceId",)))
        return found

    async def page(
        self, viewer: Viewer, device: Device | None, after: str | None, first: int | None
    ) -> tuple[ChangePage, Sent | None]:
        """Read one page; must run in one snapshot, or under the lock of the viewer's counter."""
        count = PULL_DEFAULT if first is None else first
        if not 1 <= count <= PULL_MOST:
            raise Invalid(f"`first` must be between 1 and {PULL_MOST}.", "first")
        user_id = viewer.require()
        state = await self._sync.state(user_id)
        start = self.start(user_id, state, device, after)
        if isinstance(start, ResyncReason):
            return ChangePage((), after or "", has_more=False, epoch=state.epoch, resync=start), None
        rows = await self._sync.changes(viewer, start.seq, count + 1)
        page = _page(user_id, state, start, rows, count=count, device=device)
        return page, _sent(device, after, start, rows[:count])

    def start(self, user_id: UUID, state: SyncState, device: Device | None, after: str | None) -> Cursor | ResyncReason:
        """Tell where a pull begins, or why it has to begin anew."""
        return start_of(user_id, state, device, after)

    async def shared(self, viewer: Viewer, place: int) -> SharedRead:
        """Read what comes after a number, for all devices of the viewer; must run in one snapshot."""
        user_id = viewer.require()
        state = await self._sync.state(user_id)
        devices = await self._sync.devices(viewer)
        return SharedRead(user_id, state, await self._sync.changes(viewer, place, PULL_DEFAULT + 1), devices)

    async def note_sent(self, sent: Sent) -> None:
        """Write down how far a device has been sent."""
        if sent.began_anew:
            await self._sync.resynced(sent.device_id, highlights=sent.highlights, notes=sent.notes)
        await self._sync.note_progress({sent.device_id: (sent.seq, sent.at)})


def _page(
    user_id: UUID, state: SyncState, start: Cursor, rows: Sequence[Highlight], *, count: int, device: Device | None
) -> ChangePage:
    kept = rows[:count]
    wanted = kept if device is None or device.sync_highlights else ()
    with_note = device is None or device.sync_notes
    changes = tuple(
        ChangedHighlight(row, replace(start, seq=row.seq).spell(user_id), with_note=with_note) for row in wanted
    )
    end = replace(start, seq=kept[-1].seq) if kept else start
    return ChangePage(changes, end.spell(user_id), has_more=len(rows) > count, epoch=state.epoch)


def _sent(device: Device | None, after: str | None, start: Cursor, kept: Sequence[Highlight]) -> Sent | None:
    if device is None:
        return None
    seq = kept[-1].seq if kept else start.seq
    began_anew = after is None and device.must_resync
    if not began_anew and device.synced_seq == seq and device.synced_at is not None:
        return None
    return Sent(device.id, seq, clock.now(), began_anew, highlights=device.sync_highlights, notes=device.sync_notes)
