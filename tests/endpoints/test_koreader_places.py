"""KOReader's sync protocol: what is pushed comes back as it was sent, and what could not is refused."""

import asyncio
import time
from typing import Any

import pytest

from runtime.container import Container
from tests.endpoints.koreader_device import DIGEST, LEFT_OUT, XPOINTER, Device, refusal
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql
from tests.support.statements import counted


@pytest.fixture
def stranger(ben: Reader) -> Device:
    return Device(ben.http, "ben")


async def test_a_push_is_given_back_as_it_was_sent(device: Device) -> None:
    before = int(time.time())
    pushed = await device.push()
    assert pushed.status == 200
    assert set(pushed.json) == {"document", "timestamp"}
    at = pushed.json["timestamp"]
    assert type(at) is int
    assert before <= at <= time.time()
    assert await device.pull() == {
        "document": DIGEST,
        "percentage": 0.4213,
        "progress": XPOINTER,
        "device": "shelf",
        "device_id": "AB12",
        "timestamp": at,
    }


async def test_the_time_is_the_servers(device: Device) -> None:
    pushed = await device.push(timestamp=1_000_000_000)
    assert (await device.pull())["timestamp"] == pushed.json["timestamp"] > 1_600_000_000


async def test_an_unknown_document_is_an_empty_answer(device: Device) -> None:
    for document in ("f" * 32, "x" * 500, "a%3Ab", "a%2Fb", "%00", "%E4%B8%AD", "a%20b"):
        assert await device.pull(document) == {}


@pytest.mark.parametrize("document", [LEFT_OUT, None, "", 5, True, ["x"], {}])
async def test_a_push_without_a_document_is_refused(device: Device, container: Container, document: Any) -> None:
    async with nothing_written(container, but=("auth_attempts",)):
        assert refusal(await device.push(document)) == (403, 2004)


REQUIRED = ("progress", "percentage", "device")
NOT_THERE: list[Any] = [LEFT_OUT, None, True, [], {}]
BAD_FIELDS: list[dict[str, Any]] = [
    *(({name: value}) for name in REQUIRED for value in NOT_THERE),
    *(
        {"percentage": value}
        for value in ("", "x", "NaN", "nan", "Infinity", "-inf", "1e999", "0x10", "1_0", "٣", "9" * 500)
    ),
    {"progress": "x" * 10_001},
    {"progress": "a\x00b"},
    {"device": "x" * 201},
    {"device": "\x00"},
    {"device_id": "x" * 201},
    {"device_id": []},
]


@pytest.mark.parametrize("fields", BAD_FIELDS, ids=repr)
async def test_a_push_without_all_it_needs_is_refused(
    device: Device, container: Container, fields: dict[str, Any]
) -> None:
    await device.push()
    async with nothing_written(container):
        assert refusal(await device.push(**fields)) == (403, 2003)
        assert refusal(await device.call("PUT", "/syncs/progress", {"document": DIGEST})) == (403, 2003)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(0, 0), (0.0, 0), (1, 1), ("0.25", 0.25), (" 1e-2 ", 0.01), ("0", 0), (0.42131234567890123, 0.42131234567890123)],
)
async def test_a_percentage_comes_back_as_a_number(device: Device, sent: Any, kept: float) -> None:
    assert (await device.push(percentage=sent)).status == 200
    found = (await device.pull())["percentage"]
    assert type(found) in (int, float)
    assert found == kept


async def test_an_infinite_percentage_in_the_body_is_no_json(device: Device, container: Container) -> None:
    body = b'{"document": "%s", "progress": "1", "device": "d", "percentage": %s}'
    async with nothing_written(container, but=("auth_attempts",)):
        for number in (b"1e999", b"NaN", b"Infinity", b"9" * 400):
            found = await device.call("PUT", "/syncs/progress", body % (DIGEST.encode(), number))
            assert refusal(found) == (400, 103)


@pytest.mark.parametrize(
    "progress",
    [
        "",
        "7",
        " ",
        '/body/DocFragment[3]/body/p[1]/text()[2].0 "q" \\ \u2028 中 🐚',
        "x" * 10_000,
        "\\u0000",
        "/" * 500,
    ],
)
async def test_a_progress_comes_back_byte_for_byte(device: Device, progress: str) -> None:
    await device.push(progress=progress)
    assert (await device.pull())["progress"] == progress


async def test_a_page_number_comes_back_as_text(device: Device) -> None:
    await device.push(progress=42)
    assert (await device.pull())["progress"] == "42"


async def test_empty_names_are_names(device: Device) -> None:
    await device.push(device="", device_id="")
    found = await device.pull()
    assert (found["device"], found["device_id"]) == ("", "")


async def test_the_last_word_counts_whatever_it_says(device: Device) -> None:
    await device.push(percentage=0.9, device="first", progress="/late")
    await device.push(percentage=0.1, device="second", progress="/early")
    found = await device.pull()
    assert (found["percentage"], found["device"], found["progress"]) == (0.1, "second", "/early")


async def test_a_record_is_a_unit(device: Device) -> None:
    await device.push()
    assert (await device.push(device="other", device_id=LEFT_OUT)).status == 200
    assert "device_id" not in await device.pull()


METADATA = {"filename": "ledger.epub", "title": "The Lighthouse Ledger", "authors": "Ida Marsh"}


async def kept_metadata(container: Container) -> Any:
    return tuple((await sql(container, "SELECT filename, title, authors FROM documents"))[0])


async def test_metadata_is_kept_and_not_erased_by_leaving_it_out(device: Device, container: Container) -> None:
    assert (await device.push(metadata=METADATA)).status == 200
    assert (await device.push()).status == 200
    assert (await device.push(metadata={"title": "Second Edition"})).status == 200
    assert await kept_metadata(container) == ("ledger.epub", "Second Edition", "Ida Marsh")
    assert "metadata" not in await device.pull()


@pytest.mark.parametrize(
    "metadata", [None, "x", 5, [], {"title": 5}, {"title": "\x00"}, {"title": {}}, {"authors": [5]}, {"nonsense": 1}]
)
async def test_strange_metadata_is_no_reason_to_refuse_a_place(
    device: Device, container: Container, metadata: Any
) -> None:
    await device.push(metadata=METADATA)
    assert (await device.push(metadata=metadata)).status == 200
    assert await kept_metadata(container) == tuple(METADATA.values())


async def test_long_metadata_is_cut_and_a_list_of_authors_joined(device: Device, container: Container) -> None:
    assert (await device.push(metadata={"title": "t" * 5_000, "authors": ["Ida Marsh", "Ib Lund"]})).status == 200
    assert await kept_metadata(container) == (None, "t" * 500, "Ida Marsh, Ib Lund")


async def test_unknown_fields_are_left_alone(device: Device) -> None:
    identifiers = [{"type": "isbn", "value": "9780306406157"}]
    pushed = await device.push(identifiers=identifiers, nonsense={"deep": [1]})
    assert set(pushed.json) == {"document", "timestamp"}


IDS = ["a-b", "a.b", "a_b", "...", "-", "A" * 128, "0" * 32]


@pytest.mark.parametrize("document", IDS)
async def test_an_id_that_is_taken_can_be_read(device: Device, document: str) -> None:
    assert (await device.push(document)).status == 200
    assert (await device.pull(document))["document"] == document


@pytest.mark.parametrize("document", ["a:b", "a/b", "a b", ".", "..", "A" * 129, "é", "a\x00", "a\n", "٣"])
async def test_an_id_that_could_not_be_read_is_refused(device: Device, container: Container, document: str) -> None:
    await device.call("GET", "/users/auth")
    async with nothing_written(container):
        assert refusal(await device.push(document)) == (403, 2004)


async def test_ids_have_case(device: Device) -> None:
    await device.push("abc")
    assert await device.pull("ABC") == {}


async def test_two_readers_of_one_file_do_not_meet(device: Device, stranger: Device) -> None:
    await device.push(progress="/hers")
    assert await stranger.pull() == {}
    await stranger.push(progress="/his")
    assert (await device.pull())["progress"] == "/hers"


async def test_many_pushes_at_once_leave_one_record(device: Device, container: Container) -> None:
    answers = await asyncio.gather(*(device.push(progress=f"/{number}") for number in range(12)))
    assert {found.status for found in answers} == {200}
    assert len(await sql(container, "SELECT 1 FROM documents")) == 1


async def test_a_push_that_races_a_deletion_leaves_nothing(ada: Reader, device: Device, container: Container) -> None:
    await device.push()
    pushes = [device.push(f"doc{number}") for number in range(8)]
    ends = ada.mutate("deleteAccount", "deletedUserId", password="correct horse battery")
    *answers, ended = await asyncio.gather(*pushes, ends)
    assert not ended["userErrors"]
    assert {found.status for found in answers} <= {200, 401}
    assert await sql(container, "SELECT 1 FROM documents") == []


async def test_a_reader_has_so_many_documents(
    device: Device, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.koreader.DOCUMENTS_MOST", 2)
    assert [(await device.push(f"doc{number}")).status for number in range(3)] == [200, 200, 403]
    assert (await device.push("doc1")).status == 200
    assert len(await sql(container, "SELECT 1 FROM documents")) == 2


async def test_a_page_turn_takes_few_statements(ada: Reader, device: Device, container: Container) -> None:
    await device.push()
    with counted(container.database.engine) as plain:
        assert (await device.push()).status == 200
    # Who it is; the key once more, and the account held; the document; its new place.
    assert len(plain) == 4, plain
    with counted(container.database.engine) as read:
        assert (await device.pull())["progress"] == XPOINTER
    assert len(read) == 2, read
    book = {"named": {"title": "The Lighthouse Ledger", "authors": []}}
    await ada.mutate("linkDocument", "document { id }", digest=DIGEST, book=book)
    with counted(container.database.engine) as linked:
        assert (await device.push()).status == 200
    # And the position, the device's own, the time, and both as they are now.
    assert len(linked) == 9, linked
