"""The home feed over HTTP: who is in it, in which order, and where reposts put a post."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from models.posts import Fanout
from runtime.container import Container
from tests.support.api import Reader, sign_up
from tests.support.feeds import FEED, Entry, fan_out, follow, home, id_of, post, walk
from tests.support.posting import act

Http = TestClient[Any, Any]


@pytest.fixture
async def eve(http: Http) -> Reader:
    """A third reader."""
    return await sign_up(http, "eve")


# --- who is in it ---


async def test_own_posts_and_those_of_the_followed_newest_first(
    container: Container, ada: Reader, ben: Reader, eve: Reader
) -> None:
    await follow(ada, ben)
    assert (await home(ada)).texts == []
    for reader, text in ((ben, "one"), (eve, "a stranger's"), (ada, "two"), (ben, "three")):
        await post(reader, text)
    await fan_out(container)
    assert (await home(ada)).entries == [Entry("three"), Entry("two"), Entry("one")]
    assert (await home(eve)).texts == ["a stranger's"]


async def test_signed_out_there_is_none(nobody: Reader) -> None:
    assert (await nobody.error(FEED))["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_a_page_has_1_to_100(ada: Reader, first: int) -> None:
    error = await ada.error(FEED, first=first)
    assert error["message"] == "`first` must be between 1 and 100."
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_strange_cursor_is_refused(ada: Reader) -> None:
    for after in ("", "x", "WyJvdGhlciJd"):
        error = await ada.error(FEED, after=after)
        assert "`after` is not a cursor of this list" in error["message"]


async def test_whom_one_comes_to_follow_is_there_at_once_with_what_they_wrote_before(
    container: Container, ada: Reader, ben: Reader
) -> None:
    await post(ben, "from before")
    await fan_out(container)
    assert (await home(ada)).texts == []
    await follow(ada, ben)
    assert (await home(ada)).texts == ["from before"]
    await ada.mutate("unfollow", "status", userId=ben.id)
    assert (await home(ada)).texts == []
    await post(ben, "meanwhile")
    await fan_out(container)
    await follow(ada, ben)
    assert (await home(ada)).texts == ["meanwhile", "from before"]


async def test_an_account_that_opens_lets_its_posts_in(container: Container, ada: Reader, ben: Reader) -> None:
    await ben.mutate("updatePrivacy", "__typename", isPrivate=True)
    await ada.mutate("follow", "status", userId=ben.id)
    await post(ben, "behind the door")
    await fan_out(container)
    assert (await home(ada)).texts == []
    await ben.mutate("updatePrivacy", "__typename", isPrivate=False)
    assert (await home(ada)).texts == ["behind the door"]


async def test_who_is_let_in_sees_at_once_and_who_is_removed_no_longer(
    container: Container, ada: Reader, ben: Reader
) -> None:
    await ben.mutate("updatePrivacy", "__typename", isPrivate=True)
    await ada.mutate("follow", "status", userId=ben.id)
    await post(ben, "for friends")
    await fan_out(container)
    assert (await home(ada)).texts == []
    await ben.mutate("respondToFollowRequest", "status", userId=ada.id, accept=True)
    assert (await home(ada)).texts == ["for friends"]
    await ben.mutate("removeFollower", "status", userId=ada.id)
    assert (await home(ada)).texts == []


async def test_a_block_and_a_private_post_are_left_out(container: Container, ada: Reader, ben: Reader) -> None:
    await follow(ada, ben)
    await home(ada)
    await post(ben, "for all")
    made = await ben.mutate("createPost", "post { id }", text="for nobody", visibility="PRIVATE")
    assert not made["userErrors"]
    await fan_out(container)
    assert (await home(ada)).texts == ["for all"]
    await ben.mutate("block", "__typename", userId=ada.id)
    assert (await home(ada)).texts == []


async def test_what_is_muted_is_left_out_and_comes_back(container: Container, ada: Reader, ben: Reader) -> None:
    await follow(ada, ben)
    await home(ada)
    thread = await post(ben, "about tides and moons")
    await post(ben, "about nothing")
    await fan_out(container)
    both, rest = ["about nothing", "about tides and moons"], ["about nothing"]
    for target, left in (({"word": "Tides"}, rest), ({"postId": thread}, rest), ({"userId": ben.id}, [])):
        await ada.mutate("mute", "__typename", target=target)
        assert (await home(ada)).texts == left
        await ada.mutate("unmute", "__typename", target=target)
        assert (await home(ada)).texts == both


async def test_ones_own_posts_are_there_whatever_one_muted(container: Container, ada: Reader) -> None:
    await ada.mutate("mute", "__typename", target={"word": "tides"})
    await post(ada, "of tides")
    await fan_out(container)
    assert (await home(ada)).texts == ["of tides"]


async def test_a_deleted_post_goes_and_a_restored_one_comes_back_in_its_place(
    container: Container, ada: Reader, ben: Reader
) -> None:
    await follow(ada, ben)
    await home(ada)
    ids = [await post(ben, text) for text in ("one", "two", "three")]
    await fan_out(container)
    await ben.mutate("deletePost", "__typename", id=ids[1])
    assert (await home(ada)).texts == ["three", "one"]
    await fan_out(container)
    assert (await home(ada)).texts == ["three", "one"]
    await ben.mutate("restorePost", "__typename", id=ids[1])
    await fan_out(container)
    assert (await home(ada)).texts == ["three", "two", "one"]


# --- reposts ---


async def test_a_repost_shows_a_post_once_at_its_newest_place(
    container: Container, http: Http, ada: Reader, ben: Reader, eve: Reader
) -> None:
    fay = await sign_up(http, "fay")
    for followed in (ben, eve):
        await follow(ada, followed)
    await home(ada)
    strange, known = await post(fay, "a stranger's"), await post(ben, "a friend's")
    await post(eve, "the last")
    for reader, what in ((ben, strange), (eve, strange), (eve, known)):
        await act(reader, "repost", what)
    await fan_out(container)
    shown = [Entry("a friend's", "eve"), Entry("a stranger's", "eve"), Entry("the last")]
    assert (await home(ada)).entries == shown
    await ada.mutate("mute", "__typename", target={"userId": eve.id})
    assert (await home(ada)).entries == [Entry("a stranger's", "ben"), Entry("a friend's")]
    await ada.mutate("unmute", "__typename", target={"userId": eve.id})
    assert (await home(ada)).entries == shown


@pytest.mark.parametrize("jobs_run", [True, False])
async def test_a_repost_taken_back_lets_the_post_fall_to_its_next_place_or_out(
    container: Container, http: Http, ada: Reader, ben: Reader, eve: Reader, jobs_run: bool
) -> None:
    fay = await sign_up(http, "fay")
    for followed in (ben, eve):
        await follow(ada, followed)
    await home(ada)
    strange = await post(fay, "a stranger's")
    await act(ben, "repost", strange)
    await post(ben, "between")
    await act(eve, "repost", strange)
    await fan_out(container)
    assert (await home(ada)).entries == [Entry("a stranger's", "eve"), Entry("between")]
    for reader, left in ((eve, [Entry("between"), Entry("a stranger's", "ben")]), (ben, [Entry("between")])):
        await act(reader, "undoRepost", strange)
        if jobs_run:
            await fan_out(container)
        assert (await home(ada)).entries == left


async def test_a_repost_that_is_not_in_the_timeline_yet_leaves_the_post_where_it_was(
    container: Container, ada: Reader, ben: Reader, eve: Reader
) -> None:
    for followed in (ben, eve):
        await follow(ada, followed)
    await home(ada)
    first = await post(ben, "first")
    await post(ben, "second")
    await fan_out(container)
    await act(eve, "repost", first)
    assert (await home(ada)).entries == [Entry("second"), Entry("first")]
    await fan_out(container)
    assert (await home(ada)).entries == [Entry("first", "eve"), Entry("second")]


async def test_ones_own_repost_is_in_ones_own_feed(container: Container, ada: Reader, ben: Reader) -> None:
    await home(ada)
    await act(ada, "repost", await post(ben, "worth it"))
    await fan_out(container)
    assert (await home(ada)).entries == [Entry("worth it", "ada")]


@pytest.mark.parametrize("way", list(Fanout))
async def test_ones_own_doings_are_there_at_once_before_any_worker_has_seen_them(
    container: Container, ada: Reader, ben: Reader, monkeypatch: Any, way: Fanout
) -> None:
    threshold = 10 if way is Fanout.PUSH else -1
    monkeypatch.setattr(container, "settings", container.settings.model_copy(update={"pull_threshold": threshold}))
    await follow(ada, ben)
    first, second = await post(ben, "first"), await post(ben, "second")
    assert (await home(ada)).texts == ["second", "first"]
    mine = await post(ada, "mine")
    await act(ada, "repost", first)
    shown = [Entry("first", "ada"), Entry("mine"), Entry("second")]
    for _ in range(2):
        assert (await home(ada)).entries == shown
        assert await walk(ada, 1) == [entry.text for entry in shown]
        await fan_out(container)
    await act(ada, "undoRepost", first)
    await act(ada, "repost", second)
    await ada.mutate("deletePost", "__typename", id=mine)
    assert (await home(ada)).entries == [Entry("second", "ada"), Entry("first")]


async def test_ones_own_doings_are_written_into_no_timeline_of_ones_own(
    container: Container, ada: Reader, ben: Reader
) -> None:
    await follow(ada, ben)
    await post(ada, "from before")
    await home(ada)
    await post(ada, "mine")
    await act(ada, "repost", await post(ben, "his"))
    await fan_out(container)
    part = await container.timelines.read(id_of(ada), None, 100)
    assert part is not None
    assert [entry.reposter_id for entry in part.entries] == [None]
    assert (await home(ada)).entries == [Entry("his", "ada"), Entry("mine"), Entry("from before")]
