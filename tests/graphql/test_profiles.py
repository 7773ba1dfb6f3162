"""Profiles: reading and editing, with versions that counts do not move."""

import asyncio
from typing import Any

import pytest

from runtime.container import Container
from tests.support.api import Reader
from tests.support.posting import post
from tests.support.rows import nothing_written, sql

USER = "id username displayName bio websiteUrl isPrivate followerCount followingCount version"
BY_NAME = f"query($name: String!) {{ user(username: $name) {{ {USER} }} }}"
STALE = "The profile was changed meanwhile. Read it again, then repeat your edit."


async def update(reader: Reader, **input_: Any) -> Any:
    return await reader.mutate("updateProfile", f"user {{ {USER} }}", **input_)


async def version(reader: Reader) -> str:
    data = await reader.run("{ viewer { user { version } } }")
    return str(data["viewer"]["user"]["version"])


async def test_a_profile_is_read_by_name_in_any_case_and_by_id(ada: Reader, nobody: Reader) -> None:
    for reader in (ada, nobody):
        found = (await reader.run(BY_NAME, name="ADA"))["user"]
        assert (found["id"], found["username"], found["displayName"]) == (ada.id, "ada", "Ada")
        node = await reader.run("query($id: ID!) { node(id: $id) { ... on User { username } } }", id=ada.id)
        assert node["node"] == {"username": "ada"}


@pytest.mark.parametrize("name", ["", "nobody_here", "a" * 5_000, "ada ", "%", "a_a", "ada@example.org"])
async def test_an_unknown_name_is_null(ada: Reader, name: str) -> None:
    assert (await ada.run(BY_NAME, name=name))["user"] is None


async def test_only_what_is_given_changes_and_the_next_read_shows_it(ada: Reader, nobody: Reader) -> None:
    bio = "Reads *slowly*, by the sea.\n\n- tides\n- lamps"
    await update(ada, displayName=" Ada of the Lamps ", bio=bio, websiteUrl="https://ada.example.org/a?b=c#d")
    edited = (await update(ada, bio="Short."))["user"]
    assert edited["displayName"] == "Ada of the Lamps"
    assert edited["bio"] == "Short."
    assert edited["websiteUrl"] == "https://ada.example.org/a?b=c#d"
    assert (await nobody.run(BY_NAME, name="ada"))["user"] == edited
    cleared = (await update(ada, bio=None, websiteUrl=""))["user"]
    assert (cleared["bio"], cleared["websiteUrl"], cleared["displayName"]) == ("", None, "Ada of the Lamps")


async def test_markup_is_taken_out_of_a_bio_and_its_words_stay(ada: Reader) -> None:
    deep = "&" + "amp;" * 30 + "lt;script&" + "amp;" * 30 + "gt;alert(1)"
    edited = await update(ada, bio=f"I <3 <b onclick='x()'>tides</b><script>alert(1)</script> & lamps {deep}")
    assert edited["user"]["bio"] == "I <3 tides & lamps "


async def test_a_new_name_stands_on_what_was_written_before(ada: Reader, ben: Reader) -> None:
    made = (await post(ada))["id"]
    await ada.mutate("addComment", "comment { id }", postId=made, text="My own.")
    await ben.mutate("follow", "status", userId=ada.id)
    person = "{ displayName }"
    query = f"""query($id: ID!) {{ post(id: $id) {{ author {person} comments {{ nodes {{ author {person} }} }} }}
      homeFeed {{ nodes {{ author {person} }} }} }}"""
    for name in ("Ada", "Ada of the Lamps"):
        await update(ada, displayName=name)
        found = await ben.run(query, id=made)
        there = [found["post"], *found["post"]["comments"]["nodes"], *found["homeFeed"]["nodes"]]
        assert [one["author"]["displayName"] for one in there] == [name] * 3


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("displayName", None, "Display name cannot be empty or contain HTML"),
        ("displayName", "", "Display name cannot be empty or contain HTML"),
        ("displayName", " \n ", "Display name cannot be empty or contain HTML"),
        ("displayName", "<b>Ada</b>", "Display name cannot be empty or contain HTML"),
        ("displayName", "x" * 101, "Display name cannot exceed 100 characters"),
        ("bio", "x" * 501, "Bio cannot exceed 500 characters"),
        ("bio", "🐚" * 501, "Bio cannot exceed 500 characters"),
        *(
            ("websiteUrl", url, "Please provide a valid website URL")
            for url in [
                "nowhere",
                "ftp://example.org",
                "javascript:alert(1)",
                "//example.org",
                "https://",
                "https:///path",
                "https://example.org/a b",
                "https://example.org/\n",
                " https://example.org",
                'https://example.org/"><script>',
                "https://example.org:99999/",
                "https://[::1",
                "https://" + "x" * 493,
            ]
        ),
    ],
)
async def test_a_bad_field_is_refused_with_its_text_and_nothing_of_the_edit_is_kept(
    ada: Reader, container: Container, field: str, value: str | None, message: str
) -> None:
    good = {"displayName": "Other", "bio": "Other.", "websiteUrl": "https://other.example.org"}
    async with nothing_written(container):
        payload = await update(ada, **(good | {field: value}))
    assert payload == {
        "user": None,
        "userErrors": [{"field": ["input", field], "message": message, "code": "INVALID"}],
    }


async def test_all_problems_of_an_edit_are_told_at_once(ada: Reader, container: Container) -> None:
    async with nothing_written(container):
        payload = await update(ada, displayName="<i>", bio="x" * 501, websiteUrl="nowhere", expectedVersion="nonsense")
    assert [e["message"] for e in payload["userErrors"]] == [
        "Display name cannot be empty or contain HTML",
        "Bio cannot exceed 500 characters",
        "Please provide a valid website URL",
    ]


async def test_four_byte_characters_at_the_limits_are_taken(ada: Reader) -> None:
    url = "https://example.org/" + "x" * 480
    edited = (await update(ada, displayName="🐚" * 100, bio="🐚" * 500, websiteUrl=url))["user"]
    assert (edited["displayName"], edited["bio"], edited["websiteUrl"]) == ("🐚" * 100, "🐚" * 500, url)


async def test_an_edit_of_an_old_version_is_refused(ada: Reader, container: Container) -> None:
    old = await version(ada)
    edited = (await update(ada, bio="First.", expectedVersion=old))["user"]
    assert edited["version"] != old
    async with nothing_written(container):
        payload = await update(ada, bio="Second.", expectedVersion=old)
    assert payload["userErrors"] == [{"field": ["input", "expectedVersion"], "message": STALE, "code": "STALE_VERSION"}]
    again = (await update(ada, bio="Second.", expectedVersion=edited["version"]))["user"]
    assert again["bio"] == "Second."


async def test_of_two_edits_of_one_version_at_once_one_wins(ada: Reader) -> None:
    seen = await version(ada)
    answers = await asyncio.gather(*(update(ada, bio=f"Edit {i}.", expectedVersion=seen) for i in range(4)))
    assert sorted(len(answer["userErrors"]) for answer in answers) == [0, 1, 1, 1]
    won = next(answer["user"] for answer in answers if answer["user"])
    assert (await ada.run(BY_NAME, name="ada"))["user"] == won


async def test_privacy_moves_the_version_and_counts_do_not(ada: Reader, container: Container) -> None:
    first = await version(ada)
    await sql(container, "UPDATE users SET follower_count = follower_count + 7, following_count = following_count + 2")
    assert await version(ada) == first
    edited = (await update(ada, bio="Still mine.", expectedVersion=first))["user"]
    assert (edited["followerCount"], edited["followingCount"]) == (7, 2)
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", allowFollowers=False)
    assert (await update(ada, bio="Too late.", expectedVersion=edited["version"]))["userErrors"][0]["code"] == (
        "STALE_VERSION"
    )


@pytest.mark.parametrize("text", ["", "nonsense", "🐚", "WyJ2IiwxXQ", "x" * 100_000])
@pytest.mark.parametrize("mutation", ["updateProfile", "updatePrivacy"])
async def test_what_is_no_version_is_invalid(ada: Reader, container: Container, mutation: str, text: str) -> None:
    async with nothing_written(container):
        payload = await ada.mutate(mutation, "__typename", expectedVersion=text)
    assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(["input", "expectedVersion"], "INVALID")]


async def test_a_private_profile_hides_bio_and_website_from_strangers(ada: Reader, ben: Reader, nobody: Reader) -> None:
    await update(ada, bio="For followers.", websiteUrl="https://ada.example.org")
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    for reader in (ben, nobody):
        seen = (await reader.run(BY_NAME, name="ada"))["user"]
        assert (seen["displayName"], seen["bio"], seen["websiteUrl"], seen["isPrivate"]) == ("Ada", "", None, True)
    mine = (await ada.run(BY_NAME, name="ada"))["user"]
    assert (mine["bio"], mine["websiteUrl"]) == ("For followers.", "https://ada.example.org")
