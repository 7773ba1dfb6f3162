"""Pages: any walk through a list gives the list, and only its own cursors are taken."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import opaque
from core.errors import Invalid
from core.pagination import Order, Page

ORDER = Order("things", (datetime, str, int, float, UUID))
ZONES = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
KEYS = st.tuples(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES),  # noqa: DTZ001
    st.text(max_size=20).map(lambda text: text.replace("\x00", "")),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.uuids(),
)


def itself(row: Any) -> Any:
    return row


@given(KEYS)
def test_a_cursor_reads_back_to_the_key_it_was_made_from(key: tuple[Any, ...]) -> None:
    page = ORDER.page([key], ORDER.request(1, None), itself)
    assert ORDER.request(1, page.cursors[0]).after == key


@given(st.sets(st.integers(0, 1_000), max_size=40), st.integers(1, 100))
def test_pages_of_any_size_make_up_the_list(numbers: set[int], first: int) -> None:
    order, rows = Order("numbers", (int,)), sorted(numbers)
    seen: list[int] = []
    after: str | None = None
    while True:
        request = order.request(first, after)
        found = [row for row in rows if request.after is None or (row,) > request.after][: first + 1]
        page: Page[int] = order.page(found, request, lambda row: (row,))
        assert page.has_previous == (after is not None)
        assert len(page.rows) == len(page.cursors) <= first
        seen += page.rows
        if not page.has_next:
            break
        after = page.cursors[-1]
    assert seen == rows


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
def test_sizes_out_of_range_are_refused(first: int) -> None:
    with pytest.raises(Invalid, match="`first` must be between 1 and 100") as caught:
        ORDER.request(first, None)
    assert caught.value.problems[0].field == ("first",)


def test_null_means_the_default() -> None:
    assert ORDER.request(None, None).first == 20
    assert Order("long", (int,)).request(None, None, most=500, default=100).first == 100


GOOD: tuple[Any, ...] = ("2026-01-31T18:30:00+00:00", "text", 1, 1.5, "01a1fcda-4135-705e-9c9a-f17744452026")


NOTHINGS: tuple[Any, ...] = (None, [], {}, True)


def bad(place: int, value: Any) -> str:
    return opaque.pack("things", *(value if i == place else part for i, part in enumerate(GOOD)))


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "nonsense!",
        "Ünïcode",
        "a" * 100_000,
        opaque.pack("others", *GOOD),
        opaque.pack("things", *GOOD[:-1]),
        opaque.pack("things", *GOOD, 1),
        base64.urlsafe_b64encode(orjson.dumps({"things": 1})).decode(),
        *(bad(place, value) for place in range(5) for value in NOTHINGS),
        bad(0, 5),
        bad(0, "yesterday"),
        bad(0, "2026-01-31T18:30:00"),
        bad(0, "0001-01-01T00:00:00+14:00"),
        bad(0, "9999-12-31T23:59:59-14:00"),
        bad(1, 5),
        bad(1, "NUL \x00"),
        bad(2, "1"),
        bad(2, 1.5),
        bad(2, 2**31),
        bad(2, -(2**31) - 1),
        bad(2, 2**63),
        bad(3, "1.5"),
        bad(4, 5),
        bad(4, "not-a-uuid"),
    ],
)
def test_strange_cursors_are_refused(after: str) -> None:
    with pytest.raises(Invalid, match="`after` is not a cursor of this list") as caught:
        ORDER.request(1, after)
    assert caught.value.problems[0].field == ("after",)


def test_a_good_cursor_is_taken() -> None:
    assert ORDER.request(1, bad(0, GOOD[0])).after == (
        datetime(2026, 1, 31, 18, 30, tzinfo=UTC),
        "text",
        1,
        1.5,
        UUID(GOOD[4]),
    )


def test_a_page_maps_its_rows_and_keeps_its_places() -> None:
    page = ORDER.page([1, 2, 3], ORDER.request(2, None), lambda row: (row,)).map(str)
    assert page.rows == ("1", "2")
    assert page.has_next
    assert len(page.cursors) == 2
