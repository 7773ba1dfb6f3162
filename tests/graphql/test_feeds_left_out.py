"""What a home feed leaves out, and takes in again: at once, whoever has written what into timelines, and without Valkey the same."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from clients.timelines import ValkeyTimelines
from core.ids import read_id
from runtime.container import Container
from services.jobs import JobRunner
from tests.support.api import Reader, sign_up
from tests.support.feeds import Entry, fan_out, home, id_of, post
from tests.support.posting import act
from tests.support.rows import sql
from workers.main import HANDLERS

NOWHERE = "redis://127.0.0.1:1"


@pytest.mark.parametrize("is_down", [False, True])
async def test_the_tables_alone_leave_out_what_a_timeline_does(
    container: Container, ada: Reader, ben: Reader, monkeypatch: pytest.MonkeyPatch, is_down: bool
) -> None:
    cleo, dan = await sign_up(ada.http, "cleo"), await sign_up(ada.http, "dan")
    for followed in (ben, cleo):
        await ada.mutate("follow", "status", userId=followed.id)
    await home(ada)
    gone, muted = await post(ben, "deleted"), await post(ben, "of tides")
    await ben.mutate("createPost", "post { id }", text="private", visibility="PRIVATE")
    await ben.mutate("createPost", "post { id }", text="for mutuals", visibility="MUTUALS")
    closed, blocked, kept = (
        await post(dan, "of one who closed"),
        await post(cleo, "of one who blocks"),
        await post(ben, "kept"),
    )
    for what in (closed, blocked, kept, muted):
        await act(ben, "repost", what)
    await fan_out(container)
    if is_down:
        monkeypatch.setattr(container.feeds, "_timelines", ValkeyTimelines(NOWHERE))
    before = [Entry(text, "ben") for text in ("of tides", "kept", "of one who blocks", "of one who closed")]
    assert (await home(ada)).entries == [*before, Entry("deleted")]
    await ada.mutate("mute", "__typename", target={"word": "tides"})
    await ben.mutate("deletePost", "__typename", id=gone)
    await dan.mutate("updatePrivacy", "__typename", isPrivate=True)
    await cleo.mutate("block", "__typename", userId=ada.id)
    page = await home(ada)
    assert (page.entries, page.degraded) == ([Entry("kept", "ben")], is_down)
    await ben.mutate("restorePost", "__typename", id=gone)
    await dan.mutate("updatePrivacy", "__typename", isPrivate=False)
    await ada.mutate("unmute", "__typename", target={"word": "tides"})
    back = [Entry(text, "ben") for text in ("of tides", "kept", "of one who closed")]
    assert (await home(ada)).entries == [*back, Entry("deleted")]


@pytest.mark.parametrize("change", ["unfollow", "block", "blocked"])
async def test_who_parts_while_an_entry_is_on_its_way_does_not_see_it(
    container: Container, ada: Reader, ben: Reader, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    settings = container.settings.model_copy(update={"fanout_chunk": 1})
    monkeypatch.setattr(container, "settings", settings)
    cleo = await sign_up(ada.http, "cleo")
    for reader in (ada, cleo):
        await reader.mutate("follow", "status", userId=ben.id)
        await home(reader)
    await post(ben, "on its way")
    handlers = {"fanout_post": HANDLERS["fanout_post"]}
    assert await JobRunner(container.transaction, handlers, lease=timedelta(seconds=30)).run_one()
    who, whom = (ben, ada) if change == "blocked" else (ada, ben)
    await who.mutate("unfollow" if change == "unfollow" else "block", "__typename", userId=whom.id)
    await fan_out(container)
    assert (await home(ada)).texts == []
    assert (await home(cleo)).texts == ["on its way"]


async def test_after_a_long_absence_nothing_is_missing(
    container: Container, ada: Reader, ben: Reader, urls: tuple[str, str]
) -> None:
    await ada.mutate("follow", "status", userId=ben.id)
    await post(ben, "before")
    await fan_out(container)
    assert (await home(ada)).texts == ["before"]
    async with Redis.from_url(urls[1]) as client:
        assert await client.delete(f"timeline:{{{id_of(ada)}}}")
        await post(ben, "meanwhile")
        await fan_out(container)
        assert not await client.exists(f"timeline:{{{id_of(ada)}}}")
    await post(ben, "not written yet")
    assert (await home(ada)).texts == ["not written yet", "meanwhile", "before"]


async def test_a_repost_counts_although_its_post_bears_the_time_of_a_fast_clock(
    container: Container, ada: Reader, ben: Reader
) -> None:
    await ada.mutate("follow", "status", userId=ben.id)
    made = await post(await sign_up(ada.http, "cleo"), "from the future")
    at = datetime.now(UTC) + timedelta(minutes=1)
    await sql(container, "UPDATE posts SET created_at = :at WHERE id = :id", at=at, id=read_id(made, "Post"))
    await act(ben, "repost", made)
    await fan_out(container)
    assert (await home(ada)).entries == [Entry("from the future", "ben")]
