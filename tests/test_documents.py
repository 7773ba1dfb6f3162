"""What the README promises a stranger holds: its queries run on the demo data, its containers get the whole program."""

import re
from pathlib import Path

import pytest

from commands import seed
from commands.demo_data import DEMO_READER, PASSWORD, READERS
from core.settings import Settings
from runtime.container import Container
from runtime.embedded import EmbeddedServers
from runtime.launch import Backends
from tests.support.api import Reader

ROOT = Path(__file__).parents[1]
TOUR = re.findall(r"```graphql\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.fixture
async def demo(container: Container, urls: tuple[str, str], server_folder: Path) -> Backends:
    """The demo data, loaded."""
    found = Backends(*urls, await EmbeddedServers.start(server_folder, postgres=False, valkey=False))
    assert await seed.load(container.settings, found) == len(READERS)
    return found


@pytest.fixture
async def mara(nobody: Reader, demo: Backends) -> Reader:
    """The demo reader, signed in."""
    del demo
    signed_in = await nobody.mutate("signIn", "token", login=DEMO_READER, password=PASSWORD)
    return Reader(nobody.http, signed_in["token"])


async def test_the_tour_shows_something_at_every_stop(mara: Reader) -> None:
    latest, made, said, heard, pulled = [await mara.run(query) for query in TOUR]
    assert len(latest["viewer"]["highlights"]["nodes"]) == 3
    assert made["createHighlight"]["userErrors"] == []
    assert made["createHighlight"]["highlight"]["book"]["isbn"], "the demo book, not a new one"
    assert said["createPost"]["userErrors"] == []
    assert said["createPost"]["post"]["mentions"] == [{"username": "jonas"}]
    edges = heard["homeFeed"]["edges"]
    assert len(edges) == 5
    assert any(edge["node"]["comments"]["nodes"] for edge in edges)
    assert len(pulled["highlightChanges"]["changes"]) == 2


async def test_demo_data_is_loaded_once_and_edits_of_it_stay(
    mara: Reader, demo: Backends, container: Container
) -> None:
    await mara.mutate("updateProfile", "user { bio }", bio="Mine now.")
    assert await seed.load(container.settings, demo) == 0
    assert (await mara.run("{ viewer { user { bio } } }"))["viewer"]["user"]["bio"] == "Mine now."


async def test_demo_data_is_worth_looking_at(mara: Reader, nobody: Reader) -> None:
    mine = await mara.run(
        "{ viewer { highlights(first: 50) { nodes { color visibility note book { isbn title } } } } }"
    )
    marks = mine["viewer"]["highlights"]["nodes"]
    assert {mark["color"] for mark in marks} == {"YELLOW", "BLUE", "PINK", "ORANGE", "GREEN"}
    assert {bool(mark["book"]["isbn"]) for mark in marks} == {True, False}
    listed = await nobody.run("{ books(first: 50) { nodes { title } } }")
    titles = {book["title"] for book in listed["books"]["nodes"]}
    assert "Maps for People Who Stay" in titles, "five readers have it"
    assert "Workshop Notes, Winter Term" not in titles, "one reader's own document"
    closed = await nobody.run('{ user(username: "quietreader") { isPrivate createdAt highlights { nodes { id } } } }')
    assert (closed["user"]["isPrivate"], closed["user"]["highlights"]["nodes"]) == (True, [])
    followed = await mara.run('{ user(username: "mara") { followerCount followingCount } }')
    assert followed["user"] == {"followerCount": 4, "followingCount": 3}


def test_the_container_gets_every_layer(settings: Settings) -> None:
    del settings
    copied = set(re.findall(r"^COPY ([a-z]+) ", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE))
    layers = {folder.parent.name for folder in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "device"}
    assert copied == layers | {"alembic"}
