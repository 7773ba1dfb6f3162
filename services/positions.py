"""Reading positions: the latest by the time it happened, on whichever device; and the furthest, which only grows.

A device's time is corrected by the error of its clock at sending, like that of a highlight's edit, and is never later than
now: a late replay finds a later position there and does not move it back, and a clock a year ahead wins nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import isfinite
from typing import TypeVar
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import AppError, NotFound, Problems
from core.events import Event, PositionsChanged
from core.ids import read_id, uuid7
from core.pagination import Page
from core.text import is_storable
from models import DevicePosition, ReadingPosition
from repositories.accounts import AccountRepository
from repositories.locks import Locks
from repositories.positions import NEWEST, NO_DEVICE, PositionRepository
from services.catalog import BookRef, CatalogService
from services.idempotency import IdempotencyService
from services.sync.merge import corrected

Number = TypeVar("Number", int, float)
PROGRESS_LENGTH = 10_000
JITTER = timedelta(minutes=1)
"""Within it, a device's own clock orders its own reports: how long they travelled must not turn them round."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a book, in up to three ways, as one device tells it."""

    location: int | None = None
    percent: float | None = None
    progress: str | None = None


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells a place: the key orders equal times."""

    key: str
    device_id: UUID | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A place that somebody was at, when it was by the corrected clock, and by the device's own."""

    place: Place
    teller: Teller
    at: datetime
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PositionDraft:
    """A place as a client sends it."""

    book: BookRef
    place: Place
    device_id: str | None = None
    recorded_at: datetime | None = None
    sent_at: datetime | None = None


@dataclass(slots=True)
class Watch:
    """What a subscription has seen already."""

    book_id: UUID | None
    since: datetime | None = None
    seen: Mapping[UUID, int] = field(default_factory=dict)


def check_draft(draft: PositionDraft) -> None:
    """Check a place; raise Invalid with every problem."""
    place, problems = draft.place, Problems()
    told = (place.location, place.percent, place.progress)
    problems.check(any(one is not None for one in told), "Tell a location, a percent or a progress.")
    problems.check(place.location is None or place.location >= 0, "A location is 0 or more.", "location")
    good = place.percent is None or (isfinite(place.percent) and 0 <= place.percent <= 100)  # noqa: PLR2004 - per cent
    problems.check(good, "A percent is between 0 and 100.", "percent")
    good = place.progress is None or (0 < len(place.progress) <= PROGRESS_LENGTH and is_storable(place.progress))
    problems.check(good, f"A progress has 1 to {PROGRESS_LENGTH:,} storable characters.", "progress")
    problems.raise_any()


def from_own_clock(report: Report, last: DevicePosition | None) -> Report | None:
    """Put a report behind the last one of the same device; None for one that is older, or the same again.

    Within a minute the device's own clock decides. Beyond it the corrected one does: the clock may have been set meanwhile.
    """
    if last is None:
        return report
    is_same = report.place == Place(last.location, last.percent, last.progress)
    if report.said_at is not None and report.said_at == last.said_at and is_same:
        return None
    near = abs(report.at - last.recorded_at) <= JITTER
    if report.said_at is None or last.said_at is None or not near:
        return report if report.at >= last.recorded_at else None
    if report.said_at < last.said_at:
        return None
    if report.said_at == last.said_at:  # sent again, or two pages within its clock's tick
        return replace(report, at=last.recorded_at)
    return replace(report, at=max(report.at, last.recorded_at))


def is_later(report: Report, row: ReadingPosition) -> bool:
    """Tell whether a report moves the position: equal times go to the higher device, and to the same one's next word."""
    return (report.at, report.teller.key) >= (row.recorded_at, row.writer)


class PositionService:
    """Reading positions of one transaction."""

    def __init__(
        self,
        *,
        positions: PositionRepository,
        accounts: AccountRepository,
        locks: Locks,
        catalog: CatalogService,
        idempotency: IdempotencyService,
        events: list[Event],
    ) -> None:
        self._positions = positions
        self._accounts = accounts
        self._locks = locks
        self._catalog = catalog
        self._idempotency = idempotency
        self._events = events

    async def own_page(self, viewer: Viewer, first: int | None, after: str | None) -> Page[ReadingPosition]:
        """List the viewer's positions, the latest first."""
        return await self._positions.own_page(viewer, NEWEST.request(first, after))

    async def news(self, viewer: Viewer, watch: Watch) -> Sequence[ReadingPosition]:
        """Read what changed since this watch last looked; the first look only takes note of what is there."""
        begun = watch.since is not None
        watch.since, rows = await self._positions.changed(viewer, watch.since, watch.book_id)
        new = [row for row in rows if watch.seen.get(row.id) != row.revision]
        watch.seen = {row.id: row.revision for row in rows}
        return new if begun else ()

    async def update(self, viewer: Viewer, draft: PositionDraft, key: str | None) -> ReadingPosition:
        """Note where the viewer is; answers where they are, which an older report does not change."""

        async def work() -> ReadingPosition:
            check_draft(draft)
            teller = await self._teller(viewer, draft.device_id)
            await self._locks.presence(user_id)
            found = (await self._catalog.resolve(viewer, [draft.book]))[draft.book]
            if isinstance(found, AppError):
                raise found.under("book")
            return await self.record(user_id, found.id, _report(draft, teller))

        async def again(position_id: UUID) -> ReadingPosition | None:
            return (await self._positions.visible(viewer, [position_id])).get(position_id)

        user_id = viewer.require()
        # When it was sent is no part of what it says: a client that asks again sends at another time.
        said = replace(draft, sent_at=None)
        return await self._idempotency.once_for(
            viewer, "updateReadingPosition", key, said, work=work, id_of=lambda row: row.id, again=again
        )

    async def record(self, user_id: UUID, book_id: UUID, report: Report) -> ReadingPosition:
        """Take a report of an account whose presence is locked."""
        teller = report.teller
        blank = ReadingPosition(id=uuid7(), user_id=user_id, book_id=book_id, writer="", recorded_at=report.at)
        row = await self._positions.locked(blank)
        last = await self._positions.of_device(user_id, book_id, teller.key)
        fresh = from_own_clock(report, last)
        moved = _reach(row, report.place)
        if fresh is None and not moved:
            return row
        device = last or DevicePosition(user_id=user_id, book_id=book_id, writer=teller.key)
        if fresh is not None:
            _put(device, fresh)
            device.device_name, device.said_at = teller.name, fresh.said_at
            if is_later(fresh, row):
                _put(row, fresh)
                row.writer = teller.key
        await self._positions.save(row, device)
        self._events.append(PositionsChanged(user_id))
        return row

    async def _teller(self, viewer: Viewer, device_id: str | None) -> Teller:
        viewer.require()
        key = viewer.device_id
        if device_id is not None:
            key = read_id(device_id, "Device", "deviceId")
            if key not in await self._accounts.visible_devices(viewer, [key]):
                raise NotFound(NO_DEVICE, "deviceId")
        return Teller(f"device:{key}", key) if key else Teller("elsewhere")

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, ReadingPosition]:
        """Read positions of the viewer's."""
        return await self._positions.visible(viewer, ids)


def _report(draft: PositionDraft, teller: Teller) -> Report:
    now = clock.now()
    said_at = draft.recorded_at if teller.device_id else None
    at = corrected(draft.recorded_at or draft.sent_at or now, draft.sent_at or now, now)
    return Report(draft.place, teller, at, said_at)


def _put(row: ReadingPosition | DevicePosition, report: Report) -> None:
    row.location, row.percent, row.progress = report.place.location, report.place.percent, report.place.progress
    row.device_id, row.recorded_at = report.teller.device_id, report.at


def _further(reached: Number | None, told: Number | None) -> Number | None:
    if reached is None or told is None:
        return told if reached is None else reached
    return max(reached, told)


def _reach(row: ReadingPosition, place: Place) -> bool:
    """Let the furthest grow, also by a report that comes too late to move the position; tell whether it did."""
    before = row.furthest_location, row.furthest_percent
    row.furthest_location = _further(row.furthest_location, place.location)
    row.furthest_percent = _further(row.furthest_percent, place.percent)
    return before != (row.furthest_location, row.furthest_percent)
