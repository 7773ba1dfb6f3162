"""Posts: written, read, refused, deleted, restored."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import TestClient

from core import clock
from core.ids import global_id, uuid7
from runtime.container import Container
from tests.support.api import PASSWORD, Reader
from tests.support.posting import act, post, posts_of, read, refused
from tests.support.readers import seated
from tests.support.rows import nothing_written, sql
from tests.support.uploads import picture, stored_keys, upload

BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
TEXT = "The lamp does not ask who is at sea."
Http = TestClient[Any, Any]


async def mark(reader: Reader, text: str = TEXT, **more: Any) -> Any:
    anchor = {"locationStart": 10, "locationEnd": 46}
    passage = {"text": text, "anchor": anchor}
    made = await reader.mutate(
        "createHighlight", "highlight { id version book { id } }", book=BOOK, passage=passage, **more
    )
    assert not made["userErrors"], made
    return made["highlight"]


async def post_count(reader: Reader) -> int:
    count: int = (await reader.run("{ viewer { user { postCount } } }"))["viewer"]["user"]["postCount"]
    return count


async def jobs_of(container: Container) -> list[tuple[str, dict[str, str]]]:
    return [tuple(row) for row in await sql(container, "SELECT kind, payload FROM jobs ORDER BY id")]


async def test_what_is_written_is_what_is_read(ada: Reader, ben: Reader, container: Container) -> None:
    made = await post(ada, "  The *lamp* of #Lighthouse keepers, dear @BEN \n")
    assert made["text"] == "The *lamp* of #Lighthouse keepers, dear @BEN"
    assert (made["hashtags"], made["mentions"]) == (["lighthouse"], [{"username": "ben"}])
    assert made["author"] == {"id": ada.id, "username": "ada"}
    assert (made["visibility"], made["isHidden"], made["deletedAt"]) == ("PUBLIC", False, None)
    assert made["book"] is made["highlight"] is made["quote"] is made["imageUrl"] is None
    assert (made["likeCount"], made["commentCount"], made["repostCount"]) == (0, 0, 0)
    assert await read(ben, made["id"]) == made
    node = await ben.run("query($id: ID!) { node(id: $id) { ... on Post { text } } }", id=made["id"])
    assert node["node"] == {"text": made["text"]}
    assert await posts_of(ben, "ada") == [made["text"]]
    assert await post_count(ada) == 1
    [(kind, payload)] = await jobs_of(container)
    assert (kind, global_id("Post", UUID(payload["post_id"]))) == ("fanout_post", made["id"])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 2_000, "x" * 2_000),
        (" " + "🐚" * 2_000 + " ", "🐚" * 2_000),
        ("<b>Bold</b> & <script>alert(1)</script>plain", "Bold & plain"),
        ("I <3 **you**", "I <3 **you**"),
        ("&amp;lt;b&amp;gt;twice", "twice"),
        ("# Heading\n\n> quoted", "# Heading\n\n> quoted"),
    ],
)
async def test_texts_that_are_kept(ada: Reader, text: str, kept: str) -> None:
    assert (await post(ada, text))["text"] == kept


@pytest.mark.parametrize("text", ["", " \n\t", "x" * 2_001, "🐚" * 2_001, "<p></p>", "<script>x</script>"])
async def test_texts_that_are_refused(ada: Reader, container: Container, text: str) -> None:
    async with nothing_written(container):
        assert await refused(ada, "createPost", text=text) == [("input/text", "INVALID")]


async def test_at_most_thirty_tags_and_names(ada: Reader, container: Container) -> None:
    assert len((await post(ada, " ".join(f"#tag{n} #TAG{n}" for n in range(30))))["hashtags"]) == 30
    async with nothing_written(container):
        for sign in "#@":
            text = " ".join(f"{sign}word{n}" for n in range(31))
            assert await refused(ada, "createPost", text=text) == [("input/text", "INVALID")]


async def test_a_highlight_brings_its_book_and_its_words_but_not_its_note(ada: Reader, ben: Reader) -> None:
    marked = await mark(ada, note="my secret note", visibility="PUBLIC")
    made = await post(ada, highlightId=marked["id"], bookId=marked["book"]["id"])
    assert made["quote"] == {"text": TEXT, "locationStart": 10, "locationEnd": 46}
    assert (made["highlight"], made["book"]["id"]) == ({"id": marked["id"]}, marked["book"]["id"])
    answer = await ben.run(
        "query($id: ID!) { post(id: $id) { quote { text } highlight { text note } } }", id=made["id"]
    )
    assert answer["post"]["highlight"] == {"text": TEXT, "note": None}
    # The copy outlives the highlight, and edits of it.
    await ada.mutate("updateHighlight", "highlight { id }", id=marked["id"], passage={"text": "Else.", "anchor": {}})
    assert (await read(ben, made["id"]))["quote"]["text"] == TEXT
    await ada.mutate("deleteHighlight", "highlight { id }", id=marked["id"])
    seen = await read(ben, made["id"])
    assert (seen["quote"]["text"], seen["highlight"]) == (TEXT, None)


async def test_a_highlight_that_others_may_not_see_is_not_shown_with_the_post(ada: Reader, ben: Reader) -> None:
    marked = await mark(ada, visibility="PUBLIC")
    made = await post(ada, highlightId=marked["id"])
    await ada.mutate("updateHighlight", "highlight { id }", id=marked["id"], visibility="PRIVATE")
    assert (await read(ben, made["id"]))["highlight"] is None
    assert (await read(ada, made["id"]))["highlight"] == {"id": marked["id"]}


async def test_a_highlight_is_widened_only_when_asked(ada: Reader, container: Container) -> None:
    marked = await mark(ada, visibility="FOLLOWERS")
    async with nothing_written(container):
        assert await refused(ada, "createPost", text="Look.", highlightId=marked["id"]) == [
            ("input/highlightId", "CONFLICT")
        ]
    assert (await post(ada, highlightId=marked["id"], visibility="MUTUALS"))["quote"]["text"] == TEXT
    query = "query($id: ID!) { highlight(id: $id) { visibility version } }"
    before = (await ada.run(query, id=marked["id"]))["highlight"]
    assert before == {"visibility": "FOLLOWERS", "version": marked["version"]}
    seq = await sql(container, "SELECT seq FROM sync_counters JOIN users ON id = user_id WHERE username = 'ada'")
    await post(ada, highlightId=marked["id"], widenHighlight=True)
    after = (await ada.run(query, id=marked["id"]))["highlight"]
    assert after["visibility"] == "PUBLIC"
    assert after["version"] != before["version"]
    [(moved,)] = await sql(container, "SELECT seq FROM sync_counters JOIN users ON id = user_id WHERE username = 'ada'")
    assert moved == seq[0][0] + 1


async def test_what_a_post_cannot_be_about(ada: Reader, ben: Reader, container: Container) -> None:
    mine, his = await mark(ada, visibility="PUBLIC"), await mark(ben, visibility="PUBLIC")
    gone = await mark(ada, "Soon gone.", visibility="PUBLIC")
    await ada.mutate("deleteHighlight", "highlight { id }", id=gone["id"])
    other = await ada.mutate("addBook", "book { id }", title="Another", authors=[])
    closed = await ben.mutate("addBook", "book { id }", title="A file of Ben's", authors=[])
    cases: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({"highlightId": his["id"]}, [("input/highlightId", "NOT_FOUND")]),
        ({"highlightId": gone["id"]}, [("input/highlightId", "NOT_FOUND")]),
        ({"highlightId": global_id("Highlight", uuid7())}, [("input/highlightId", "NOT_FOUND")]),
        ({"highlightId": ada.id}, [("input/highlightId", "INVALID")]),
        ({"highlightId": mine["id"], "bookId": other["book"]["id"]}, [("input/bookId", "INVALID")]),
        ({"bookId": closed["book"]["id"]}, [("input/bookId", "NOT_FOUND")]),
        ({"bookId": "nonsense"}, [("input/bookId", "INVALID")]),
        ({"spoilerUntilLocation": 5}, [("input/spoilerUntilLocation", "INVALID")]),
        ({"bookId": other["book"]["id"], "spoilerUntilLocation": -1}, [("input/spoilerUntilLocation", "INVALID")]),
        ({"mediaId": global_id("Media", uuid7())}, [("input/mediaId", "NOT_FOUND")]),
    ]
    async with nothing_written(container):
        for more, why in cases:
            assert await refused(ada, "createPost", text="No.", **more) == why, more


async def test_a_post_may_be_about_a_book_met_through_others(ada: Reader, ben: Reader) -> None:
    closed = await ben.mutate("addBook", "book { id }", title="A file of Ben's", authors=[])
    book_id = closed["book"]["id"]
    theirs = await post(ben, bookId=book_id)
    assert theirs["book"]["id"] == book_id
    assert (await post(ada, bookId=book_id))["book"]["id"] == book_id
    await act(ben, "deletePost", theirs["id"])
    assert (await post(ada, bookId=book_id))["book"]["id"] == book_id, "through her own post"


async def test_a_picture_is_attached_once_and_belongs_to_its_uploader(
    ada: Reader, ben: Reader, nobody: Reader, container: Container
) -> None:
    media_id = await upload(ada, picture(), "image/png", "POST_IMAGE")
    avatar = await upload(ada, picture(), "image/png", "AVATAR")
    async with nothing_written(container):
        assert await refused(ben, "createPost", text="Mine!", mediaId=media_id) == [("input/mediaId", "NOT_FOUND")]
        assert await refused(ada, "createPost", text="Face.", mediaId=avatar) == [("input/mediaId", "INVALID")]
    made = await post(ada, mediaId=media_id)
    assert made["imageUrl"].startswith(f"http://127.0.0.1:{ada.http.port}/media/")
    response = await nobody.http.get(made["imageUrl"].partition(str(ada.http.port))[2])
    assert (response.status, response.headers["Content-Type"]) == (200, "image/webp")
    async with nothing_written(container):
        assert await refused(ada, "createPost", text="Again.", mediaId=media_id) == [("input/mediaId", "INVALID")]
    assert len(await stored_keys(container)) == 2


async def test_names_reach_those_the_author_may_know_of(
    ada: Reader, ben: Reader, http: Http, container: Container
) -> None:
    cora = await seated(http, container, "cora")
    await cora.mutate("block", "user { id }", userId=ada.id)
    made = await post(ada, "@Ben @nobody_here @cora @ben @ada, mail ben@example.org")
    assert [user["username"] for user in made["mentions"]] == ["ben", "ada"]
    assert [user["username"] for user in (await read(ben, made["id"]))["mentions"]] == ["ben", "ada"]
    await cora.mutate("block", "user { id }", userId=ben.id)
    seen = await cora.run("query($id: ID!) { post(id: $id) { id } }", id=made["id"])
    assert seen == {"post": None}


async def test_how_a_post_reaches_followers_is_decided_when_it_is_written(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "settings", container.settings.model_copy(update={"pull_threshold": 3}))
    for followers in (3, 4):
        await sql(container, "UPDATE users SET follower_count = :n WHERE username = 'ada'", n=followers)
        await post(ada)
    assert [row.fanout for row in await sql(container, "SELECT fanout FROM posts ORDER BY id")] == ["PUSH", "PULL"]
    assert [kind for kind, _ in await jobs_of(container)] == ["fanout_post"] * 2


async def test_deleting_and_restoring(ada: Reader, ben: Reader, container: Container) -> None:
    made = await post(ada, "soon gone #tide")
    for _ in range(2):
        assert (await act(ada, "deletePost", made["id"])) == {
            "post": None,
            "deletedPostId": made["id"],
            "userErrors": [],
        }
        assert await read(ada, made["id"]) is None
        assert await read(ben, made["id"]) is None
        assert (await posts_of(ada, "ada"), await post_count(ada)) == ([], 0)
    for _ in range(2):
        assert (await act(ada, "restorePost", made["id"]))["post"] == made
        assert await read(ben, made["id"]) == made
        assert await post_count(ada) == 1
    # Timelines keep it, and whoever reads leaves it out: there is nothing to write.
    assert [kind for kind, _ in await jobs_of(container)] == ["fanout_post"]


async def test_only_its_author_deletes_and_restores(
    ada: Reader, ben: Reader, nobody: Reader, container: Container
) -> None:
    open_, closed = await post(ada), await post(ada, visibility="PRIVATE")
    async with nothing_written(container):
        assert await refused(ben, "deletePost", id=open_["id"]) == [("input/id", "FORBIDDEN")]
        assert await refused(ben, "restorePost", id=open_["id"]) == [("input/id", "FORBIDDEN")]
        assert await refused(ben, "deletePost", id=closed["id"]) == [("input/id", "NOT_FOUND")]
        assert await refused(ben, "deletePost", id=global_id("Post", uuid7())) == [("input/id", "NOT_FOUND")]
        assert await refused(nobody, "deletePost", id=open_["id"]) == [("", "UNAUTHENTICATED")]
    await act(ada, "deletePost", open_["id"])
    async with nothing_written(container):
        assert await refused(ben, "restorePost", id=open_["id"]) == [("input/id", "NOT_FOUND")]


async def test_a_post_is_restored_for_thirty_days(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await post(ada)
    await act(ada, "deletePost", made["id"])
    await sql(container, "UPDATE posts SET deleted_at = deleted_at - interval '30 days' + interval '1 minute'")
    query = "{ viewer { deletedPosts { nodes { id deletedAt } } } }"
    assert [node["id"] for node in (await ada.run(query))["viewer"]["deletedPosts"]["nodes"]] == [made["id"]]
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr("core.clock.now", lambda: later)
    async with nothing_written(container):
        assert await refused(ada, "restorePost", id=made["id"]) == [("input/id", "GONE")]
    assert (await ada.run(query))["viewer"]["deletedPosts"]["nodes"] == []
    assert (await act(ada, "deletePost", made["id"]))["deletedPostId"] == made["id"]


async def test_deleting_and_restoring_at_once_keeps_the_count_right(ada: Reader, container: Container) -> None:
    made = [await post(ada) for _ in range(3)]
    for _ in range(3):
        await asyncio.gather(
            *(act(ada, name, one["id"]) for one in made for name in ("deletePost", "restorePost") for _ in range(4)),
            *(post(ada) for _ in range(4)),
        )
        [(there,)] = await sql(container, "SELECT count(*) FROM posts WHERE deleted_at IS NULL")
        assert await post_count(ada) == there


async def test_a_replay_answers_the_present_state(ada: Reader) -> None:
    made = await post(ada)
    for _ in range(2):
        assert (await act(ada, "deletePost", made["id"], clientMutationId="one"))["deletedPostId"] == made["id"]
    await act(ada, "restorePost", made["id"], clientMutationId="two")
    again = await act(ada, "deletePost", made["id"], clientMutationId="one")
    assert (again["deletedPostId"], again["post"]["id"]) == (None, made["id"])
    assert await read(ada, made["id"]) is not None


async def test_one_who_is_named_may_leave_at_the_same_time(
    ada: Reader, ben: Reader, http: Http, container: Container
) -> None:
    readers = [ada, *[await seated(http, container) for _ in range(5)]]
    # Each writes of the one who leaves, who wrote of each of them, and whom each follows.
    for reader in readers:
        await reader.mutate("follow", "status", userId=ben.id)
        await post(ben, f"@{reader.username}")
    leaving = ben.mutate("deleteAccount", "deletedUserId", password=PASSWORD)
    gone, *made = await asyncio.gather(
        leaving, *(post(reader, "@ben and @ada") for _ in range(3) for reader in readers)
    )
    assert not gone["userErrors"]
    assert len(made) == 3 * len(readers)
    assert [user["username"] for user in (await read(ada, made[0]["id"]))["mentions"]] == ["ada"]


async def test_many_at_once_that_name_each_other_are_all_written(
    ada: Reader, ben: Reader, http: Http, container: Container
) -> None:
    readers = [ada, ben, *[await seated(http, container) for _ in range(4)]]
    names = " ".join(f"@{reader.username}" for reader in readers)
    made = await asyncio.gather(*(post(reader, f"{n} {names}") for n in range(3) for reader in readers))
    assert all(len(one["mentions"]) == len(readers) for one in made)
    assert [await post_count(reader) for reader in readers] == [3] * len(readers)
