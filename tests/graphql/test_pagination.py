"""Lists of highlights: filters, the three orders, and pages that make up the list while rows are added."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api import Reader

LIST = """
query($bookId: ID, $text: String, $color: HighlightColor, $deleted: Boolean, $orderBy: HighlightOrder, $first: Int, $after: String) {
  viewer { highlights(bookId: $bookId, text: $text, color: $color, deleted: $deleted, orderBy: $orderBy, first: $first, after: $after) {
    totalCount
    edges { cursor node { id } }
    nodes { id text createdAt updatedAt book { id } anchor { locationStart percent page } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }
}
"""
START = datetime(2024, 1, 1, tzinfo=UTC)
ORDERS = ["CREATED", "UPDATED", "LOCATION"]


def book(title: str) -> dict[str, Any]:
    return {"named": {"title": title, "authors": []}}


async def mark(reader: Reader, text: str, **more: Any) -> str:
    anchor = more.pop("anchor", {})
    input_ = {"book": book("Tides"), "passage": {"text": text, "anchor": anchor}} | more
    payload = await reader.mutate("createHighlight", "highlight { id }", **input_)
    assert not payload["userErrors"], payload
    return str(payload["highlight"]["id"])


async def page(reader: Reader, **arguments: Any) -> Any:
    found = (await reader.run(LIST, **arguments))["viewer"]["highlights"]
    assert [edge["node"]["id"] for edge in found["edges"]] == [node["id"] for node in found["nodes"]]
    cursors = [edge["cursor"] for edge in found["edges"]]
    info = found["pageInfo"]
    assert (info["startCursor"], info["endCursor"]) == ((cursors[0], cursors[-1]) if cursors else (None, None))
    assert info["hasPreviousPage"] == (arguments.get("after") is not None)
    return found


async def texts(reader: Reader, **arguments: Any) -> list[str]:
    found = await page(reader, first=100, **arguments)
    assert found["totalCount"] == len(found["nodes"])
    return [node["text"] for node in found["nodes"]]


@pytest.fixture
async def shelf(ada: Reader) -> Reader:
    """Highlights that tie in every part of every order's key but the last."""
    for i, (place, percent, label) in enumerate(
        [(5, 1.5, "7"), (5, None, "7"), (None, 1.5, "xii"), (None, 1.5, "12"), (None, None, "12a"), (None, None, None)]
        * 2
    ):
        anchor = {"percent": percent, "page": label}
        if place is not None:
            anchor |= {"locationStart": place, "locationEnd": place + 1}
        at = (START + timedelta(days=i // 4)).isoformat()
        await mark(ada, f"text {i}", anchor=anchor, createdAt=at, book=book(["Tides", "Foam"][i % 2]))
    return ada


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_of_any_size_make_up_the_list(shelf: Reader, order: str) -> None:
    whole = await page(shelf, orderBy=order, first=100)
    ids = [node["id"] for node in whole["nodes"]]
    assert len(set(ids)) == whole["totalCount"] == 12
    for size in (1, 2, 5, 11, 12, 13):
        seen: list[str] = []
        after = None
        while True:
            found = await page(shelf, orderBy=order, first=size, after=after)
            assert found["totalCount"] == 12
            seen += [node["id"] for node in found["nodes"]]
            assert found["pageInfo"]["hasNextPage"] == (len(seen) < 12)
            if not found["pageInfo"]["hasNextPage"]:
                break
            after = found["pageInfo"]["endCursor"]
        assert seen == ids
    for edge, following in zip(whole["edges"], [*ids[1:], None], strict=True):
        behind = (await page(shelf, orderBy=order, first=1, after=edge["cursor"]))["nodes"]
        assert (behind[0]["id"] if behind else None) == following


@pytest.mark.parametrize("order", ORDERS)
async def test_a_walk_meets_each_row_once_while_others_are_added_and_deleted(shelf: Reader, order: str) -> None:
    for size in (1, 2, 5):
        dice = random.Random(size)  # noqa: S311
        before = [node["id"] for node in (await page(shelf, orderBy=order, first=100))["nodes"]]
        seen: list[str] = []
        after = None
        while True:
            found = await page(shelf, orderBy=order, first=size, after=after)
            seen += [node["id"] for node in found["nodes"]]
            if not found["pageInfo"]["hasNextPage"]:
                break
            after = found["pageInfo"]["endCursor"]
            # Behind the cursor and before it, among equals and apart; and the row of the cursor itself goes.
            at = (START + timedelta(days=dice.randint(-2, 5))).isoformat()
            place = dice.randint(0, 9)
            anchor = {"locationStart": place, "locationEnd": place + 1}
            await mark(shelf, "added", anchor=anchor, createdAt=at, book=book(dice.choice(["Tides", "Foam"])))
            if size == 5:
                await shelf.mutate("deleteHighlight", "highlight { id }", id=seen[-1])
        assert [key for key in seen if key in set(before)] == before
        assert len(set(seen)) == len(seen)


async def test_the_newest_come_first(ada: Reader) -> None:
    for text, day in [("middle", 2), ("oldest", 1), ("newest", 3)]:
        await mark(ada, text, createdAt=(START + timedelta(days=day)).isoformat())
    assert await texts(ada) == ["newest", "middle", "oldest"]
    assert await texts(ada, orderBy=None) == ["newest", "middle", "oldest"]


async def test_the_last_changed_come_first(ada: Reader) -> None:
    keys = [await mark(ada, text) for text in ("one", "two", "three")]
    await ada.mutate("updateHighlight", "highlight { id }", id=keys[0], note="touched")
    assert await texts(ada, orderBy="UPDATED") == ["one", "three", "two"]


async def test_in_a_book_they_stand_by_location_then_percent_page_and_date(ada: Reader) -> None:
    for text, anchor, day in [
        ("no place, later", {}, 2),
        ("no place, sooner", {}, 1),
        ("page 12", {"page": "12"}, 1),
        ("page 9", {"page": "9"}, 1),
        ("page xii", {"page": "xii"}, 0),
        ("half", {"percent": 50.0}, 1),
        ("third", {"percent": 33.3}, 1),
        ("location 100", {"locationStart": 100, "locationEnd": 101}, 1),
        ("location 20", {"locationStart": 20, "locationEnd": 21}, 1),
        ("location 0", {"locationStart": 0, "locationEnd": 21, "percent": 99.0}, 1),
    ]:
        await mark(ada, text, anchor=anchor, createdAt=(START + timedelta(days=day)).isoformat())
    assert await texts(ada, orderBy="LOCATION") == [
        "location 0",
        "location 20",
        "location 100",
        "third",
        "half",
        "page 9",
        "page 12",
        "page xii",
        "no place, sooner",
        "no place, later",
    ]


async def test_they_are_filtered_by_book_colour_and_life(ada: Reader, ben: Reader) -> None:
    blue = await mark(ada, "blue tide", color="BLUE")
    await mark(ada, "foam", book=book("Foam"), color="BLUE")
    gone = await mark(ada, "deleted")
    await ada.mutate("deleteHighlight", "highlight { id }", id=gone)
    await mark(ben, "not hers")
    tides = (await ada.run("query($id: ID!) { highlight(id: $id) { book { id } } }", id=blue))["highlight"]["book"][
        "id"
    ]
    assert await texts(ada) == ["foam", "blue tide"]
    assert await texts(ada, bookId=tides) == ["blue tide"]
    assert await texts(ada, color="BLUE", bookId=tides) == ["blue tide"]
    assert await texts(ada, color="PINK") == []
    assert await texts(ada, deleted=True) == ["deleted"]
    assert await texts(ada, deleted=None) == ["foam", "blue tide"]
    assert await texts(ada, bookId=tides, deleted=True) == ["deleted"]


async def test_a_text_is_found_in_words_or_note_in_any_case_and_wildcards_stand_for_themselves(ada: Reader) -> None:
    for text, note in [
        ("100% salt", None),
        ("100 salts", "Über ALLES"),
        ("under_score", None),
        ("underscore", None),
        ("back\\slash", None),
        ("for/ward", None),
        ("plain", "a 50% note"),
    ]:
        await mark(ada, text, note=note)
    assert await texts(ada, text="SALT", orderBy="CREATED") == ["100 salts", "100% salt"]
    assert await texts(ada, text="%") == ["plain", "100% salt"]
    assert await texts(ada, text="r_s") == ["under_score"]
    assert await texts(ada, text="\\") == ["back\\slash"]
    assert await texts(ada, text="/") == ["for/ward"]
    assert await texts(ada, text="über") == ["100 salts"]
    assert await texts(ada, text="\\%") == []
    assert len(await texts(ada, text="")) == 7


async def test_the_default_page_has_twenty(ada: Reader) -> None:
    for i in range(21):
        await mark(ada, f"text {i}")
    for first in ({}, {"first": None}):
        found = await page(ada, **first)
        assert len(found["nodes"]) == 20
        assert found["pageInfo"]["hasNextPage"] is True
        assert found["totalCount"] == 21
    assert len((await page(ada, first=21))["nodes"]) == 21


async def test_a_cursor_of_another_order_is_refused(ada: Reader) -> None:
    await mark(ada, "one")
    cursors = {order: (await page(ada, orderBy=order, first=1))["pageInfo"]["endCursor"] for order in ORDERS}
    for made in ORDERS:
        for asked in ORDERS:
            answer = await ada.post(LIST, orderBy=asked, after=cursors[made])
            if made == asked:
                assert answer["data"]["viewer"]["highlights"]["nodes"] == []
            else:
                assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
                assert answer["errors"][0]["message"].startswith("`after` is not a cursor of this list")
    books = "query($after: String) { books(after: $after) { nodes { id } } }"
    assert (await ada.error(books, after=cursors["CREATED"]))["extensions"]["code"] == "BAD_USER_INPUT"


async def test_somebody_elses_public_highlights_page_too(ada: Reader, ben: Reader) -> None:
    query = """
    query($after: String) {
      user(username: "ada") { highlights(first: 2, after: $after) { totalCount nodes { text } pageInfo { hasNextPage endCursor } } }
    }
    """
    for i in range(5):
        await mark(ada, f"text {i}", visibility="PUBLIC" if i != 2 else "PRIVATE")
    seen: list[str] = []
    after = None
    while True:
        found = (await ben.run(query, after=after))["user"]["highlights"]
        assert found["totalCount"] == 4
        seen += [node["text"] for node in found["nodes"]]
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    assert seen == ["text 4", "text 3", "text 1", "text 0"]
