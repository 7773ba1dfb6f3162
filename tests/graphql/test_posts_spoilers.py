"""Posts that would tell how a book goes on: of their words, nothing leaves before one is far enough."""

import json
from typing import Any

import pytest

from runtime.container import Container
from tests.support.api import Reader
from tests.support.posting import POST, post, read
from tests.support.rows import sql
from tests.support.uploads import picture, upload

BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
CANARY, TAG, QUOTE = "drownedkeeper", "lanternmurder", "the butler lit the lamp"
UNTIL = 500
REVEALED = """text(reveal: true) quote(reveal: true) { text } imageUrl(reveal: true) hashtags(reveal: true)
  mentions(reveal: true) { username } highlight(reveal: true) { text }"""


@pytest.fixture
async def spoiler(ada: Reader, ben: Reader) -> Any:
    passage = {"text": QUOTE, "anchor": {"locationStart": 490, "locationEnd": 500}}
    marked = await ada.mutate("createHighlight", "highlight { id }", book=BOOK, passage=passage, visibility="PUBLIC")
    media_id = await upload(ada, picture(), "image/png", "POST_IMAGE")
    return await post(
        ada,
        f"Oh! {CANARY} #{TAG} @{ben.username}",
        highlightId=marked["highlight"]["id"],
        mediaId=media_id,
        spoilerUntilLocation=UNTIL,
    )


async def move(reader: Reader, location: int, seconds: int = 0) -> None:
    payload = await reader.mutate(
        "updateReadingPosition",
        "position { id }",
        book=BOOK,
        location=location,
        recordedAt=f"2026-01-31T18:30:{seconds:02}Z",
    )
    assert not payload["userErrors"], payload


def canaries(made: Any) -> list[str]:
    return [CANARY, TAG, QUOTE, made["imageUrl"].rpartition("/")[2]]


async def test_no_byte_of_a_hidden_post_leaves(ada: Reader, ben: Reader, nobody: Reader, spoiler: Any) -> None:
    query = f"""query($id: ID!, $tag: String!) {{
      post(id: $id) {{ {POST} }} node(id: $id) {{ ... on Post {{ {POST} }} }}
      user(username: "ada") {{ posts {{ nodes {{ {POST} }} }} }} hashtagPosts(tag: $tag) {{ nodes {{ {POST} }} }} }}"""
    await move(ben, UNTIL - 1)
    for reader in (ben, nobody):
        answer = await reader.run(query, id=spoiler["id"], tag=TAG)
        assert answer["hashtagPosts"]["nodes"] == []
        hidden = answer["post"]
        assert answer["node"] == answer["user"]["posts"]["nodes"][0] == hidden
        assert hidden["isHidden"]
        assert (hidden["text"], hidden["quote"], hidden["highlight"], hidden["imageUrl"]) == (None,) * 4
        assert (hidden["hashtags"], hidden["mentions"]) == ([], [])
        assert (hidden["spoilerUntilLocation"], hidden["book"]["title"]) == (UNTIL, "The Lighthouse Ledger")
        text = json.dumps(answer)
        assert [word for word in canaries(spoiler) if word in text] == []
        shown = await reader.run(f"query($id: ID!) {{ post(id: $id) {{ isHidden {REVEALED} }} }}", id=spoiler["id"])
        assert [word for word in canaries(spoiler) if word not in json.dumps(shown)] == [], "asked for, it is there"
        assert shown["post"]["isHidden"]
        assert shown["post"]["mentions"] == [{"username": "ben"}]
    passed = await ben.mutate("repost", f"post {{ {POST} }}", postId=spoiler["id"])
    assert [word for word in canaries(spoiler) if word in json.dumps(passed)] == []
    mine = await read(ada, spoiler["id"])
    assert (mine["isHidden"], mine["text"]) == (False, spoiler["text"])


async def test_it_shows_once_one_is_far_enough_and_stays(ben: Reader, spoiler: Any) -> None:
    assert (await read(ben, spoiler["id"]))["isHidden"]
    await move(ben, UNTIL)
    seen = await read(ben, spoiler["id"])
    assert (seen["isHidden"], seen["text"], seen["hashtags"]) == (False, spoiler["text"], [TAG])
    # Leafing back forgets nothing.
    await move(ben, 3, seconds=1)
    assert await read(ben, spoiler["id"]) == seen
    query = "query($tag: String!) { hashtagPosts(tag: $tag) { nodes { id } } }"
    assert (await ben.run(query, tag=TAG))["hashtagPosts"]["nodes"] == [{"id": spoiler["id"]}]


async def test_a_percentage_counts_where_the_length_is_known(ben: Reader, spoiler: Any, container: Container) -> None:
    payload = await ben.mutate(
        "updateReadingPosition", "position { id }", book=BOOK, percent=50.0, recordedAt="2026-01-31T18:30:00Z"
    )
    assert not payload["userErrors"]
    assert (await read(ben, spoiler["id"]))["isHidden"]
    for locations, is_hidden in ((2 * UNTIL - 2, True), (2 * UNTIL, False)):
        await sql(container, "UPDATE books SET total_locations = :n", n=locations)
        assert (await read(ben, spoiler["id"]))["isHidden"] is is_hidden


async def test_a_position_in_another_book_reveals_nothing(ben: Reader, spoiler: Any) -> None:
    other = {"named": {"title": "Another", "authors": []}}
    payload = await ben.mutate(
        "updateReadingPosition", "position { id }", book=other, location=9_999, recordedAt="2026-01-31T18:30:00Z"
    )
    assert not payload["userErrors"]
    assert (await read(ben, spoiler["id"]))["isHidden"]


async def test_a_spoiler_from_the_first_location_on_is_hidden_from_who_never_opened_the_book(
    ada: Reader, ben: Reader
) -> None:
    book = await ada.mutate("addBook", "book { id }", title="Tides", authors=[], isbn="0306406152")
    made = await post(ada, bookId=book["book"]["id"], spoilerUntilLocation=0)
    assert (await read(ben, made["id"]))["isHidden"]
