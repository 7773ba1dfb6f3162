"""Posts passed on: by whom, counted exactly, however many at once."""

import asyncio
from datetime import datetime
from typing import Any

from aiohttp.test_utils import TestClient

from core.events import Event, FeedEntryAdded, PostCountsChanged
from core.ids import global_id, read_id, uuid7
from runtime.container import Container
from tests.support.api import PASSWORD, Reader
from tests.support.posting import act, insist, post, read, refused
from tests.support.readers import seated
from tests.support.rows import nothing_written, sql

Http = TestClient[Any, Any]


async def counts_are_right(container: Container) -> bool:
    wrong = "SELECT id FROM posts p WHERE repost_count <> (SELECT count(*) FROM reposts WHERE post_id = p.id)"
    return not await sql(container, wrong)


async def test_passing_on_and_taking_back(ada: Reader, ben: Reader, container: Container) -> None:
    made = await post(ada)
    for _ in range(2):
        passed = (await act(ben, "repost", made["id"]))["post"]
        assert (passed["repostCount"], passed["viewerHasReposted"]) == (1, True)
    seen = await read(ada, made["id"])
    assert (seen["repostCount"], seen["viewerHasReposted"]) == (1, False)
    for _ in range(2):
        back = (await act(ben, "undoRepost", made["id"]))["post"]
        assert (back["repostCount"], back["viewerHasReposted"]) == (0, False)
    (_, again, undone) = await sql(container, "SELECT kind, payload FROM jobs ORDER BY id")
    ids = {"post_id": str(read_id(made["id"], "Post")), "user_id": str(read_id(ben.id, "User"))}
    assert tuple(again) == ("fanout_repost", ids)
    gone_at = datetime.fromisoformat(undone.payload.pop("gone_at"))
    assert tuple(undone) == ("fanout_unrepost", ids)
    assert gone_at > datetime.fromisoformat(made["createdAt"])


async def test_what_happened_is_told_after_it_was_written(
    ada: Reader, ben: Reader, container: Container, monkeypatch: Any
) -> None:
    heard: list[Event] = []
    monkeypatch.setattr(container.bus, "publish", heard.extend)
    made = await post(ada)
    for mutation in ("repost", "repost", "undoRepost", "undoRepost"):
        await act(ben, mutation, made["id"])
    post_id, author, other = read_id(made["id"], "Post"), read_id(ada.id, "User"), read_id(ben.id, "User")
    assert [event for event in heard if isinstance(event, FeedEntryAdded | PostCountsChanged)] == [
        FeedEntryAdded(author, post_id, is_repost=False),
        FeedEntryAdded(other, post_id, is_repost=True),
        PostCountsChanged(post_id),
        PostCountsChanged(post_id),
    ]


async def test_several_changes_in_one_document_answer_each_with_its_own_state(ada: Reader, ben: Reader) -> None:
    made = await post(ada)
    part = "(input: {postId: $id}) { post { repostCount viewerHasReposted } }"
    query = f"mutation($id: ID!) {{ a: repost{part} b: undoRepost{part} c: repost{part} }}"
    answer = await ben.run(query, id=made["id"])
    assert [answer[name]["post"]["viewerHasReposted"] for name in "abc"] == [True, False, True]


async def test_only_public_posts_of_public_accounts_are_passed_on(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await ben.mutate("follow", "status", userId=ada.id)
    open_, followers, closed = [await post(ada, visibility=level) for level in ("PUBLIC", "FOLLOWERS", "PRIVATE")]
    async with nothing_written(container):
        assert await refused(ben, "repost", postId=followers["id"]) == [("input/postId", "FORBIDDEN")]
        assert await refused(ben, "repost", postId=closed["id"]) == [("input/postId", "NOT_FOUND")]
        assert await refused(ada, "repost", postId=closed["id"]) == [("input/postId", "FORBIDDEN")]
        assert await refused(ben, "repost", postId=global_id("Post", uuid7())) == [("input/postId", "NOT_FOUND")]
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    async with nothing_written(container):
        assert await refused(ben, "repost", postId=open_["id"]) == [("input/postId", "FORBIDDEN")]
    assert (await act(ada, "repost", open_["id"]))["post"]["repostCount"] == 1
    await ada.mutate("block", "user { id }", userId=ben.id)
    async with nothing_written(container):
        assert await refused(ben, "repost", postId=open_["id"]) == [("input/postId", "NOT_FOUND")]


async def test_a_repost_can_be_taken_back_after_the_account_became_private(ada: Reader, ben: Reader) -> None:
    await ben.mutate("follow", "status", userId=ada.id)
    made = await post(ada)
    await act(ben, "repost", made["id"])
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    assert (await act(ben, "undoRepost", made["id"]))["post"]["repostCount"] == 0


async def test_a_hundred_at_once_and_back_leave_nothing(ada: Reader, http: Http, container: Container) -> None:
    made = await post(ada)
    readers = [await seated(http, container) for _ in range(50)]
    passed = await asyncio.gather(*(insist(reader, "repost", made["id"]) for reader in readers for _ in range(2)))
    assert all(one["post"]["viewerHasReposted"] for one in passed)
    assert (await read(ada, made["id"]))["repostCount"] == 50
    await asyncio.gather(*(insist(reader, "undoRepost", made["id"]) for reader in readers for _ in range(2)))
    assert (await read(ada, made["id"]))["repostCount"] == 0
    assert await counts_are_right(container)


async def test_to_and_fro_with_deleting_and_restoring_counts_right(
    ada: Reader, http: Http, container: Container
) -> None:
    made = [await post(ada) for _ in range(3)]
    readers = [await seated(http, container) for _ in range(6)]

    async def turn(reader: Reader, mutation: str, post_id: str) -> None:
        payload = await insist(reader, mutation, post_id)
        assert {error["code"] for error in payload["userErrors"]} <= {"NOT_FOUND"}, payload

    turns = [
        turn(reader, mutation, one["id"])
        for one in made
        for reader in readers
        for mutation in ("repost", "undoRepost", "repost")
    ]
    turns += [turn(ada, mutation, one["id"]) for one in made for mutation in ("deletePost", "restorePost")]
    await asyncio.gather(*turns)
    assert await counts_are_right(container)


async def test_readers_who_passed_each_others_posts_on_may_all_leave_at_once(http: Http, container: Container) -> None:
    password_hash = (await container.passwords.hashes(PASSWORD)).password
    for _ in range(3):
        readers = [await seated(http, container) for _ in range(4)]
        for reader in readers:
            made = await post(reader)
            for other in readers:
                await act(other, "repost", made["id"])
        await sql(container, "UPDATE users SET password_hash = :hash", hash=password_hash)
        gone = [reader.mutate("deleteAccount", "deletedUserId", password=PASSWORD) for reader in readers]
        assert [payload["userErrors"] for payload in await asyncio.gather(*gone)] == [[]] * len(readers)
    assert await sql(container, "SELECT post_id FROM reposts UNION SELECT id FROM posts") == []


async def test_an_account_that_goes_takes_its_reposts_off(ada: Reader, ben: Reader, container: Container) -> None:
    made = await post(ada)
    await act(ben, "repost", made["id"])
    await act(ada, "repost", made["id"])
    gone = await ben.mutate("deleteAccount", "deletedUserId", password=PASSWORD)
    assert not gone["userErrors"]
    assert (await read(ada, made["id"]))["repostCount"] == 1
    assert await counts_are_right(container)
