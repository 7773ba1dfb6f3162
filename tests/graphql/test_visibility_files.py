"""What leaves outside GraphQL, for every kind of viewer and every secret: the pages of shared highlights, and exports."""

import io
import zipfile
from typing import Any

import pytest

from tests.graphql.test_visibility_matrix import ALL_VIEWERS, open_doors, world
from tests.support.api import Reader
from tests.support.exports import FORMATS, taken
from tests.support.matrix_oracle import House
from tests.support.matrix_things import Mark
from tests.support.matrix_watch import Http, canaries_in, explained
from tests.support.matrix_world import OWNERS, World

__all__ = ["open_doors", "world"]


def on_page(mark: Mark) -> set[str]:
    """What the page of a highlight tells: its words, its book, its owner's name."""
    told = [mark.texts["text"], mark.book.texts["title"], *mark.book.texts["authors"], mark.owner.texts["displayName"]]
    return set(told)


async def visited(world: World, http: Http, viewer: str, mark: Mark) -> tuple[int, bytes]:
    """Follow the link of a highlight as a viewer."""
    async with http.get(f"/highlights/{mark.key}", headers=Reader(http, world.token(viewer)).headers) as response:
        return response.status, await response.read()


@pytest.mark.parametrize("viewer", ALL_VIEWERS)
async def test_a_page_shows_each_viewer_what_the_rules_allow(world: World, http: Http, viewer: str) -> None:
    house = House(world, viewer)
    nothing = None
    for mark in world.marks:
        status, body = await visited(world, http, viewer, mark)
        if house.reads(mark) and not mark.deleted:
            assert (status, canaries_in(body)) == (200, on_page(mark)), mark.name
        else:
            assert status == 404, mark.name
            assert body == (nothing := nothing or body), mark.name
            assert not canaries_in(body)


async def test_without_the_predicates_every_page_leaks(world: World, http: Http, open_doors: list[str]) -> None:
    assert open_doors
    for mark in (mark for mark in world.marks if not mark.deleted):
        status, body = await visited(world, http, "anonymous", mark)
        assert (status, canaries_in(body)) == (200, on_page(mark)), mark.name


def unzipped(body: bytes) -> bytes:
    """Take archives apart, down to the files in them."""
    if not body.startswith(b"PK"):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return b"".join(unzipped(archive.read(name)) for name in archive.namelist())


def in_file(mark: Mark, kind: str) -> set[Any]:
    """What a format must tell of a highlight."""
    told = {mark.texts["text"], mark.texts["note"], mark.book.texts["title"], *mark.book.texts["authors"]}
    return told | (
        set(mark.texts.values()) | {mark.book.texts["publisher"]} if kind in ("JSON", "W3C_ANNOTATIONS") else set()
    )


@pytest.mark.parametrize("kind", FORMATS)
async def test_an_export_holds_all_that_is_ones_own_and_nothing_else(world: World, http: Http, kind: str) -> None:
    for viewer in (*OWNERS, "mutual", "stranger", "moderator"):
        mine = [mark for mark in world.marks if mark.owner is world.people[viewer] and not mark.deleted]
        found = canaries_in(unzipped((await taken(Reader(http, world.token(viewer)), kind)).body))
        wanted = {text for mark in mine for text in in_file(mark, kind)}
        possible = {text for mark in mine for text in in_file(mark, "JSON")}
        assert wanted <= found <= possible, {explained(world, one) for one in (wanted ^ found)}


@pytest.mark.parametrize("kind", FORMATS)
async def test_without_the_predicates_every_export_leaks(
    world: World, http: Http, open_doors: list[str], kind: str
) -> None:
    assert open_doors
    found = canaries_in(unzipped((await taken(Reader(http, world.token("stranger")), kind)).body))
    missing = {text for mark in world.marks if not mark.deleted for text in in_file(mark, kind)} - found
    assert not missing, {explained(world, one) for one in missing}
