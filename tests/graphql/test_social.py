"""Following, asking, blocking: one at a time, and all at once."""

import asyncio
import random
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from core.ids import global_id, uuid7
from runtime.container import Container
from tests.support.api import Reader
from tests.support.readers import seated
from tests.support.rows import nothing_written, sql
from tests.support.statements import counted

Http = TestClient[Any, Any]
STANDING = "status user { username followerCount followingCount relationship { following followedBy requested } }"
PEOPLE = "nodes { username } pageInfo { hasNextPage endCursor }"


async def follow(reader: Reader, other: Reader, **more: Any) -> Any:
    return await reader.mutate("follow", STANDING, userId=other.id, **more)


async def unfollow(reader: Reader, other: Reader) -> Any:
    return await reader.mutate("unfollow", STANDING, userId=other.id)


async def make_private(reader: Reader, private: bool = True) -> None:
    await reader.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=private)


async def people(reader: Reader, owner: Reader, which: str) -> list[str] | None:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on User {{ {which} {{ {PEOPLE} }} }} }} }}"
    found = (await reader.run(query, id=owner.id))["node"][which]
    return None if found is None else [node["username"] for node in found["nodes"]]


async def counts_are_right(container: Container) -> bool:
    wrong = await sql(
        container,
        "SELECT username FROM users u WHERE follower_count <> (SELECT count(*) FROM follows WHERE followed_id = u.id)"
        " OR following_count <> (SELECT count(*) FROM follows WHERE follower_id = u.id)",
    )
    return not wrong


async def test_following_counts_for_both_and_again_is_the_same_answer(
    ada: Reader, ben: Reader, container: Container
) -> None:
    first = await follow(ada, ben)
    assert first == await follow(ada, ben)
    assert first["status"] == "FOLLOWING"
    assert first["user"] == {
        "username": "ben",
        "followerCount": 1,
        "followingCount": 0,
        "relationship": {"following": True, "followedBy": False, "requested": False},
    }
    assert await people(ada, ben, "followers") == ["ada"]
    assert await people(ben, ada, "following") == ["ben"]
    gone = await unfollow(ada, ben)
    assert gone == await unfollow(ada, ben)
    assert (gone["status"], gone["user"]["followerCount"]) == ("NOT_FOLLOWING", 0)
    assert await counts_are_right(container)


async def test_nobody_follows_blocks_or_mutes_themselves(ada: Reader, container: Container) -> None:
    async with nothing_written(container):
        for field, message, input_ in (
            ("follow", "Cannot follow yourself", {"userId": ada.id}),
            ("block", "You cannot block yourself.", {"userId": ada.id}),
            ("mute", "You cannot mute yourself.", {"target": {"userId": ada.id}}),
        ):
            errors = (await ada.mutate(field, "__typename", **input_))["userErrors"]
            assert [(e["message"], e["code"]) for e in errors] == [(message, "INVALID")]


@pytest.mark.parametrize("field", ["follow", "unfollow", "removeFollower", "block", "unblock"])
async def test_a_reader_who_is_not_there_is_not_found(ada: Reader, container: Container, field: str) -> None:
    async with nothing_written(container):
        answer = await ada.mutate(field, "__typename", userId=global_id("User", uuid7()))
        assert [e["code"] for e in answer["userErrors"]] == ["NOT_FOUND"]


async def test_one_who_takes_no_followers_keeps_those_there_are(ada: Reader, ben: Reader, container: Container) -> None:
    await follow(ada, ben)
    await ben.mutate("updatePrivacy", "privacy { allowFollowers }", allowFollowers=False)
    assert (await follow(ada, ben))["status"] == "FOLLOWING"
    await unfollow(ada, ben)
    async with nothing_written(container):
        errors = (await follow(ada, ben))["userErrors"]
        assert [(e["message"], e["code"]) for e in errors] == [("User does not accept followers", "FORBIDDEN")]


async def test_a_private_account_is_asked_and_answers(ada: Reader, ben: Reader, nobody: Reader) -> None:
    await make_private(ben)
    asked = await follow(ada, ben)
    assert asked == await follow(ada, ben)
    assert (asked["status"], asked["user"]["followerCount"]) == ("REQUESTED", 0)
    assert asked["user"]["relationship"] == {"following": False, "followedBy": False, "requested": True}
    assert await people(ada, ben, "followers") is None
    assert await people(nobody, ben, "followers") is None
    waiting = (await ben.run(f"{{ viewer {{ followRequests {{ {PEOPLE} }} }} }}"))["viewer"]["followRequests"]
    assert waiting["nodes"] == [{"username": "ada"}]
    answer = await ben.mutate("respondToFollowRequest", STANDING, userId=ada.id, accept=True)
    assert (answer["status"], answer["user"]["followingCount"]) == ("FOLLOWING", 1)
    assert answer == await ben.mutate("respondToFollowRequest", STANDING, userId=ada.id, accept=True)
    assert await people(ada, ben, "followers") == ["ada"]


async def test_a_request_is_declined_or_withdrawn(ada: Reader, ben: Reader) -> None:
    await make_private(ben)
    await follow(ada, ben)
    declined = await ben.mutate("respondToFollowRequest", STANDING, userId=ada.id, accept=False)
    assert declined["status"] == "NOT_FOLLOWING"
    again = await ben.mutate("respondToFollowRequest", STANDING, userId=ada.id, accept=False)
    assert [e["message"] for e in again["userErrors"]] == ["This reader does not ask to follow you."]
    await follow(ada, ben)
    assert (await unfollow(ada, ben))["status"] == "NOT_FOLLOWING"
    late = await ben.mutate("respondToFollowRequest", STANDING, userId=ada.id, accept=True)
    assert [e["code"] for e in late["userErrors"]] == ["NOT_FOUND"]
    assert await people(ben, ben, "followers") == []


async def test_becoming_public_lets_in_more_than_a_statement_takes_parameters(
    ada: Reader, container: Container
) -> None:
    await make_private(ada)
    await sql(
        container,
        "INSERT INTO users (id, username, email, password_hash, display_name)"
        " SELECT gen_random_uuid(), 'waits' || n, 'waits' || n || '@example.org', 'none', 'Waits' FROM generate_series(1, 17000) n",
    )
    # Foreign keys are looked up by a plan made when the table was empty: all of it is read for each row.
    await sql(container, "ANALYZE users")
    await sql(
        container,
        "INSERT INTO follow_requests (follower_id, followed_id) SELECT w.id, a.id FROM users w, users a"
        " WHERE w.username LIKE 'waits%' AND a.username = 'ada'",
    )
    await make_private(ada, private=False)
    assert (await sql(container, "SELECT follower_count FROM users WHERE username = 'ada'"))[0][0] == 17_000
    assert (await sql(container, "SELECT count(*) FROM follow_requests"))[0][0] == 0
    assert await counts_are_right(container)


async def test_becoming_public_lets_in_all_who_wait(ada: Reader, ben: Reader, http: Http, container: Container) -> None:
    await make_private(ben)
    crowd = [ada, *[await seated(http, container) for _ in range(5)]]
    for reader in crowd:
        await follow(reader, ben)
    await make_private(ben, private=False)
    assert sorted(await people(ben, ben, "followers") or ()) == sorted(reader.username for reader in crowd)
    assert await counts_are_right(container)
    waiting = (await ben.run("{ viewer { followRequests { nodes { id } } } }"))["viewer"]["followRequests"]
    assert waiting["nodes"] == []


async def test_a_follower_is_removed_without_the_way_back(ada: Reader, ben: Reader, container: Container) -> None:
    await follow(ada, ben)
    await follow(ben, ada)
    removed = await ben.mutate("removeFollower", STANDING, userId=ada.id)
    assert removed["status"] == "NOT_FOLLOWING"
    assert removed["user"]["relationship"] == {"following": True, "followedBy": False, "requested": False}
    assert await counts_are_right(container)


async def test_the_follow_limit_counts_requests_that_wait(
    ada: Reader, http: Http, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "settings", container.settings.model_copy(update={"follow_limit": 2}))
    first, second, third = [await seated(http, container) for _ in range(3)]
    await make_private(second)
    assert [(await follow(ada, other))["status"] for other in (first, second)] == ["FOLLOWING", "REQUESTED"]
    async with nothing_written(container):
        errors = (await follow(ada, third))["userErrors"]
        assert [(e["message"], e["code"]) for e in errors] == [("You already follow 2 readers.", "LIMIT_EXCEEDED")]
    await unfollow(ada, second)
    assert (await follow(ada, third))["status"] == "FOLLOWING"


async def test_a_block_ends_both_follows_and_hides_each_from_the_other(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await follow(ada, ben)
    await follow(ben, ada)
    blocked = await ada.mutate("block", "user { username bio followers { nodes { id } } }", userId=ben.id)
    assert blocked["user"] == {"username": "ben", "bio": "", "followers": None}
    assert blocked == await ada.mutate("block", "user { username bio followers { nodes { id } } }", userId=ben.id)
    assert await counts_are_right(container)
    assert await sql(container, "SELECT 1 FROM follows") == []
    for reader, other in ((ada, ben), (ben, ada)):
        found = await reader.run("query($id: ID!) { node(id: $id) { id } }", id=other.id)
        assert found["node"] is None
        assert [e["code"] for e in (await follow(reader, other))["userErrors"]] == ["NOT_FOUND"]
    listed = (await ada.run("{ viewer { blocked { nodes { username relationship { blocking } } } } }"))["viewer"]
    assert listed["blocked"]["nodes"] == [{"username": "ben", "relationship": {"blocking": True}}]
    assert (await ben.run("{ viewer { blocked { nodes { username } } } }"))["viewer"]["blocked"]["nodes"] == []
    freed = await ada.mutate("unblock", "user { username }", userId=ben.id)
    assert freed["user"] == {"username": "ben"}
    assert (await follow(ben, ada))["status"] == "FOLLOWING"


async def test_a_block_ends_what_was_asked_either_way(ada: Reader, ben: Reader, container: Container) -> None:
    waiting = "SELECT 1 FROM follow_requests"
    for asking, asked in ((ada, ben), (ben, ada)):
        await make_private(asked)
        assert (await follow(asking, asked))["status"] == "REQUESTED"
        await ada.mutate("block", "user { id }", userId=ben.id)
        assert await sql(container, waiting) == []
        await ada.mutate("unblock", "user { id }", userId=ben.id)
        late = await asked.mutate("respondToFollowRequest", STANDING, userId=asking.id, accept=True)
        assert [e["message"] for e in late["userErrors"]] == ["This reader does not ask to follow you."]
        await make_private(asked, private=False)
    assert await sql(container, "SELECT 1 FROM follows") == []


async def test_one_who_is_blocked_cannot_tell_it_from_an_account_that_is_gone(
    ada: Reader, ben: Reader, container: Container
) -> None:
    await ada.mutate("block", "user { id }", userId=ben.id)
    async with nothing_written(container):
        for field in ("follow", "unfollow", "removeFollower", "block", "unblock"):
            blocked = await ben.mutate(field, "__typename", userId=ada.id)
            absent = await ben.mutate(field, "__typename", userId=global_id("User", uuid7()))
            assert blocked == absent


async def test_lists_of_people_are_paged_without_gap_or_double(ada: Reader, http: Http, container: Container) -> None:
    crowd = [await seated(http, container) for _ in range(7)]
    for reader in crowd:
        await follow(reader, ada)
    await sql(container, "UPDATE follows SET created_at = '2026-01-01T00:00:00Z'")
    query = f"query($after: String) {{ viewer {{ user {{ followers(first: 3, after: $after) {{ {PEOPLE} }} }} }} }}"
    found, after = [], None
    for _ in range(3):
        page = (await ada.run(query, after=after))["viewer"]["user"]["followers"]
        found += [node["username"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert not page["pageInfo"]["hasNextPage"]
    assert sorted(found) == sorted(reader.username for reader in crowd)


async def test_blocked_readers_leave_lists_before_the_page_is_cut(
    ada: Reader, ben: Reader, http: Http, container: Container
) -> None:
    crowd = [await seated(http, container) for _ in range(3)]
    for reader in crowd:
        await follow(reader, ben)
    await ada.mutate("block", "user { id }", userId=crowd[2].id)
    query = "query($id: ID!) { node(id: $id) { ... on User { followers(first: 2) { nodes { username } } } } }"
    page = (await ada.run(query, id=ben.id))["node"]["followers"]["nodes"]
    assert [node["username"] for node in page] == [crowd[1].username, crowd[0].username]


async def test_a_thousand_follows_and_unfollows_at_once_end_with_right_counts_and_no_fault(
    http: Http, container: Container
) -> None:
    dice = random.Random(7)  # noqa: S311
    crowd = [await seated(http, container) for _ in range(12)]

    async def act(reader: Reader) -> None:
        for _ in range(84):
            other = dice.choice([one for one in crowd if one is not reader])
            field = dice.choices(["follow", "unfollow", "block", "unblock", "removeFollower"], [8, 4, 1, 2, 1])[0]
            answer = await reader.mutate(field, "__typename", userId=other.id)
            assert [e["code"] for e in answer["userErrors"] if e["code"] != "NOT_FOUND"] == []

    await asyncio.gather(*map(act, crowd))
    assert await counts_are_right(container)
    assert (
        await sql(
            container,
            "SELECT 1 FROM follows f JOIN blocks b ON (b.blocker_id, b.blocked_id) IN"
            " ((f.follower_id, f.followed_id), (f.followed_id, f.follower_id))",
        )
        == []
    )


async def test_requests_that_arrive_while_an_account_becomes_public_are_never_left_waiting(
    ada: Reader, http: Http, container: Container
) -> None:
    crowd = [await seated(http, container) for _ in range(8)]
    for _ in range(4):
        await make_private(ada)
        await asyncio.gather(*(follow(reader, ada) for reader in crowd), make_private(ada, private=False))
        assert await sql(container, "SELECT 1 FROM follow_requests") == []
        assert await counts_are_right(container)
        await asyncio.gather(*(unfollow(reader, ada) for reader in crowd))


async def test_how_fifty_stand_to_me_costs_one_statement_more(ada: Reader, http: Http, container: Container) -> None:
    crowd = [await seated(http, container) for _ in range(50)]
    for reader in crowd[:20]:
        await follow(ada, reader)
    ids = [reader.id for reader in crowd]
    plain = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { username } } }"
    with_it = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { relationship { following muting } } } }"
    with counted(container.database.engine) as before:
        await ada.run(plain, ids=ids)
    with counted(container.database.engine) as after:
        found = (await ada.run(with_it, ids=ids))["nodes"]
    assert sum(node["relationship"]["following"] for node in found) == 20
    assert len(after) == len(before) + 1
