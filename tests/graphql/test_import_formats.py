"""Every format goes in through the API: once, with its own dates, and never over what the reader did since."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest

from core.ids import read_id
from runtime.container import Container
from tests.services.imports.formats_text import FILES, FOLDER, kind_of, read_file
from tests.support.api import Reader
from tests.support.imports import counts, highlights, import_file
from tests.support.rows import sql

ANCHORS = """query { viewer { highlights(first: 100) { nodes { id uuid text color visibility createdAt updatedAt conflictOf { uuid }
anchor { locationStart locationEnd prefix suffix cfi page percent } book { isbn publisher totalLocations } } } } }"""
TWO_BOOKS = FOLDER / "JSON-two-books.json"
DATA = {path: path.read_bytes() for path in FILES}
ONE, TWO = "01960000-0000-7000-8000-000000000002", "01960000-0000-7000-8000-000000000001"


async def take(reader: Reader, container: Container, path: Path, **more: Any) -> Any:
    content = DATA[path].decode("utf-8-sig")
    return await import_file(reader, container, content, format=kind_of(path), timeZone="Europe/Berlin", **more)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_every_format_goes_in_and_a_second_time_changes_nothing(
    ada: Reader, container: Container, path: Path
) -> None:
    parsed = read_file(kind_of(path), DATA[path])
    # Two that say the same of the same place, without ids, are one.
    repeats = 1 if path == TWO_BOOKS else 0
    found = await take(ada, container, path)
    assert found["error"] is None
    assert counts(found) == (len(parsed.entries) - repeats, 0, repeats, parsed.records - len(parsed.entries))
    assert [(p["line"], p["message"]) for p in found["problems"]] == [(p.line, p.message) for p in parsed.problems]
    made = await highlights(ada)
    rows = {(h["text"], h["note"], h["anchor"]["page"], h["book"]["title"]) for h in made}
    assert rows == {(e.text, e.note, e.page, e.title) for e in parsed.entries}
    dates = {entry.text: entry.highlighted_at for entry in parsed.entries}
    for one in made:
        at = dates[one["text"]]
        assert at is None or one["createdAt"] == f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
    first, second, *_ = [*made, *made]
    await ada.mutate("updateHighlight", "highlight { id }", id=first["id"], note="mine", color="ORANGE")
    if len(made) > 1:
        await ada.mutate("deleteHighlight", "highlight { id }", id=second["id"])
    before = await highlights(ada), await highlights(ada, deleted=True)
    again = await take(ada, container, path)
    assert counts(again) == (0, 0, len(parsed.entries), parsed.records - len(parsed.entries))
    assert (await highlights(ada), await highlights(ada, deleted=True)) == before
    await sql(container, "UPDATE highlights SET erased_at = now(), text = '', note = NULL WHERE deleted_at IS NOT NULL")
    erased = await take(ada, container, path)
    assert counts(erased)[:2] == (0, 0)
    assert await highlights(ada) == before[0]


async def test_a_dry_run_of_every_format_writes_nothing(ada: Reader, container: Container) -> None:
    for path in FILES:
        dry = await take(ada, container, path, dryRun=True)
        assert dry["created"] > 0
    assert await highlights(ada) == []
    assert (await ada.run("{ books { nodes { id } } }"))["books"]["nodes"] == []


def _koreader(**changed: Any) -> str:
    entry = {"sort": "highlight", "page": 3, "time": 1771279520, "text": "The tide keeps", "color": "yellow"} | changed
    created = changed.pop("created_on", 1780000000)
    return json.dumps({"title": "Tides", "author": "Ida Marsh", "created_on": created, "entries": [entry]})


async def test_a_passage_corrected_on_the_device_is_corrected_in_place(ada: Reader, container: Container) -> None:
    await import_file(ada, container, _koreader(), format="KOREADER")
    (before,) = await highlights(ada)
    later = _koreader(text="Every tide keeps its ledger.", color="blue", note="hm", created_on=1780000100)
    assert counts(await import_file(ada, container, later, format="KOREADER")) == (0, 1, 0, 0)
    (after,) = await highlights(ada)
    assert (after["id"], after["createdAt"]) == (before["id"], before["createdAt"])
    assert (after["text"], after["color"], after["note"]) == ("Every tide keeps its ledger.", "BLUE", "hm")
    third = _koreader(text="Tides keep ledgers.", color="green", note="hm", created_on=1780000200)
    assert counts(await import_file(ada, container, third, format="KOREADER")) == (0, 1, 0, 0)
    for older in (_koreader(), later):
        assert counts(await import_file(ada, container, older, format="KOREADER")) == (0, 0, 1, 0)
    assert [(h["text"], h["color"]) for h in await highlights(ada)] == [("Tides keep ledgers.", "GREEN")]


async def test_a_colour_that_the_reader_changed_stays(ada: Reader, container: Container) -> None:
    await import_file(ada, container, _koreader(), format="KOREADER")
    (one,) = await highlights(ada)
    await ada.mutate("updateHighlight", "highlight { id }", id=one["id"], color="PINK")
    later = _koreader(color="blue", created_on=1780000100)
    assert counts(await import_file(ada, container, later, format="KOREADER")) == (0, 0, 1, 0)
    assert (await highlights(ada))[0]["color"] == "PINK"


async def test_our_own_format_brings_back_everything_as_it_was(ada: Reader, container: Container) -> None:
    await take(ada, container, TWO_BOOKS)
    nodes = {node["uuid"]: node for node in (await ada.run(ANCHORS))["viewer"]["highlights"]["nodes"]}
    one, two = nodes[ONE], nodes[TWO]
    assert one["anchor"] == {
        "locationStart": 120, "locationEnd": 124, "prefix": "so ", "suffix": None, "cfi": None, "page": "XI", "percent": 2.5,
    }  # fmt: skip
    assert (one["color"], one["visibility"]) == ("BLUE", "PUBLIC")
    assert (one["createdAt"], one["updatedAt"]) == ("2026-03-01T09:30:00.000000Z", "2026-03-02T10:00:00.123456Z")
    assert one["book"] == {"isbn": "9780000000002", "publisher": "Quay Press", "totalLocations": 4200}
    assert two["conflictOf"] == {"uuid": ONE}
    assert two["text"] == " Blanks at both ends "


async def test_ids_that_another_reader_has_are_made_anew_always_alike(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await take(ada, container, TWO_BOOKS)
    mine = await highlights(ada)
    assert counts(await take(ben, container, TWO_BOOKS))[0] == 3
    user_id = read_id((await ben.run("{ viewer { user { id } } }"))["viewer"]["user"]["id"], "User")
    nodes = {node["uuid"]: node for node in (await ben.run(ANCHORS))["viewer"]["highlights"]["nodes"]}
    second = {told: str(uuid5(user_id, told)) for told in (ONE, TWO)}
    assert set(second.values()) <= set(nodes)
    assert nodes[second[TWO]]["conflictOf"] == {"uuid": second[ONE]}
    assert counts(await take(ben, container, TWO_BOOKS))[:3] == (0, 0, 4)
    assert await highlights(ada) == mine


async def test_what_was_edited_elsewhere_since_the_first_file_comes_with_the_second(
    ada: Reader, container: Container
) -> None:
    await take(ada, container, TWO_BOOKS)
    content = json.loads(DATA[TWO_BOOKS])
    content["books"][0]["highlights"][0] |= {"note": "Asked.", "updatedAt": "2026-04-01T00:00:00.000000Z"}
    found = await import_file(ada, container, json.dumps(content), format="JSON")
    assert counts(found)[:2] == (0, 1)
    assert {h["note"] for h in await highlights(ada)} == {"Asked.", None}


async def test_ones_own_highlights_are_never_touched_by_their_export(ada: Reader, container: Container) -> None:
    made = await ada.mutate(
        "createHighlight",
        "highlight { id uuid }",
        book={"named": {"title": "Ohne Nummer", "authors": ["A. B."]}},
        passage={"text": "By hand.", "anchor": {}},
    )
    content = json.loads(DATA[TWO_BOOKS])
    content["books"][0]["highlights"][0]["uuid"] = made["highlight"]["uuid"]
    before = await highlights(ada)
    found = await import_file(ada, container, json.dumps(content), format="JSON")
    assert counts(found)[:3] == (2, 0, 2)
    assert before[0] in await highlights(ada)
