"""Muting: listed, moved, ended, limited, taken back."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock
from runtime.container import Container
from services import social_mutes
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql

LISTED = "{ viewer { mutes { nodes { word until } } } }"


async def mute(reader: Reader, word: str, **more: Any) -> Any:
    return await reader.mutate("mute", "mute { id word until }", target={"word": word}, **more)


async def muted(reader: Reader) -> list[str]:
    return [node["word"] for node in (await reader.run(LISTED))["viewer"]["mutes"]["nodes"]]


async def test_mutes_are_listed_moved_and_taken_back(ada: Reader, ben: Reader) -> None:
    mute = "mute { id word until user { username } book { title } }"
    book = (await ada.mutate("addBook", "book { id }", title="Tides", authors=["Ula Marsh"]))["book"]["id"]
    by_user = await ada.mutate("mute", mute, target={"userId": ben.id})
    assert by_user["mute"]["user"] == {"username": "ben"}
    by_book = await ada.mutate("mute", mute, target={"bookId": book})
    assert by_book["mute"]["book"] == {"title": "Tides"}
    word = await ada.mutate("mute", mute, target={"word": "  The  BUTLER "})
    assert word["mute"]["word"] == "the butler"
    until = (clock.now() + timedelta(hours=1)).isoformat()
    moved = await ada.mutate("mute", mute, target={"word": "the butler"}, until=until)
    assert (moved["mute"]["id"], moved["mute"]["until"] is not None) == (word["mute"]["id"], True)
    listed = (await ada.run("{ viewer { mutes(first: 2) { nodes { word } pageInfo { hasNextPage } } } }"))["viewer"]
    assert listed["mutes"]["pageInfo"]["hasNextPage"]
    relationship = "query($id: ID!) { node(id: $id) { ... on User { relationship { muting } } } }"
    assert (await ada.run(relationship, id=ben.id))["node"]["relationship"]["muting"]
    gone = await ada.mutate("unmute", "mute { id }", target={"userId": ben.id})
    assert gone["mute"] == {"id": by_user["mute"]["id"]}
    assert (await ada.mutate("unmute", "mute { id }", target={"userId": ben.id}))["mute"] is None
    assert not (await ada.run(relationship, id=ben.id))["node"]["relationship"]["muting"]


async def test_a_mute_ends_by_itself(ada: Reader, ben: Reader, container: Container) -> None:
    until = (clock.now() + timedelta(hours=1)).isoformat()
    made = await ada.mutate("mute", "mute { id }", target={"userId": ben.id}, until=until)
    await sql(container, "UPDATE mutes SET until = now() - interval '1 second'")
    assert (await ada.run("{ viewer { mutes { nodes { id } } } }"))["viewer"]["mutes"]["nodes"] == []
    assert (await ada.run("query($id: ID!) { node(id: $id) { id } }", id=made["mute"]["id"]))["node"] is None


@pytest.mark.parametrize(
    "input_",
    [
        {"target": {"word": "   "}},
        {"target": {"word": "w" * 101}},
        {"target": {"word": "late"}, "until": "2020-01-01T00:00:00Z"},
        {"target": {"userId": "nonsense"}},
    ],
)
async def test_a_mute_that_makes_no_sense_is_refused(ada: Reader, container: Container, input_: Any) -> None:
    async with nothing_written(container):
        answer = await ada.mutate("mute", "mute { id }", **input_)
        assert [e["code"] for e in answer["userErrors"]] == ["INVALID"]


async def test_so_many_things_are_muted_at_most_and_their_ends_can_still_be_moved(
    ada: Reader, ben: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(social_mutes, "MUTES_MOST", 2)
    for word in ("butler", "gardener"):
        assert not (await mute(ada, word))["userErrors"]
    async with nothing_written(container):
        [error] = (await mute(ada, "cook"))["userErrors"]
    assert (error["message"], error["code"]) == ("You already mute 2 things.", "LIMIT_EXCEEDED")
    until = (clock.now() + timedelta(hours=1)).isoformat()
    moved = await mute(ada, "butler", until=until)
    assert (moved["userErrors"], moved["mute"]["until"] is None) == ([], False)
    assert not (await mute(ben, "cook"))["userErrors"]


async def test_what_has_ended_takes_no_place_and_may_be_muted_again(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(social_mutes, "MUTES_MOST", 2)
    for word in ("butler", "gardener"):
        await mute(ada, word)
    await sql(container, "UPDATE mutes SET until = now() - interval '1 second'")
    assert await muted(ada) == []
    for word in ("cook", "butler"):
        assert not (await mute(ada, word))["userErrors"]
    assert await muted(ada) == ["butler", "cook"]
    assert await sql(container, "SELECT count(*) FROM mutes") == [(2,)]
