"""Files of highlights go in through the API: once, whatever happens, and never over what the reader did since."""

import pytest

from runtime.container import Container
from services.imports import service
from tests.services.imports.clippings_text import GOLDEN, at, highlight, note, record
from tests.services.imports.test_clippings_golden import BOOKS, ENTRIES, SKIPPED
from tests.support.api import Reader
from tests.support.imports import GROWN, OLD, counts, highlights, import_file


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.txt").read_bytes().decode()


@pytest.mark.parametrize("name", ENTRIES)
async def test_every_generation_goes_in_with_notes_dates_and_books(
    ada: Reader, container: Container, name: str
) -> None:
    found = await import_file(ada, container, golden(name))
    assert found["state"] == "DONE"
    assert found["created"] == len(ENTRIES[name])
    assert [(p["line"], p["message"].split(":")[0]) for p in found["problems"]] == SKIPPED[name]
    assert found["skipped"] == len(SKIPPED[name]) + found["attachedNotes"] + found["collapsed"]
    made = await highlights(ada)
    rows = {
        (
            h["text"],
            h["note"],
            h["anchor"]["locationStart"],
            h["anchor"]["locationEnd"],
            h["anchor"]["page"],
            h["createdAt"],
        )
        for h in made
    }
    assert rows == {
        (text, note_, start_, end, page, when and f"{when:%Y-%m-%dT%H:%M:%S.%fZ}")
        for text, note_, start_, end, page, when, _ in ENTRIES[name]
    }
    assert {(h["book"]["title"], tuple(h["book"]["authors"])) for h in made} == BOOKS[name]
    assert {(h["color"], h["visibility"]) for h in made} == {("YELLOW", "PRIVATE")}
    assert {book["book"]["title"] for book in found["books"] if book["created"]} == {title for title, _ in BOOKS[name]}


@pytest.mark.parametrize("name", ENTRIES)
async def test_a_file_imported_again_changes_nothing(ada: Reader, container: Container, name: str) -> None:
    first = await import_file(ada, container, golden(name))
    before = await highlights(ada)
    for zone in ("UTC", "Asia/Tokyo"):
        again = await import_file(ada, container, golden(name), timeZone=zone)
        assert counts(again) == (0, 0, first["created"], first["skipped"])
        assert [b["book"] and b["book"]["id"] for b in again["books"]] == [
            b["book"] and b["book"]["id"] for b in first["books"]
        ]
    assert await highlights(ada) == before


SHORTER = {"text": "He counted.", "anchor": {"locationStart": 680, "locationEnd": 681}}


async def test_what_the_reader_edited_or_deleted_since_stays(ada: Reader, container: Container) -> None:
    await import_file(ada, container, golden("kindle_c_us"))
    one, two, three, _ = await highlights(ada)
    await ada.mutate("updateHighlight", "highlight { id }", id=one["id"], note="my own", color="BLUE")
    await ada.mutate(
        "updateHighlight",
        "highlight { id }",
        id=two["id"],
        passage=SHORTER,
    )
    await ada.mutate("deleteHighlight", "highlight { id }", id=three["id"])
    before, gone = await highlights(ada), await highlights(ada, deleted=True)
    again = await import_file(ada, container, golden("kindle_c_us"))
    assert counts(again)[:3] == (0, 0, 4)
    assert await highlights(ada) == before
    assert await highlights(ada, deleted=True) == gone


async def test_a_grown_file_updates_in_place_and_adds_what_is_new(ada: Reader, container: Container) -> None:
    await import_file(ada, container, OLD)
    before = await highlights(ada)
    found = await import_file(ada, container, GROWN)
    assert counts(found) == (1, 2, 0, 2)
    assert (found["attachedNotes"], found["collapsed"]) == (1, 1)
    after = await highlights(ada)
    assert [(h["text"], h["note"]) for h in after] == [
        ("The tide keeps its own ledger.", None),
        ("Salt has no owner.", "who said this?"),
        ("A third one.", None),
    ]
    assert [h["id"] for h in after[:2]] == [h["id"] for h in before]
    assert [h["createdAt"] for h in after[:2]] == [h["createdAt"] for h in before]
    assert counts(await import_file(ada, container, GROWN)) == (0, 0, 3, 2)


@pytest.mark.parametrize("first", ["grown file alone", "both"])
async def test_an_older_copy_puts_nothing_back(ada: Reader, container: Container, first: str) -> None:
    if first == "both":
        await import_file(ada, container, OLD)
    await import_file(ada, container, GROWN)
    before = await highlights(ada)
    found = await import_file(ada, container, OLD)
    assert counts(found) == (0, 0, 2, 0)
    assert await highlights(ada) == before
    assert counts(await import_file(ada, container, GROWN))[:3] == (0, 0, 3)
    assert await highlights(ada) == before


async def test_a_file_that_only_grew_by_notes_is_newer_than_its_older_copy(ada: Reader, container: Container) -> None:
    base = highlight("Location 10-12", "The tide keeps its ledger.")
    noted = base + note("Location 12", "first thought")
    renoted = noted + note("Location 12", "second thought", date=at(30))
    await import_file(ada, container, renoted)
    (before,) = await highlights(ada)
    for older in (noted, base):
        assert counts(await import_file(ada, container, older))[:3] == (0, 0, 1)
    assert await highlights(ada) == [before]


async def test_a_grown_file_leaves_edited_registers_alone_and_changes_the_others(
    ada: Reader, container: Container
) -> None:
    await import_file(ada, container, OLD)
    one, two = await highlights(ada)
    await ada.mutate("updateHighlight", "highlight { id }", id=one["id"], note="mine")
    await ada.mutate("updateHighlight", "highlight { id }", id=two["id"], note="mine, too")
    found = await import_file(ada, container, GROWN)
    assert counts(found)[:3] == (1, 1, 1)
    assert [(h["text"], h["note"]) for h in (await highlights(ada))[:2]] == [
        ("The tide keeps its own ledger.", "mine"),
        ("Salt has no owner.", "mine, too"),
    ]


async def test_a_grown_file_brings_no_deleted_highlight_back(ada: Reader, container: Container) -> None:
    await import_file(ada, container, OLD)
    one, _ = await highlights(ada)
    await ada.mutate("deleteHighlight", "highlight { id }", id=one["id"])
    assert counts(await import_file(ada, container, GROWN))[:3] == (1, 1, 1)
    assert one["id"] not in {h["id"] for h in await highlights(ada)}
    (gone,) = await highlights(ada, deleted=True)
    assert gone["text"] == "The tide keeps"


async def test_a_new_file_without_the_note_takes_no_note_away(ada: Reader, container: Container) -> None:
    noted = highlight("Location 10-12", "The tide keeps its own") + note("Location 12", "a thought", date=at(1))
    anew = highlight("Location 10-14", "The tide keeps its own ledger.", date=at(0, day=9))
    await import_file(ada, container, noted)
    assert counts(await import_file(ada, container, anew))[:3] == (0, 1, 0)
    (found,) = await highlights(ada)
    assert (found["text"], found["note"]) == ("The tide keeps its own ledger.", "a thought")


async def test_two_highlights_that_a_later_one_joins_keep_the_first(ada: Reader, container: Container) -> None:
    apart = highlight("Location 10-11", "The tide keeps", date=at(0)) + highlight(
        "Location 13-14", "its own ledger", date=at(1)
    )
    joined = apart + highlight("Location 10-14", "The tide keeps, somewhere, its own ledger.", date=at(2))
    await import_file(ada, container, apart)
    assert counts(await import_file(ada, container, joined))[:3] == (0, 1, 0)
    assert counts(await import_file(ada, container, joined))[:3] == (0, 0, 1)
    assert counts(await import_file(ada, container, apart))[:3] == (0, 0, 2)
    texts = [h["text"] for h in await highlights(ada)]
    assert texts == ["The tide keeps, somewhere, its own ledger.", "its own ledger"]


async def test_a_dry_run_tells_the_same_numbers_and_writes_nothing(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SLICE", 2)
    await import_file(ada, container, OLD)
    mixed = (
        GROWN + highlight("Location 5-6", "Twice here.") + record("Your Bookmark on Location 9", title="Other (B. C.)")
    )
    mixed += highlight("Location 5-6", "Twice here.", title="the GLASS Ferry! (Nora Wynn)")
    before = await highlights(ada)
    books = await ada.run("{ books { totalCount: nodes { id } } }")
    dry = await import_file(ada, container, mixed, dryRun=True)
    assert dry["dryRun"] is True
    assert await highlights(ada) == before
    assert await ada.run("{ books { totalCount: nodes { id } } }") == books
    real = await import_file(ada, container, mixed)
    assert counts(real) == counts(dry) == (2, 2, 1, 3)
    assert real["problems"] == dry["problems"] != []
    for one, other in zip(real["books"], dry["books"], strict=True):
        assert {**one, "book": None} == {**other, "book": None}


async def test_a_dry_run_makes_no_book(ada: Reader, container: Container) -> None:
    found = await import_file(ada, container, golden("kindle_a"), dryRun=True)
    assert counts(found)[0] == 3
    assert [book["book"] for book in found["books"]] == [None, None]
    assert (await ada.run("{ books { nodes { id } } }"))["books"]["nodes"] == []
    assert await highlights(ada) == []


async def test_an_equal_highlight_made_by_hand_is_not_doubled(ada: Reader, container: Container) -> None:
    made = await ada.mutate(
        "createHighlight",
        "highlight { id }",
        book={"named": {"title": "The Glass Ferry", "authors": ["Nora Wynn"]}},
        passage={"text": "The tide keeps", "anchor": {"locationStart": 10, "locationEnd": 13}},
    )
    assert counts(await import_file(ada, container, OLD)) == (1, 0, 1, 0)
    # From here on it is known, and follows the file.
    assert counts(await import_file(ada, container, GROWN))[:3] == (1, 2, 0)
    assert (await highlights(ada))[0]["id"] == made["highlight"]["id"]


async def test_devices_get_each_change_once(ada: Reader, container: Container) -> None:
    query = "query($d: ID, $a: String) { highlightChanges(deviceId: $d, after: $a) { cursor changes { __typename } } }"
    start_ = (await ada.run(query, d=ada.device_id))["highlightChanges"]["cursor"]
    await import_file(ada, container, OLD)
    page = (await ada.run(query, d=ada.device_id, a=start_))["highlightChanges"]
    assert [change["__typename"] for change in page["changes"]] == ["HighlightUpserted"] * 2
    await import_file(ada, container, OLD)
    assert (await ada.run(query, d=ada.device_id, a=page["cursor"]))["highlightChanges"]["changes"] == []


async def test_what_a_device_did_offline_after_marking_wins_over_the_file(ada: Reader, container: Container) -> None:
    await import_file(ada, container, OLD)
    one, _ = await highlights(ada)
    push = """mutation($i: PushHighlightChangesInput!) { pushHighlightChanges(input: $i) {
        results { outcome highlight { note } } userErrors { message } } }"""
    op = {
        "opId": "0199a000-0000-7000-8000-000000000001",
        "highlightUuid": one["uuid"],
        "doneAt": "2023-01-01T00:00:00Z",
        "change": {"edit": {"note": "on the train"}},
    }
    answer = await ada.run(push, i={"deviceId": ada.device_id, "sentAt": one["updatedAt"], "ops": [op]})
    assert answer["pushHighlightChanges"]["results"] == [{"outcome": "APPLIED", "highlight": {"note": "on the train"}}]
    await import_file(ada, container, GROWN)
    assert (await highlights(ada))[0]["note"] == "on the train"


async def test_the_time_zone_says_when_it_was_made(ada: Reader, container: Container) -> None:
    await import_file(ada, container, OLD, timeZone="Europe/Berlin")
    assert (await highlights(ada))[0]["createdAt"] == "2022-06-30T22:00:00.000000Z"


async def test_dates_ahead_of_now_and_missing_dates_become_now(ada: Reader, container: Container) -> None:
    content = highlight("Location 1-2", "From a broken clock.", date="Friday, 1 July 2089 10:00:00")
    content += record("Your Highlight on Location 5-6", "Without a date.", date=None)
    assert counts(await import_file(ada, container, content))[0] == 2
    for one in await highlights(ada):
        assert one["createdAt"] <= one["updatedAt"]
