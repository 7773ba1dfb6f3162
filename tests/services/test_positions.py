"""Properties of positions: the order of arrival, replays and wrong clocks do not matter."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import DevicePosition, ReadingPosition
from services.positions import Place, PositionService, Report, Teller, from_own_clock

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
READER, BOOK = UUID(int=1), UUID(int=2)
DEVICES = [UUID(int=number) for number in (10, 11, 12)]


@dataclass
class FakePositions:
    """What the tables hold of one reader and book."""

    row: ReadingPosition | None = None
    devices: dict[str, DevicePosition] = field(default_factory=dict)

    async def locked(self, blank: ReadingPosition) -> ReadingPosition:
        self.row = self.row or blank
        return self.row

    async def of_device(self, _: UUID, __: UUID, writer: str) -> DevicePosition | None:
        return self.devices.get(writer)

    async def save(self, _: ReadingPosition, device: DevicePosition) -> None:
        self.devices[device.writer] = device


@dataclass(frozen=True)
class Turn:
    """A page turned on a device, so many seconds after noon."""

    device: int
    second: int
    location: int

    def report(self, skews: tuple[int, ...], travel: float = 0.0) -> Report:
        """Tell of it, by the device's own clock as well."""
        at = NOON + timedelta(seconds=self.second)
        key = DEVICES[self.device]
        said_at = at + timedelta(days=skews[self.device])
        return Report(
            Place(location=self.location), Teller(f"device:{key}", key), at + timedelta(seconds=travel), said_at
        )


def end(reports: list[Report]) -> tuple[Any, ...]:
    """Take reports in this order; where the reader is in the end."""
    fake = FakePositions()
    unused = cast("Any", None)
    service = PositionService(
        positions=cast("Any", fake), accounts=unused, locks=unused, catalog=unused, idempotency=unused, events=[]
    )
    for report in reports:
        asyncio.run(service.record(READER, BOOK, report))
    row = fake.row
    assert row is not None
    each = {writer: place.location for writer, place in fake.devices.items()}
    return row.location, row.writer, row.furthest_location, each


turns = st.lists(
    st.builds(Turn, st.integers(0, 2), st.integers(0, 200), st.integers(0, 1_000)),
    min_size=1,
    max_size=8,
    unique_by=lambda turn: (turn.device, turn.second),
)
skews = st.tuples(*[st.sampled_from([-400, 0, 400])] * 3)


def truth(made: list[Turn]) -> tuple[Any, ...]:
    """Tell, without any clock, where the reader is."""
    last = max(made, key=lambda turn: (turn.second, turn.device))
    each = {
        f"device:{DEVICES[number]}": max((t for t in made if t.device == number), key=lambda t: t.second).location
        for number in {turn.device for turn in made}
    }
    return last.location, f"device:{DEVICES[last.device]}", max(turn.location for turn in made), each


@given(turns, skews, st.data())
def test_any_order_of_arrival_ends_at_the_same_place(
    made: list[Turn], off: tuple[int, ...], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(made), max_size=4))
    order = data.draw(st.permutations([*made, *again]))
    assert end([turn.report(off) for turn in order]) == truth(made)


@given(turns, skews, st.data())
def test_what_the_way_takes_does_not_turn_a_devices_pages_round(
    made: list[Turn], off: tuple[int, ...], data: st.DataObject
) -> None:
    mine = [Turn(0, turn.second, turn.location) for turn in {turn.second: turn for turn in made}.values()]
    travels = data.draw(st.lists(st.floats(0, 20), min_size=len(mine), max_size=len(mine)))
    pairs = data.draw(st.permutations(list(zip(mine, travels, strict=True))))
    assert end([turn.report(off, travel) for turn, travel in pairs]) == truth(mine)


@pytest.mark.parametrize("order", [1, -1])
def test_equal_times_go_to_the_higher_device(order: int) -> None:
    two = [Turn(0, 5, 100), Turn(2, 5, 7), Turn(1, 5, 50)][::order]
    assert end([turn.report((0, 0, 0)) for turn in two])[:3] == (7, f"device:{DEVICES[2]}", 100)


def test_a_clock_that_was_set_back_is_believed_beyond_a_minute() -> None:
    last = DevicePosition(location=1, recorded_at=NOON, said_at=NOON + timedelta(days=400))
    report = Turn(0, 61, 2).report((0, 0, 0))
    assert from_own_clock(report, last) == report
    assert from_own_clock(Turn(0, 59, 2).report((0, 0, 0)), last) is None


def test_one_without_a_clock_of_its_own_is_as_new_as_its_arrival() -> None:
    last = DevicePosition(location=3, recorded_at=NOON)
    later = Report(Place(location=3), Teller("koreader:shelf", name="shelf"), NOON + timedelta(seconds=1))
    assert from_own_clock(later, last) == later
    teller = Teller("koreader:shelf", name="shelf")
    assert from_own_clock(Report(Place(location=3), teller, NOON), last) is not None
    assert from_own_clock(Report(Place(location=3), teller, NOON - timedelta(seconds=1)), last) is None
