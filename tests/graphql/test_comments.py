"""Comments: made, answered, edited, hidden; what is refused, and the counts of each."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from core.ids import global_id, uuid7
from models.profiles import Visibility
from runtime.container import Container
from tests.support.api import Reader
from tests.support.commenting import CHANGE, COMMENT, comment, counts_are_right, delete, node, outline, posted
from tests.support.readers import seated
from tests.support.rows import nothing_written, sql
from tests.support.seeding import Seeder

Http = TestClient[Any, Any]


@pytest.fixture
async def post(ada: Reader, container: Container) -> str:
    """A post by ada."""
    return await posted(container, ada)


# --- making ---


async def test_a_comment_is_made_and_counted(ada: Reader, ben: Reader, post: str, container: Container) -> None:
    text = "  <b>Such</b> a quiet\nending, I <3 it.<script>alert(1)</script> "
    answer = await ben.mutate("addComment", CHANGE, postId=post, text=text)
    made = answer["comment"]
    assert answer["userErrors"] == []
    assert (answer["post"], answer["deletedCommentId"]) == ({"commentCount": 1}, None)
    assert {key: made[key] for key in ("text", "isDeleted", "depth", "likeCount", "replyCount", "editedAt")} == {
        "text": "Such a quiet\nending, I <3 it.",
        "isDeleted": False,
        "depth": 0,
        "likeCount": 0,
        "replyCount": 0,
        "editedAt": None,
    }
    assert (made["author"], made["parent"]) == ({"username": "ben"}, None)
    assert await node(ada, made["id"]) == made
    assert await counts_are_right(container)


async def test_a_reply_stands_below_and_counts_for_both(ada: Reader, ben: Reader, nobody: Reader, post: str) -> None:
    first = await comment(ben, post, "One.")
    reply = await ada.mutate("addComment", CHANGE, postId=post, parentId=first, text="Two.")
    assert (reply["comment"]["depth"], reply["comment"]["parent"]["id"]) == (1, first)
    assert reply["post"] == {"commentCount": 2}
    assert (await node(ben, first))["replyCount"] == 1
    await comment(ben, post, "Three.", parentId=reply["comment"]["id"])
    assert (await node(ben, first))["replyCount"] == 1, "replies to replies are not direct ones"
    assert await outline(nobody, post) == [["One.", ["Two.", "Three."]]]


async def test_the_seventh_level_stands_beside_the_sixth(ada: Reader, post: str, container: Container) -> None:
    line = [await comment(ada, post)]
    for _ in range(5):
        line.append(await comment(ada, post, parentId=line[-1]))
    assert [(await node(ada, key))["depth"] for key in line] == [0, 1, 2, 3, 4, 5]
    for answered in (line[5], await comment(ada, post, parentId=line[5])):
        beside = await node(ada, await comment(ada, post, parentId=answered))
        assert (beside["depth"], beside["parent"]["id"]) == (5, line[4])
    assert await counts_are_right(container)


BAD_TEXTS = {
    "": "A comment needs words.",
    " \n\t": "A comment needs words.",
    "<p></p><!-- so -->": "A comment needs words.",
    "x" * 1_001: "A comment has at most 1,000 characters.",
}


@pytest.mark.parametrize("text", BAD_TEXTS)
async def test_a_text_that_is_none_is_refused(ada: Reader, post: str, container: Container, text: str) -> None:
    mine = await comment(ada, post)
    async with nothing_written(container):
        for answer in (
            await ada.mutate("addComment", COMMENT, postId=post, text=text),
            await ada.mutate("updateComment", COMMENT, id=mine, text=text),
        ):
            told = [(e["message"], e["code"], e["field"]) for e in answer["userErrors"]]
            assert told == [(BAD_TEXTS[text], "INVALID", ["input", "text"])]


async def test_a_thousand_characters_are_counted_without_the_space_around(ada: Reader, post: str) -> None:
    made = await ada.mutate("addComment", COMMENT, postId=post, text=f"\n{'🕯' * 1_000}  ")
    assert len(made["comment"]["text"]) == 1_000


async def test_what_cannot_be_answered_is_refused(
    ada: Reader, ben: Reader, nobody: Reader, post: str, container: Container
) -> None:
    closed = await posted(container, ada, visibility=Visibility.FOLLOWERS)
    of_closed = await comment(ada, closed)
    elsewhere = await comment(ben, await posted(container, ben))
    kept = await comment(ada, post)
    await comment(ada, post, parentId=kept)
    await delete(ada, kept)
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"postId": closed}, "NOT_FOUND", "postId"),
        ({"postId": global_id("Post", uuid7())}, "NOT_FOUND", "postId"),
        ({"postId": ben.id}, "INVALID", "postId"),
        ({"parentId": of_closed}, "NOT_FOUND", "parentId"),
        ({"parentId": global_id("Comment", uuid7())}, "NOT_FOUND", "parentId"),
        ({"parentId": kept}, "NOT_FOUND", "parentId"),
        ({"parentId": elsewhere}, "INVALID", "parentId"),
        ({"parentId": "nonsense"}, "INVALID", "parentId"),
        ({"spoilerUntilLocation": 5}, "INVALID", "spoilerUntilLocation"),
    ]
    async with nothing_written(container):
        for input_, code, field in cases:
            answer = await ben.mutate("addComment", COMMENT, **{"postId": post, "text": "So.", **input_})
            assert [(e["code"], e["field"]) for e in answer["userErrors"]] == [(code, ["input", field])], input_
        answer = await nobody.mutate("addComment", COMMENT, postId=post, text="So.")
        assert [e["code"] for e in answer["userErrors"]] == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("way", ["ada blocks ben", "ben blocks ada"])
async def test_nobody_answers_one_who_blocks_them(
    ada: Reader, ben: Reader, http: Http, container: Container, post: str, way: str
) -> None:
    cora = await seated(http, container)
    of_cora = await posted(container, cora)
    of_ada = await comment(ada, of_cora)
    blocker, other = (ada, ben) if way.startswith("ada") else (ben, ada)
    await blocker.mutate("block", "user { id }", userId=other.id)
    async with nothing_written(container):
        for input_, field in (({"postId": post}, "postId"), ({"postId": of_cora, "parentId": of_ada}, "parentId")):
            answer = await ben.mutate("addComment", COMMENT, text="So.", **input_)
            assert [(e["code"], e["field"]) for e in answer["userErrors"]] == [("NOT_FOUND", ["input", field])]
    assert await node(ben, of_ada) is None
    assert await outline(ben, of_cora) == []
    assert await outline(cora, of_cora) == [["So true."]]


# --- editing ---


async def test_only_another_text_is_an_edit(ada: Reader, ben: Reader, post: str, container: Container) -> None:
    mine = await comment(ben, post, "So true.")
    same = await ben.mutate("updateComment", CHANGE, id=mine, text=" So <i>true</i>. ")
    assert (same["comment"]["text"], same["comment"]["editedAt"]) == ("So true.", None)
    other = await ben.mutate("updateComment", CHANGE, id=mine, text="So false.")
    assert (other["comment"]["text"], other["userErrors"]) == ("So false.", [])
    assert other["comment"]["editedAt"] is not None
    assert (await node(ada, mine)) == other["comment"]
    async with nothing_written(container):
        again = await ben.mutate("updateComment", CHANGE, id=mine, text="So false.")
    assert again == other


async def test_a_comment_is_edited_by_its_author_alone(
    ada: Reader, ben: Reader, nobody: Reader, post: str, container: Container
) -> None:
    mine = await comment(ben, post)
    kept = await comment(ben, post)
    await comment(ada, post, parentId=kept)
    await delete(ben, kept)
    cases = (
        (ada, mine, "FORBIDDEN"),
        (ben, kept, "NOT_FOUND"),
        (ben, global_id("Comment", uuid7()), "NOT_FOUND"),
        (ben, post, "INVALID"),
        (nobody, mine, "UNAUTHENTICATED"),
    )
    async with nothing_written(container):
        for reader, key, code in cases:
            answer = await reader.mutate("updateComment", COMMENT, id=key, text="Other.")
            assert [e["code"] for e in answer["userErrors"]] == [code]


# --- spoilers ---


async def test_a_comment_is_hidden_as_it_says_else_as_what_it_answers(
    ada: Reader, ben: Reader, nobody: Reader, http: Http, container: Container
) -> None:
    async with container.database.writing() as session:
        book = await Seeder(session).book(total_locations=1_000, is_public=True)
    post = await posted(container, ada, "It was the sea.", book_id=book.id, spoiler_until_location=500)
    cora = await seated(http, container)
    plain = await comment(ada, post, "canary-plain")
    later = await comment(ada, post, "canary-later", spoilerUntilLocation=900)
    open_ = await comment(ada, post, "canary-open", spoilerUntilLocation=0)
    below = await comment(cora, post, "canary-below", parentId=later)
    limits = await sql(container, "SELECT spoiler_until_location FROM comments ORDER BY id")
    assert [limit for (limit,) in limits] == [500, 900, 0, 900]
    text = "query($id: ID!, $r: Boolean) { node(id: $id) { ... on Comment { text(reveal: $r) isHidden } } }"

    async def hidden_from(reader: Reader) -> list[bool]:
        seen = [(await reader.run(text, id=key, r=False))["node"] for key in (plain, later, open_, below)]
        assert [one["text"] is None for one in seen] == [one["isHidden"] for one in seen]
        return [one["isHidden"] for one in seen]

    assert await hidden_from(ben) == await hidden_from(nobody) == [True] * 4
    assert await hidden_from(ada) == [False, False, False, True]
    assert await hidden_from(cora) == [True, True, True, False]
    place = {"book": {"id": global_id("Book", book.id)}, "recordedAt": "2026-01-31T18:30:00Z"}
    moved = await ben.mutate("updateReadingPosition", "position { id }", location=500, **place)
    assert moved["userErrors"] == []
    assert await hidden_from(ben) == [False, True, False, True]
    assert (await ben.run(text, id=later, r=True))["node"] == {"text": "canary-later", "isHidden": True}
    bad = await ada.mutate("addComment", COMMENT, postId=post, text="So.", spoilerUntilLocation=-1)
    assert [e["code"] for e in bad["userErrors"]] == ["INVALID"]
