"""Out and in again: our JSON byte for byte, the others as far as the format reaches."""

from typing import Any

import pytest

from runtime.container import Container
from services.media_rules import ZIP
from tests.support.api import Reader
from tests.support.exports import taken
from tests.support.imports import counts, import_file
from tests.support.rows import sql
from tests.support.uploads import upload

ALL = """query { viewer { highlights(first: 100) { nodes { uuid text note color visibility createdAt updatedAt
anchor { locationStart locationEnd prefix suffix cfi page percent } book { title authors } } } } }"""
HIGHLIGHTS: list[dict[str, Any]] = [
    {
        "book": {"named": {"title": "Harbour  Songs", "authors": ["Ida Marsh", "Bo, Karst"]}},
        "passage": {
            "text": '=SUM("tide")\n\n second line, "quoted"; \u2028 and 潮 🌊',
            "anchor": {"locationStart": 0, "locationEnd": 4, "prefix": "so ", "suffix": " then", "page": "XI", "percent": 33.3},
        },
        "note": "'-- hers",
        "color": "BLUE",
        "visibility": "PUBLIC",
    },
    {
        "book": {"named": {"title": "Harbour  Songs", "authors": ["Ida Marsh", "Bo, Karst"]}},
        "passage": {"text": "Twice the same.", "anchor": {"cfi": "epubcfi(/6/4!/4/2,/1:0,/1:12)", "percent": 100}},
        "color": "PINK",
    },
    {
        "book": {"named": {"title": "Harbour  Songs", "authors": ["Ida Marsh", "Bo, Karst"]}},
        "passage": {"text": "Twice the same.", "anchor": {"page": "12"}},
        "visibility": "FOLLOWERS",
    },
    {
        "book": {"named": {"title": "+ Plus", "authors": []}},
        "passage": {"text": " blanks around ", "anchor": {"percent": 0}},
        "color": "GREEN",
    },
]  # fmt: skip


async def fill(reader: Reader) -> None:
    for told in HIGHLIGHTS:
        made = await reader.mutate("createHighlight", "highlight { id }", **told)
        assert made["userErrors"] == []
    one, *_ = (await reader.run("{ viewer { highlights { nodes { id } } } }"))["viewer"]["highlights"]["nodes"]
    edited = await reader.mutate("updateHighlight", "highlight { id }", id=one["id"], note="An afterthought.")
    assert edited["userErrors"] == []


async def all_of(reader: Reader) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await reader.run(ALL))["viewer"]["highlights"]["nodes"]
    return nodes


async def elsewhere(container: Container) -> None:
    """Make this server one that has never heard of these highlights and books."""
    await sql(container, "TRUNCATE highlights, book_holders, books, import_marks CASCADE")


async def test_our_json_comes_out_of_an_empty_account_byte_for_byte(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await fill(ada)
    first = (await taken(ada, "JSON")).body
    await elsewhere(container)
    media = await upload(ben, first, "application/json")
    assert counts(await import_file(ben, container, None, format="JSON", mediaId=media)) == (4, 0, 0, 0)
    assert (await taken(ben, "JSON")).body == first
    assert counts(await import_file(ben, container, first.decode(), format="JSON")) == (0, 0, 4, 0)
    assert (await taken(ben, "JSON")).body == first


async def test_a_second_account_of_the_same_server_gets_all_but_the_ids(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await fill(ada)
    content = (await taken(ada, "JSON")).body.decode()
    before = await all_of(ada)
    assert counts(await import_file(ben, container, content, format="JSON")) == (4, 0, 0, 0)
    without = [[{**one, "uuid": None} for one in await all_of(reader)] for reader in (ada, ben)]
    assert sorted(without[0], key=str) == sorted(without[1], key=str)
    assert await all_of(ada) == before
    assert counts(await import_file(ben, container, content, format="JSON")) == (0, 0, 4, 0)
    assert counts(await import_file(ada, container, content, format="JSON")) == (0, 0, 4, 0)


async def test_annotations_bring_back_all_but_locations_and_visibility(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await fill(ada)
    before = await all_of(ada)
    body = (await taken(ada, "W3C_ANNOTATIONS")).body
    await elsewhere(container)
    media = await upload(ben, body, ZIP)
    assert counts(await import_file(ben, container, None, format="W3C_ANNOTATIONS", mediaId=media)) == (4, 0, 0, 0)
    lost = {"locationStart": None, "locationEnd": None}
    expected = [{**one, "visibility": "PRIVATE", "anchor": {**one["anchor"], **lost}} for one in before]
    for one in expected:
        one["book"] |= {"title": " ".join(one["book"]["title"].split())}
    assert sorted(await all_of(ben), key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_our_csv_brings_back_words_places_and_days(
    ada: Reader, ben: Reader, container: Container, encoding: str
) -> None:
    await fill(ada)
    before = await all_of(ada)
    body = (await taken(ada, "CSV")).body
    await elsewhere(container)
    media = await upload(ben, body.decode().encode(encoding), "text/csv")
    assert counts(await import_file(ben, container, None, format="READWISE_CSV", mediaId=media)) == (4, 0, 0, 0)

    def kept(one: dict[str, Any]) -> tuple[Any, ...]:
        where = (
            one["anchor"]["locationStart"],
            one["anchor"]["page"] if one["anchor"]["locationStart"] is None else None,
        )
        return one["text"].strip(), one["note"], one["color"], one["createdAt"][:19], where

    assert sorted(map(kept, await all_of(ben)), key=str) == sorted(map(kept, before), key=str)
