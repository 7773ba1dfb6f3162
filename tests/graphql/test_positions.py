"""Reading positions: the latest by the time it happened, the furthest apart from it, each device's own."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.ids import global_id, uuid7
from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql
from tests.support.sync import sign_in

BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
OTHER_BOOK = {"named": {"title": "Tide Tables", "authors": ["Ib Lund"]}}
POSITION = """position {
  id location percent progress recordedAt furthestLocation furthestPercent device { id } book { id title }
  devicePositions { location percent progress recordedAt deviceName device { id } }
}"""
YEAR = timedelta(days=365)


def said(reader: Reader, *, ago: float = 0.0, clock: timedelta = timedelta(), **place: Any) -> dict[str, Any]:
    """Write the input of a device whose clock is off, for a page that was turned so many seconds ago."""
    now = datetime.now(UTC) + clock
    times = {"recordedAt": (now - timedelta(seconds=ago)).isoformat(), "sentAt": now.isoformat()}
    return {"book": BOOK, "deviceId": reader.device_id or None} | times | place


async def told(reader: Reader, **input_: Any) -> Any:
    payload = await reader.mutate("updateReadingPosition", POSITION, **input_)
    assert not payload["userErrors"], payload
    return payload["position"]


async def positions(reader: Reader, first: int = 20, after: str | None = None) -> Any:
    query = """query($first: Int, $after: String) { viewer { readingPositions(first: $first, after: $after) {
      nodes { id location book { title } } pageInfo { hasNextPage endCursor } } } }"""
    return (await reader.run(query, first=first, after=after))["viewer"]["readingPositions"]


async def test_a_position_is_kept_as_it_was_told(ada: Reader) -> None:
    xpointer = "/body/DocFragment[11]/body/p[3]/text().42"
    made = await told(ada, **said(ada, location=120, percent=12.5, progress=xpointer))
    assert (made["location"], made["percent"], made["progress"]) == (120, 12.5, xpointer)
    assert (made["furthestLocation"], made["furthestPercent"]) == (120, 12.5)
    assert made["device"]["id"] == ada.device_id
    assert made["book"]["title"] == "The Lighthouse Ledger"
    again = await ada.run("query($id: ID!) { node(id: $id) { id ... on ReadingPosition { progress } } }", id=made["id"])
    assert again["node"] == {"id": made["id"], "progress": xpointer}


async def test_without_times_it_is_now(ada: Reader) -> None:
    made = await told(ada, book=BOOK, location=1)
    at = datetime.fromisoformat(made["recordedAt"])
    assert abs(at - datetime.now(UTC)) < timedelta(seconds=30)
    assert made["device"]["id"] == ada.device_id


async def test_the_latest_moves_back_and_the_furthest_stays(ada: Reader) -> None:
    await told(ada, **said(ada, location=900, percent=90.0))
    made = await told(ada, **said(ada, location=30, percent=3.0))
    assert (made["location"], made["percent"]) == (30, 3.0)
    assert (made["furthestLocation"], made["furthestPercent"]) == (900, 90.0)
    made = await told(ada, **said(ada, percent=95.0))
    assert (made["location"], made["percent"], made["furthestLocation"], made["furthestPercent"]) == (
        None,
        95.0,
        900,
        95.0,
    )


async def test_a_late_replay_does_not_move_it_back_but_reaches_the_furthest(ada: Reader) -> None:
    tablet = await sign_in(ada, "Tablet")
    latest = await told(ada, **said(ada, location=50))
    late = await told(tablet, **said(tablet, ago=3600, location=400))
    assert (late["location"], late["recordedAt"], late["device"]["id"]) == (50, latest["recordedAt"], ada.device_id)
    assert late["furthestLocation"] == 400
    assert [(p["device"]["id"], p["location"]) for p in late["devicePositions"]] == [
        (ada.device_id, 50),
        (tablet.device_id, 400),
    ]


async def test_a_late_replay_of_the_same_device_changes_nothing(ada: Reader, container: Container) -> None:
    await told(ada, **said(ada, ago=10, location=10))
    await told(ada, **said(ada, location=50))
    async with nothing_written(container):
        assert (await told(ada, **said(ada, ago=10, location=10)))["location"] == 50


async def test_a_report_that_is_sent_again_with_another_time_of_sending_stays_where_it_was(
    ada: Reader, container: Container
) -> None:
    tablet = await sign_in(ada, "Tablet")
    first = said(ada, location=10)
    await told(ada, **first)
    await told(tablet, **said(tablet, location=20))
    resent = first | {"sentAt": first["recordedAt"]}  # as if it had travelled for long
    async with nothing_written(container):
        assert (await told(ada, **resent))["location"] == 20


@pytest.mark.parametrize("clock", [YEAR, -YEAR, timedelta(days=200_000)])
async def test_a_clock_that_is_far_off_neither_wins_nor_loses_for_ever(ada: Reader, clock: timedelta) -> None:
    tablet = await sign_in(ada, "Tablet")
    assert (await told(tablet, **said(tablet, clock=clock, location=10)))["location"] == 10
    assert (await told(ada, **said(ada, location=20)))["location"] == 20
    assert (await told(tablet, **said(tablet, clock=clock, ago=600, location=30)))["location"] == 20
    made = await told(tablet, **said(tablet, clock=clock, location=40))
    assert made["location"] == 40
    assert datetime.fromisoformat(made["recordedAt"]) <= datetime.now(UTC)
    assert (await told(ada, **said(ada, location=50)))["location"] == 50


async def test_a_time_ahead_without_a_time_of_sending_counts_as_now(ada: Reader) -> None:
    tablet = await sign_in(ada, "Tablet")
    ahead = (datetime.now(UTC) + YEAR).isoformat()
    made = await told(tablet, book=BOOK, location=1, recordedAt=ahead)
    assert datetime.fromisoformat(made["recordedAt"]) <= datetime.now(UTC)
    assert (await told(ada, **said(ada, location=2)))["location"] == 2


async def test_a_clock_that_was_set_back_does_not_silence_its_device(ada: Reader) -> None:
    await told(ada, **said(ada, clock=YEAR, ago=300, location=1))
    assert (await told(ada, **said(ada, location=2)))["location"] == 2


async def test_many_at_once_leave_the_latest_and_the_furthest(ada: Reader, container: Container) -> None:
    await asyncio.gather(*(told(ada, **said(ada, ago=float(n), location=100 + n)) for n in range(20)))
    rows = await sql(container, "SELECT location, furthest_location FROM reading_positions")
    assert [tuple(row) for row in rows] == [(100, 119)]
    assert len(await sql(container, "SELECT 1 FROM device_positions")) == 1


BAD: list[tuple[dict[str, Any], list[str] | None]] = [
    ({}, None),
    ({"location": -1}, ["input", "location"]),
    ({"percent": -0.1}, ["input", "percent"]),
    ({"percent": 100.1}, ["input", "percent"]),
    ({"progress": ""}, ["input", "progress"]),
    ({"progress": "x" * 10_001}, ["input", "progress"]),
    ({"location": 1, "deviceId": "nonsense"}, ["input", "deviceId"]),
    ({"location": 1, "book": {"isbn": "9780306406158"}}, ["input", "book", "isbn"]),
]


@pytest.mark.parametrize(("place", "field"), BAD)
async def test_a_place_that_is_none_is_refused(
    ada: Reader, container: Container, place: dict[str, Any], field: list[str] | None
) -> None:
    async with nothing_written(container):
        payload = await ada.mutate("updateReadingPosition", POSITION, **({"book": BOOK} | place))
    assert payload["position"] is None
    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [(field, "INVALID")]


async def test_a_device_of_another_and_an_unknown_book_are_not_found(
    ada: Reader, ben: Reader, container: Container
) -> None:
    hidden = (await told(ben, **said(ben, location=1)))["book"]["id"]
    inputs: list[dict[str, Any]] = [
        {"book": BOOK, "location": 1, "deviceId": ben.device_id},
        {"book": {"id": hidden}, "location": 1},
        {"book": {"id": global_id("Book", uuid7())}, "location": 1},
    ]
    async with nothing_written(container):
        for input_ in inputs:
            payload = await ada.mutate("updateReadingPosition", POSITION, **input_)
            assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]


async def test_signed_out_nobody_is_anywhere(nobody: Reader, container: Container) -> None:
    async with nothing_written(container):
        payload = await nobody.mutate("updateReadingPosition", POSITION, book=BOOK, location=1)
    assert [error["code"] for error in payload["userErrors"]] == ["UNAUTHENTICATED"]


async def test_a_position_makes_its_reader_a_holder_and_only_them(ada: Reader, ben: Reader) -> None:
    book = (await told(ada, **said(ada, location=1)))["book"]["id"]
    query = "query($id: ID!) { book(ref: {id: $id}) { title } }"
    assert (await ada.run(query, id=book))["book"] == {"title": "The Lighthouse Ledger"}
    assert (await ben.run(query, id=book))["book"] is None


async def test_positions_are_listed_latest_first_and_paged(ada: Reader) -> None:
    for number in range(5):
        book = {"named": {"title": f"Volume {number}", "authors": []}}
        await told(ada, **(said(ada, ago=60.0 * number, location=number) | {"book": book}))
    page = await positions(ada, first=2)
    found = [node["location"] for node in page["nodes"]]
    while page["pageInfo"]["hasNextPage"]:
        page = await positions(ada, first=2, after=page["pageInfo"]["endCursor"])
        found += [node["location"] for node in page["nodes"]]
    assert found == [0, 1, 2, 3, 4]


async def test_nobody_else_reads_a_position(ada: Reader, ben: Reader, nobody: Reader) -> None:
    made = await told(ada, **said(ada, location=1))
    query = "query($id: ID!) { node(id: $id) { id } }"
    assert (await ben.run(query, id=made["id"]))["node"] is None
    assert (await nobody.run(query, id=made["id"]))["node"] is None
    assert (await positions(ben))["nodes"] == []


async def test_a_removed_device_leaves_the_position_and_takes_its_own(ada: Reader) -> None:
    tablet = await sign_in(ada, "Tablet")
    await told(ada, **said(ada, ago=60, location=1))
    await told(tablet, **said(tablet, location=2))
    await ada.mutate("removeDevice", "removedDeviceId", id=tablet.device_id)
    made = await told(ada, **said(ada, ago=60, location=1))
    assert (made["location"], made["device"]) == (2, None)
    assert [place["location"] for place in made["devicePositions"]] == [1]


async def test_a_key_answers_a_retry_that_was_sent_later(ada: Reader, container: Container) -> None:
    input_ = said(ada, location=5) | {"clientMutationId": "turn-5"}
    first = await told(ada, **input_)
    async with nothing_written(container):
        assert await told(ada, **(input_ | {"sentAt": datetime.now(UTC).isoformat()})) == first
        payload = await ada.mutate("updateReadingPosition", POSITION, **(input_ | {"location": 6}))
    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
