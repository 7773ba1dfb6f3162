"""Books: found or made, seen or not, listed."""

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from core.ids import global_id, uuid7
from runtime.container import Container
from tests.support.api import Reader
from tests.support.readers import seated
from tests.support.rows import nothing_written, sql

BOOK = "id title authors isbn publisher totalLocations highlightCount"
FIND = f"query($ref: BookRef!) {{ book(ref: $ref) {{ {BOOK} }} }}"
LIST = """
query($filter: BookFilter, $first: Int, $after: String) {
  books(filter: $filter, first: $first, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } }
}
"""
ISBN_10, ISBN_13 = "0-306-40615-2", "9780306406157"


async def add(reader: Reader, title: str = "The Salt Almanac", *authors: str, **more: Any) -> Any:
    payload = await reader.mutate("addBook", f"book {{ {BOOK} }}", title=title, authors=list(authors), **more)
    assert not payload["userErrors"], payload
    return payload["book"]


async def find(reader: Reader, **ref: Any) -> Any:
    return (await reader.run(FIND, ref=ref))["book"]


async def titles(reader: Reader, **filter_: Any) -> list[str]:
    data = await reader.run(LIST, filter=filter_, first=100)
    return [node["title"] for node in data["books"]["nodes"]]


async def mark(reader: Reader, book: dict[str, Any]) -> Any:
    passage = {"text": "Salt keeps what the sea forgets.", "anchor": {}}
    payload = await reader.mutate("createHighlight", "highlight { id book { id } }", book=book, passage=passage)
    assert not payload["userErrors"], payload
    return payload["highlight"]


async def test_a_book_is_made_with_what_was_told(ada: Reader) -> None:
    book = await add(ada, "  The Salt Almanac ", " Orla Venn ", "Ib Lund", publisher="Quay Press", totalLocations=900)
    assert book["title"] == "The Salt Almanac"
    assert book["authors"] == ["Orla Venn", "Ib Lund"]
    assert (book["isbn"], book["publisher"], book["totalLocations"]) == (None, "Quay Press", 900)
    assert book["highlightCount"] == 0
    assert await find(ada, id=book["id"]) == book


@pytest.mark.parametrize(
    ("title", "author"),
    [
        ("The Salt Almanac", "Orla Venn"),
        ("the salt-almanac!", "ORLA VENN"),
        ("THE SALT ALMANAC", "Venn, Orla"),
        ("\uff34\uff28\uff25 Salt Almanac", "O. Venn"),
        ("The Salt Almanac", "Orla Venn, Jr."),
        ("The Salt Almanac", "Orla Venn III"),
        ("The Salt Almanac", "Venn\uff0c Orla"),
    ],
)
async def test_other_spellings_find_the_same_book(ada: Reader, title: str, author: str) -> None:
    first = await add(ada, "The Salt Almanac", "Orla Venn")
    assert (await add(ada, title, author))["id"] == first["id"]
    assert (await find(ada, named={"title": title, "authors": [author]}))["id"] == first["id"]


@pytest.mark.parametrize(
    ("title", "authors"),
    [("The Salt Almanac", ["Ib Lund"]), ("The Salt Almanac 2", ["Orla Venn"]), ("The Salt Almanac", [])],
)
async def test_other_names_are_other_books(ada: Reader, title: str, authors: list[str]) -> None:
    first = await add(ada, "The Salt Almanac", "Orla Venn")
    assert (await add(ada, title, *authors))["id"] != first["id"]


async def test_titles_without_letters_are_told_apart(ada: Reader) -> None:
    assert (await add(ada, "???"))["id"] != (await add(ada, "!!!"))["id"]
    assert (await add(ada, " ??? "))["id"] == (await add(ada, "???"))["id"]


async def test_what_is_known_stays_and_what_was_not_is_filled_in(ada: Reader, ben: Reader) -> None:
    await add(ada, publisher="Quay Press")
    book = await add(ben, "THE SALT ALMANAC", publisher="Another", totalLocations=900)
    assert (book["title"], book["publisher"], book["totalLocations"]) == ("The Salt Almanac", "Quay Press", 900)
    assert (await add(ada, totalLocations=5))["totalLocations"] == 900


@pytest.mark.parametrize("isbn", [ISBN_10, "0306406152", " 978-0-306-40615-7 ", "978\u20110306406157", ISBN_13])
async def test_every_spelling_of_an_isbn_is_one_book(ada: Reader, isbn: str) -> None:
    book = await add(ada, "A Field Guide to Tides", isbn=isbn)
    assert book["isbn"] == ISBN_13
    assert (await add(ada, "Another Title Altogether", isbn=ISBN_13))["id"] == book["id"]
    for spelled in (isbn, ISBN_10, ISBN_13):
        assert (await find(ada, isbn=spelled))["id"] == book["id"]


async def test_an_isbn_10_may_end_in_x(ada: Reader) -> None:
    for isbn in ("0-8044-2957-X", "080442957x"):
        assert (await add(ada, "Ten", isbn=isbn))["isbn"] == "9780804429573"


@pytest.mark.parametrize(
    "isbn",
    [
        "",
        "0306406153",
        "9780306406158",
        "03064061X2",
        "9770306406157",
        "978030640615",
        "97803064061577",
        "\u0660306406152",
        "978030640615X",
        "ISBN 0306406152",
    ],
)
async def test_a_bad_isbn_is_refused(ada: Reader, container: Container, isbn: str) -> None:
    async with nothing_written(container):
        payload = await ada.mutate("addBook", "book { id }", title="Tides", authors=[], isbn=isbn)
        assert payload["book"] is None
        assert payload["userErrors"] == [
            {
                "field": ["input", "isbn"],
                "message": "This is not a valid ISBN: check its digits.",
                "code": "INVALID",
            }
        ]
        error = await ada.error(FIND, ref={"isbn": isbn})
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_book_without_isbn_takes_the_one_that_is_told_later(ada: Reader, ben: Reader) -> None:
    first = await add(ada)
    assert await find(ben, id=first["id"]) is None
    told = await add(ben, isbn=ISBN_13)
    assert (told["id"], told["isbn"]) == (first["id"], ISBN_13)
    other = await add(ben, isbn="9780804429573")
    assert other["id"] != first["id"]
    assert (await add(ada))["id"] == first["id"]


async def test_racing_readers_make_one_book(http: "TestClient[Any, Any]", container: Container) -> None:
    readers = [await seated(http, container) for _ in range(8)]
    made = await asyncio.gather(*(add(reader, ["Salt", "SALT!"][i % 2]) for i, reader in enumerate(readers)))
    assert len({book["id"] for book in made}) == 1
    made = await asyncio.gather(*(add(reader, f"Title {i}", isbn=ISBN_13) for i, reader in enumerate(readers)))
    assert len({book["id"] for book in made}) == 1
    isbns = [{"isbn": ISBN_13}, {"isbn": "9780804429573"}, {}, {"isbn": ISBN_10}]
    made = await asyncio.gather(*(add(reader, "Tide", **isbns[i % 4]) for i, reader in enumerate(readers)))
    assert len({book["isbn"] for book in made if book["isbn"]}) == 2
    marked = await asyncio.gather(*(mark(reader, {"named": {"title": "Foam", "authors": []}}) for reader in readers))
    assert len({highlight["book"]["id"] for highlight in marked}) == 1
    counts = await sql(container, "SELECT count(*), count(DISTINCT id) FROM books WHERE is_public")
    assert counts[0][0] == 4  # Salt and Foam by their eight readers, and those with an ISBN


async def test_a_sideloaded_book_is_private_until_the_fifth_reader(
    http: "TestClient[Any, Any]", container: Container, nobody: Reader
) -> None:
    readers = [await seated(http, container) for _ in range(6)]
    stranger = readers.pop()
    book = await add(readers[0], "Minutes of the Tenants' Meeting")
    ref = {"named": {"title": "Minutes of the Tenants' Meeting", "authors": []}}
    for i, reader in enumerate(readers[:4]):
        await (add(reader, "minutes of the tenants meeting") if i % 2 else mark(reader, ref))
        await add(reader, "minutes of the tenants meeting")
        assert (await find(reader, **ref))["id"] == book["id"]
        for other in (stranger, nobody):
            assert await find(other, id=book["id"]) is None
            assert await find(other, **ref) is None
            assert (await other.run("query($id: ID!) { node(id: $id) { id } }", id=book["id"]))["node"] is None
            assert await titles(other) == []
    await mark(readers[4], ref)
    for other in (stranger, nobody):
        assert (await find(other, id=book["id"]))["id"] == book["id"]
        assert await titles(other) == [book["title"]]


async def test_racing_fifth_readers_make_it_public(http: "TestClient[Any, Any]", container: Container) -> None:
    readers = [await seated(http, container) for _ in range(5)]
    await asyncio.gather(*(add(reader, "Shared Minutes") for reader in readers))
    assert (await sql(container, "SELECT is_public FROM books"))[0][0] is True


async def test_a_private_book_is_shown_with_a_highlight_one_may_see(ada: Reader, ben: Reader) -> None:
    passage = {"text": "Who keeps the lamp keeps the coast.", "anchor": {}}
    book = {"named": {"title": "Home-made", "authors": []}}
    made = await ada.mutate("createHighlight", "highlight { id }", book=book, passage=passage, visibility="PUBLIC")
    read = "query($id: ID!) { highlight(id: $id) { book { id title highlightCount } } }"
    shown = (await ben.run(read, id=made["highlight"]["id"]))["highlight"]["book"]
    assert (shown["title"], shown["highlightCount"]) == ("Home-made", 0)
    assert await find(ben, id=shown["id"]) is None


async def test_one_cannot_mark_a_book_by_the_id_of_one_that_is_hidden(
    ada: Reader, ben: Reader, container: Container
) -> None:
    book = await add(ada)
    async with nothing_written(container):
        payload = await ben.mutate(
            "createHighlight", "highlight { id }", book={"id": book["id"]}, passage={"text": "x", "anchor": {}}
        )
    assert payload["userErrors"] == [
        {"field": ["input", "book"], "message": "There is no such book.", "code": "NOT_FOUND"}
    ]


@pytest.mark.parametrize(
    ("input_", "field", "message"),
    [
        ({"title": ""}, "title", "A book needs a title."),
        ({"title": " \n"}, "title", "A book needs a title."),
        ({"title": "🐚" * 501}, "title", "A title has at most 500 characters."),
        ({"authors": ["x"] * 21}, "authors", "A book has at most 20 authors."),
        ({"authors": ["x", " "]}, "authors", "An author's name has 1 to 200 characters."),
        ({"authors": ["🐚" * 201]}, "authors", "An author's name has 1 to 200 characters."),
        ({"publisher": "x" * 201}, "publisher", "A publisher's name has at most 200 characters."),
        ({"totalLocations": 0}, "totalLocations", "A book has at least one location."),
        ({"totalLocations": -5}, "totalLocations", "A book has at least one location."),
    ],
)
async def test_a_bad_book_is_refused(
    ada: Reader, container: Container, input_: dict[str, Any], field: str, message: str
) -> None:
    async with nothing_written(container):
        payload = await ada.mutate("addBook", "book { id }", **({"title": "T", "authors": []} | input_))
    assert payload["book"] is None
    assert payload["userErrors"] == [{"field": ["input", field], "message": message, "code": "INVALID"}]


async def test_values_at_the_limits_are_taken(ada: Reader) -> None:
    book = await add(ada, "🐚" * 500, *["🌊" * 200] * 20, publisher="🐚" * 200, totalLocations=2**31 - 1)
    assert (book["title"], book["authors"]) == ("🐚" * 500, ["🌊" * 200] * 20)
    assert (book["publisher"], book["totalLocations"]) == ("🐚" * 200, 2**31 - 1)


async def test_filters_match_substrings_in_any_case_and_wildcards_stand_for_themselves(ada: Reader) -> None:
    for title, author in [
        ("100% Salt", "Orla Venn"),
        ("100 Salts", "Ib Lund"),
        ("Under_score", "Venna Ro"),
        ("Underscore", "A. Nonymous"),
        ("Back\\slash", "Ünsal Çelik"),
        ("For/ward", "Ib Lund"),
    ]:
        await add(ada, title, author)
    assert await titles(ada, title="SALT") == ["100 Salts", "100% Salt"]
    assert await titles(ada, title="100%") == ["100% Salt"]
    assert await titles(ada, title="%") == ["100% Salt"]
    assert await titles(ada, title="r_s") == ["Under_score"]
    assert await titles(ada, title="\\") == ["Back\\slash"]
    assert await titles(ada, title="/") == ["For/ward"]
    assert await titles(ada, author="venn") == ["100% Salt", "Under_score"]
    assert await titles(ada, author="ÇEL") == ["Back\\slash"]
    assert await titles(ada, author="venn", title="100") == ["100% Salt"]
    assert await titles(ada, title="nothing like it") == []
    assert len(await titles(ada, title="", author=None)) == 6


async def test_books_can_be_listed_by_whether_one_marked_something_in_them(ada: Reader, ben: Reader) -> None:
    await add(ada, "Unmarked", isbn=ISBN_13)
    marked = await mark(ada, {"named": {"title": "Marked", "authors": []}})
    await mark(ben, {"isbn": ISBN_13})
    assert await titles(ada, hasMyHighlights=True) == ["Marked"]
    assert await titles(ada, hasMyHighlights=False) == ["Unmarked"]
    assert await titles(ada, hasMyHighlights=None) == ["Marked", "Unmarked"]
    assert (await find(ada, named={"title": "Marked", "authors": []}))["highlightCount"] == 1
    await ada.mutate("deleteHighlight", "highlight { id }", id=marked["id"])
    assert await titles(ada, hasMyHighlights=True) == []
    assert (await find(ada, named={"title": "Marked", "authors": []}))["highlightCount"] == 0


async def test_pages_of_books_make_up_the_list_while_books_are_added(ada: Reader) -> None:
    control = "\x01" * 500
    names = ["banana", "Apple", "apple pie", "Äpfel", "Cherry", "\u0130stanbul", "🐚", "ß", "B_", control]
    for name in names:
        await add(ada, name)
    whole = await titles(ada)
    assert sorted(whole) == sorted(names)
    for size in (1, 3, len(names)):
        seen: list[str] = []
        after = None
        while True:
            page = (await ada.run(LIST, first=size, after=after))["books"]
            seen += [node["title"] for node in page["nodes"]]
            await add(ada, f"Aardvark {size} {len(seen)}")
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert [title for title in seen if not title.startswith("Aardvark")] == whole
        assert len(set(seen)) == len(seen)


async def test_an_absent_book_is_null(ada: Reader) -> None:
    assert await find(ada, id=global_id("Book", uuid7())) is None
    assert await find(ada, isbn=ISBN_13) is None
    assert await find(ada, named={"title": "Nowhere", "authors": []}) is None
