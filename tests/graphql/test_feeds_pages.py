"""Pages of the home feed: without a gap or a double, with and without Valkey, full, and at a fixed cost."""

from datetime import timedelta
from typing import Any

import pytest

from clients.timelines import ValkeyTimelines
from models import Post
from models.posts import Fanout
from models.profiles import Visibility
from runtime.container import Container
from tests.graphql.test_feeds import eve
from tests.support.api import Reader
from tests.support.feeds import FEED, Entry, fan_out, follow, home, id_of, post, walk
from tests.support.posting import act
from tests.support.seeding import START, Seeder
from tests.support.statements import counted

__all__ = ["eve"]


async def seeded(container: Container, ada: Reader, *authors: Reader, count: int, **more: Any) -> list[Post]:
    """Let authors write in turn, three posts a minute of one and the same moment."""
    del ada
    async with container.database.writing() as session:
        seeder = Seeder(session)
        return [
            await seeder.post(
                id_of(authors[number % len(authors)]),
                f"{number}",
                created_at=START + timedelta(minutes=number // 3),
                **more,
            )
            for number in range(count)
        ]


def in_order(posts: list[Post]) -> list[str]:
    return [row.text for row in sorted(posts, key=lambda row: (row.created_at, row.id), reverse=True)]


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("first", [1, 4, 100])
async def test_pages_have_no_gap_and_no_double_and_no_end_at_the_timelines(
    container: Container, ada: Reader, ben: Reader, eve: Reader, first: int, down: bool, monkeypatch: Any
) -> None:
    monkeypatch.setattr(container.builder, "_length", 10)
    if down:
        monkeypatch.setattr(container.feeds, "_timelines", ValkeyTimelines("redis://127.0.0.1:1"))
    for followed in (ben, eve):
        await follow(ada, followed)
    posts = await seeded(container, ada, ada, ben, eve, count=40)
    assert await walk(ada, first) == in_order(posts)
    assert (await home(ada)).degraded is down


async def test_a_cursor_of_one_way_goes_on_in_the_other(
    container: Container, ada: Reader, ben: Reader, monkeypatch: Any
) -> None:
    monkeypatch.setattr(container.builder, "_length", 10)
    await follow(ada, ben)
    posts = await seeded(container, ada, ada, ben, count=24)
    nowhere = ValkeyTimelines("redis://127.0.0.1:1")
    texts: list[str] = []
    after, turns = None, 0
    while True:
        with monkeypatch.context() as patch:
            if turns % 2:
                patch.setattr(container.feeds, "_timelines", nowhere)
            page = await home(ada, 5, after)
        assert page.degraded == bool(turns % 2)
        texts, after, turns = texts + page.texts, page.end, turns + 1
        if not page.has_next:
            break
    assert texts == in_order(posts)


async def test_new_posts_and_rises_between_pages_shift_nothing(
    container: Container, ada: Reader, ben: Reader, eve: Reader
) -> None:
    for followed in (ben, eve):
        await follow(ada, followed)
    posts = await seeded(container, ada, ben, count=9)
    page = await home(ada, 4)
    await post(ben, "new")
    risen = (await ada.run(FEED, first=9))["homeFeed"]["nodes"][6]["id"]
    await act(eve, "repost", risen)
    await fan_out(container)
    rest = await home(ada, 10, page.end)
    expected = in_order(posts)
    # What rose above the cursor is not told again below it.
    assert [*page.texts, *rest.texts] == [text for text in expected if text != expected[6]]
    assert (await home(ada, 2)).texts == [expected[6], "new"]


@pytest.mark.parametrize("hidden", [30, 250])
async def test_a_page_is_full_however_much_is_left_out_before_it(
    container: Container, ada: Reader, ben: Reader, eve: Reader, hidden: int
) -> None:
    for followed in (ben, eve):
        await follow(ada, followed)
    async with container.database.writing() as session:
        seeder = Seeder(session)
        for number in range(hidden + 5):
            is_old, at = number < 5, START + timedelta(minutes=number)
            more = {} if is_old else {"visibility": Visibility.PRIVATE}
            await seeder.post(id_of(ben if number % 2 else eve), f"{number}", created_at=at, **more)
    page = await home(ada, 5)
    assert page.texts == ["4", "3", "2", "1", "0"]
    assert not page.has_next


async def test_authors_whose_posts_are_pulled_are_merged_and_crossing_the_threshold_needs_nothing(
    container: Container, ada: Reader, ben: Reader, eve: Reader, monkeypatch: Any
) -> None:
    for followed in (ben, eve):
        await follow(ada, followed)
    await home(ada)
    settings = container.settings
    for threshold, texts in ((10, ("pushed", "pushed too")), (0, ("pulled", "pulled too")), (10, ("again", "and on"))):
        monkeypatch.setattr(container, "settings", settings.model_copy(update={"pull_threshold": threshold}))
        for reader, text in zip((ben, eve), texts, strict=True):
            await post(reader, text)
        await fan_out(container)
    expected = ["and on", "again", "pulled too", "pulled", "pushed too", "pushed"]
    async with container.reading() as services:
        made = await services.feeds.timeline(id_of(ada), 800)
    assert len(made.entries) == 4
    assert (await home(ada)).texts == expected
    assert await walk(ada, 1) == expected
    assert await walk(ada, 4) == expected


async def test_a_pulled_repost_lifts_a_pushed_post(container: Container, ada: Reader, ben: Reader, eve: Reader) -> None:
    for followed in (ben, eve):
        await follow(ada, followed)
    posts = await seeded(container, ada, ben, count=4)
    await home(ada)
    async with container.database.writing() as session:
        await Seeder(session).repost(posts[0].id, id_of(eve), fanout=Fanout.PULL)
    assert (await home(ada, 2)).entries[0] == Entry("0", "eve")
    assert await walk(ada, 1) == ["0", *in_order(posts[1:])]


# --- what it costs ---


@pytest.mark.parametrize("first", [1, 20, 100])
async def test_a_page_takes_eight_statements_at_most(
    container: Container, ada: Reader, ben: Reader, eve: Reader, first: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr(container.builder, "_length", 10)
    for followed in (ben, eve):
        await follow(ada, followed)
    posts = await seeded(container, ada, ben, count=60)
    async with container.database.writing() as session:
        await Seeder(session).repost(posts[3].id, id_of(eve))
    container_engine = container.database.engine
    for after in (None, (await home(ada, 20)).end):
        with counted(container_engine) as statements:
            await home(ada, first, after)
        assert len([s for s in statements if "token_hash" not in s]) <= 7
