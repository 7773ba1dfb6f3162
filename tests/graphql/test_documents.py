"""KOReader's documents and the books they are: progress becomes a reading position, and nothing else does."""

import asyncio
from typing import Any

from runtime.container import Container
from tests.endpoints.koreader_device import DIGEST, XPOINTER, Device
from tests.graphql.test_positions import BOOK, OTHER_BOOK, said, told
from tests.graphql.test_positions_live import heard, listening
from tests.support.api import PASSWORD, Reader
from tests.support.rows import nothing_written, sql

DOCUMENT = "id digest filename title authors percent progress deviceName syncedAt book { title }"
POSITIONS = """{ viewer { readingPositions { nodes {
  percent progress furthestPercent location device { id } book { title } devicePositions { deviceName percent }
} } } }"""


async def linked(reader: Reader, digest: str = DIGEST, book: Any = BOOK) -> Any:
    payload = await reader.mutate("linkDocument", f"document {{ {DOCUMENT} }}", digest=digest, book=book)
    assert not payload["userErrors"], payload
    return payload["document"]


async def listed(reader: Reader, arguments: str = "first: 20") -> Any:
    query = f"{{ viewer {{ documents({arguments}) {{ nodes {{ {DOCUMENT} }} pageInfo {{ endCursor }} }} }} }}"
    return (await reader.run(query))["viewer"]["documents"]


async def positions(reader: Reader) -> Any:
    return (await reader.run(POSITIONS))["viewer"]["readingPositions"]["nodes"]


async def test_what_koreader_syncs_is_listed_until_its_book_is_known(ada: Reader) -> None:
    device = Device(ada.http, "ada")
    metadata = {"filename": "ledger.epub", "title": "The Lighthouse Ledger", "authors": "Ida Marsh"}
    await device.push(metadata=metadata)
    await device.push("another", percentage=7)
    nodes = (await listed(ada, "linked: false"))["nodes"]
    assert [(node["digest"], node["percent"]) for node in nodes] == [("another", 100.0), (DIGEST, 42.13)]
    assert {name: nodes[1][name] for name in metadata} == metadata
    assert (nodes[1]["progress"], nodes[1]["deviceName"], nodes[1]["book"]) == (XPOINTER, "shelf", None)
    assert await positions(ada) == []
    await linked(ada)
    assert [node["digest"] for node in (await listed(ada, "linked: false"))["nodes"]] == ["another"]
    assert [node["book"] for node in (await listed(ada, "linked: true"))["nodes"]] == [
        {"title": "The Lighthouse Ledger"}
    ]


async def test_documents_are_paged(ada: Reader) -> None:
    device = Device(ada.http, "ada")
    for number in range(5):
        await device.push(f"d{number}")
    found: list[str] = []
    page = await listed(ada, "first: 2")
    while page["nodes"]:
        found += [node["digest"] for node in page["nodes"]]
        page = await listed(ada, f'first: 2, after: "{page["pageInfo"]["endCursor"]}"')
    assert found == ["d4", "d3", "d2", "d1", "d0"]


async def test_linking_makes_the_last_sync_a_position_and_each_one_after_it(ada: Reader) -> None:
    device = Device(ada.http, "ada")
    await device.push()
    await linked(ada)
    (position,) = await positions(ada)
    assert (position["percent"], position["progress"], position["device"]) == (42.13, XPOINTER, None)
    assert position["devicePositions"] == [{"deviceName": "shelf", "percent": 42.13}]
    async with listening(ada) as socket:
        await device.push(percentage=0.25, progress="/back")
        event = await heard(socket)
    assert (event["percent"], event["progress"], event["furthestPercent"]) == (25.0, "/back", 42.13)


async def test_two_devices_of_koreader_have_a_place_each(ada: Reader) -> None:
    await linked(ada)
    device = Device(ada.http, "ada")
    await device.push(percentage=0.5, device="shelf", device_id="A")
    await device.push(percentage=0.2, device="pocket", device_id="B")
    (position,) = await positions(ada)
    assert position["devicePositions"] == [
        {"deviceName": "pocket", "percent": 20.0},
        {"deviceName": "shelf", "percent": 50.0},
    ]


async def test_a_document_can_be_linked_before_it_is_synced(ada: Reader) -> None:
    document = await linked(ada)
    assert (document["syncedAt"], document["percent"]) == (None, None)
    assert await positions(ada) == []
    device = Device(ada.http, "ada")
    assert await device.pull() == {}
    await device.push(percentage=0, progress="")
    (position,) = await positions(ada)
    assert (position["percent"], position["progress"]) == (0.0, None)


async def test_an_older_sync_does_not_take_a_later_position_back(ada: Reader) -> None:
    await Device(ada.http, "ada").push(percentage=0.9)
    await told(ada, **said(ada, percent=10.0))
    await linked(ada)
    (position,) = await positions(ada)
    assert (position["percent"], position["furthestPercent"]) == (10.0, 90.0)


async def test_the_same_place_synced_again_is_where_the_reader_is_again(ada: Reader) -> None:
    device = Device(ada.http, "ada")
    await linked(ada)
    await device.push(percentage=0.5)
    await told(ada, **said(ada, percent=10.0))
    await device.push(percentage=0.5)
    assert [position["percent"] for position in await positions(ada)] == [50.0]


async def test_a_position_told_elsewhere_is_not_given_to_koreader(ada: Reader) -> None:
    device = Device(ada.http, "ada")
    await device.push()
    await linked(ada)
    before = await device.pull()
    await told(ada, **said(ada, percent=99.0, progress="not KOReader's"))
    assert await device.pull() == before


async def test_an_unlinked_document_moves_no_position(ada: Reader) -> None:
    device = Device(ada.http, "ada")
    await linked(ada)
    await device.push(percentage=0.5)
    payload = await ada.mutate("unlinkDocument", f"document {{ {DOCUMENT} }}", digest=DIGEST)
    assert payload["document"]["book"] is None
    await device.push(percentage=0.7)
    (position,) = await positions(ada)
    assert position["percent"] == 50.0
    await linked(ada, book=OTHER_BOOK)
    assert {p["book"]["title"]: p["percent"] for p in await positions(ada)} == {
        "The Lighthouse Ledger": 50.0,
        "Tide Tables": 70.0,
    }


async def test_linking_makes_its_reader_a_holder_and_tells_nobody(ada: Reader, ben: Reader) -> None:
    await linked(ada)
    await Device(ben.http, "ben").push()
    (his,) = (await listed(ben))["nodes"]
    assert his["book"] is None
    query = "query($ref: BookRef!) { book(ref: $ref) { title } }"
    assert (await ada.run(query, ref=BOOK))["book"]
    assert (await ben.run(query, ref=BOOK))["book"] is None


async def test_nobody_else_reads_or_changes_a_document(
    ada: Reader, ben: Reader, nobody: Reader, container: Container
) -> None:
    document = await linked(ada)
    query = "query($id: ID!) { node(id: $id) { id } }"
    assert (await ada.run(query, id=document["id"]))["node"] == {"id": document["id"]}
    async with nothing_written(container):
        for reader, code in ((ben, "NOT_FOUND"), (nobody, "UNAUTHENTICATED")):
            assert (await reader.run(query, id=document["id"]))["node"] is None
            payload = await reader.mutate("unlinkDocument", "document { id }", digest=DIGEST)
            assert [error["code"] for error in payload["userErrors"]] == [code]


async def test_a_document_is_not_linked_to_a_book_that_is_not_to_be_seen(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await linked(ben)
    key = (await ben.run("query($ref: BookRef!) { book(ref: $ref) { id } }", ref=BOOK))["book"]["id"]
    async with nothing_written(container):
        payload = await ada.mutate("linkDocument", "document { id }", digest=DIGEST, book={"id": key})
        assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(["input", "book"], "NOT_FOUND")]
        payload = await ada.mutate("linkDocument", "document { id }", digest="a:b", book=BOOK)
        assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(["input", "digest"], "INVALID")]


async def test_all_who_write_a_position_at_once_and_the_end_of_the_account_never_wait_in_a_circle(
    ada: Reader, container: Container
) -> None:
    device = Device(ada.http, "ada")
    await linked(ada)
    await linked(ada, "other", OTHER_BOOK)
    for _ in range(3):
        pushes = [device.push(digest, percentage=n / 9) for n in range(3) for digest in (DIGEST, "other")]
        tells = [told(ada, **said(ada, location=n)) for n in range(3)]
        links = [linked(ada, digest) for digest in ("other", DIGEST)]
        answers = await asyncio.gather(*pushes, *tells, *links)
        assert {found.status for found in answers[:6]} == {200}
    ends = ada.mutate("deleteAccount", "deletedUserId", password=PASSWORD)
    *answers, ended = await asyncio.gather(*(device.push(progress=f"/{n}") for n in range(6)), ends)
    assert not ended["userErrors"]
    assert {found.status for found in answers} <= {200, 401}
    for table in ("documents", "reading_positions", "device_positions"):
        assert await sql(container, f"SELECT 1 FROM {table}") == []  # noqa: S608


async def test_a_book_that_is_gone_leaves_the_document(ada: Reader, container: Container) -> None:
    await linked(ada)
    await Device(ada.http, "ada").push()
    await sql(container, "DELETE FROM books")
    assert [node["book"] for node in (await listed(ada))["nodes"]] == [None]
    assert (await Device(ada.http, "ada").push()).status == 200
