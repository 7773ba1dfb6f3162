"""Lists of posts, and of what friends marked: in order, page by page, with what may be seen, and without what is muted."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from core.ids import read_id
from models.profiles import Visibility
from runtime.container import Container
from tests.support.api import Reader
from tests.support.posting import act, post, posts_of
from tests.support.readers import seated
from tests.support.seeding import Seeder

Http = TestClient[Any, Any]
TAGGED = """query($tag: String!, $first: Int, $after: String) { hashtagPosts(tag: $tag, first: $first, after: $after) {
  nodes { id text } pageInfo { hasNextPage endCursor } } }"""
DELETED = """query($first: Int, $after: String) { viewer { deletedPosts(first: $first, after: $after) {
  nodes { id text deletedAt } pageInfo { hasNextPage endCursor } } } }"""
FOLLOWED = """query($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on Book {
  followedHighlights(first: $first, after: $after) { totalCount nodes { text note owner { username } }
  pageInfo { hasNextPage endCursor } } } } }"""


async def tagged(reader: Reader, tag: str) -> list[str]:
    return [node["text"] for node in (await reader.run(TAGGED, tag=tag))["hashtagPosts"]["nodes"]]


async def test_every_page_of_every_list(ada: Reader, container: Container) -> None:
    async with container.database.writing() as session:
        seeder, author = Seeder(session), read_id(ada.id, "User")
        # Two at a time of the same moment: the id decides.
        first = await seeder.post(author, "0", tags=["tides"])
        for number in range(1, 7):
            made = (
                first.created_at
                if number % 2
                else (await seeder.post(author, "x", visibility=Visibility.PRIVATE)).created_at
            )
            first = await seeder.post(author, str(number), tags=["tides"], created_at=made)
    whole = await posts_of(ada, "ada", first=100)
    assert sorted(whole) == sorted([*"0123456", *"xxx"])
    for size in (1, 2, 3, 100):
        found, after = [], None
        while True:
            page = (await ada.run(TAGGED, tag="Tides", first=size, after=after))["hashtagPosts"]
            found += [node["text"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert found == [text for text in whole if text != "x"]


async def test_a_readers_posts_are_those_one_may_see(ada: Reader, ben: Reader, nobody: Reader) -> None:
    levels = ["PRIVATE", "MUTUALS", "FOLLOWERS", "PUBLIC"]
    for level in levels:
        await post(ada, level, visibility=level)
    assert await posts_of(ada, "ada") == levels[::-1]
    assert await posts_of(nobody, "ada") == await posts_of(ben, "ada") == ["PUBLIC"]
    await ben.mutate("follow", "status", userId=ada.id)
    assert await posts_of(ben, "ada") == ["PUBLIC", "FOLLOWERS"]
    await ada.mutate("follow", "status", userId=ben.id)
    assert await posts_of(ben, "ada") == ["PUBLIC", "FOLLOWERS", "MUTUALS"]
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    assert await posts_of(nobody, "ada") == []
    assert await posts_of(ben, "ada") == ["PUBLIC", "FOLLOWERS", "MUTUALS"]
    await ben.mutate("mute", "mute { id }", target={"userId": ada.id})
    assert await posts_of(ben, "ada") == ["PUBLIC", "FOLLOWERS", "MUTUALS"], "asked for by name, muted or not"


async def test_a_hashtag_is_found_in_any_spelling(ada: Reader) -> None:
    await post(ada, "#Straße")
    for tag in ("strasse", "#STRASSE", "＃Straße", " Straße "):  # noqa: RUF001
        assert await tagged(ada, tag) == ["#Straße"]
    for tag in ("", "#", "a b", "#a-b", "🐚"):
        assert (await ada.error(TAGGED, tag=tag))["extensions"]["code"] == "BAD_USER_INPUT"
    assert await tagged(ada, "#nobody_wrote_this") == []


@pytest.mark.parametrize("target", ["user", "book", "word"])
async def test_under_a_hashtag_what_is_muted_is_left_out(ada: Reader, ben: Reader, target: str) -> None:
    book = (await ben.mutate("addBook", "book { id }", title="Tides", authors=[], isbn="0306406152"))["book"]["id"]
    await post(ben, "#tides The BUTLER, again", bookId=book)
    await post(ada, "#tides mine")
    assert len(await tagged(ada, "tides")) == 2
    targets = {"user": {"userId": ben.id}, "book": {"bookId": book}, "word": {"word": "butler"}}
    muted = await ada.mutate("mute", "mute { id }", target=targets[target])
    assert not muted["userErrors"]
    assert await tagged(ada, "tides") == ["#tides mine"]
    assert len(await tagged(ben, "tides")) == 2


async def test_under_a_hashtag_nobody_meets_whom_they_block_or_what_is_deleted(ada: Reader, ben: Reader) -> None:
    made = await post(ada, "#tides")
    assert await tagged(ben, "tides") == ["#tides"]
    await act(ada, "deletePost", made["id"])
    assert await tagged(ben, "tides") == await tagged(ada, "tides") == []
    await act(ada, "restorePost", made["id"])
    assert await tagged(ben, "tides") == ["#tides"]
    await ada.mutate("block", "user { id }", userId=ben.id)
    assert await tagged(ben, "tides") == []


async def test_what_was_deleted_is_listed_to_its_author_alone(ada: Reader, ben: Reader) -> None:
    made = [await post(ada, str(number)) for number in range(4)]
    await post(ben, "ben's")
    for one in (made[2], made[0], made[3]):
        await act(ada, "deletePost", one["id"])
    found, after = [], None
    for _ in range(2):
        page = (await ada.run(DELETED, first=2, after=after))["viewer"]["deletedPosts"]
        found += [node["text"] for node in page["nodes"]]
        assert all(node["deletedAt"] for node in page["nodes"])
        after = page["pageInfo"]["endCursor"]
    assert found == ["3", "0", "2"]
    assert (await ben.run(DELETED))["viewer"]["deletedPosts"]["nodes"] == []
    await act(ada, "restorePost", made[0]["id"])
    assert [node["text"] for node in (await ada.run(DELETED))["viewer"]["deletedPosts"]["nodes"]] == ["3", "2"]


async def test_what_friends_marked_in_a_book(
    ada: Reader, ben: Reader, nobody: Reader, http: Http, container: Container
) -> None:
    cora, stranger = await seated(http, container, "cora"), await seated(http, container, "stranger")
    book = (
        await ada.mutate(
            "addBook", "book { id }", title="The Lighthouse Ledger", authors=["Ida Marsh"], isbn="0306406152"
        )
    )["book"]["id"]

    async def mark(reader: Reader, text: str, level: str) -> None:
        passage = {"text": text, "anchor": {}}
        made = await reader.mutate(
            "createHighlight", "highlight { id }", book={"id": book}, passage=passage, visibility=level, note="hush"
        )
        assert not made["userErrors"], made

    await mark(ada, "my own", "PUBLIC")
    for reader in (ben, cora, stranger):
        for level in ("PRIVATE", "FOLLOWERS", "PUBLIC"):
            await mark(reader, f"{reader.username} {level}", level)
    for reader in (ben, cora):
        await ada.mutate("follow", "status", userId=reader.id)

    async def followed(reader: Reader) -> tuple[int, list[str]]:
        found: list[Any] = []
        after = None
        while True:
            page = (await reader.run(FOLLOWED, id=book, first=3, after=after))["node"]["followedHighlights"]
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                assert {node["note"] for node in found} <= {None}
                return page["totalCount"], [node["text"] for node in found]

    assert await followed(ada) == (4, ["cora PUBLIC", "cora FOLLOWERS", "ben PUBLIC", "ben FOLLOWERS"])
    assert await followed(ben) == await followed(nobody) == (0, [])
    await ada.mutate("mute", "mute { id }", target={"userId": cora.id})
    await ada.mutate("mute", "mute { id }", target={"bookId": book})
    assert await followed(ada) == (2, ["ben PUBLIC", "ben FOLLOWERS"])
    await ben.mutate("block", "user { id }", userId=ada.id)
    assert await followed(ada) == (0, [])
