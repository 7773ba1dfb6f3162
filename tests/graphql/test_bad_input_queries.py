"""Every argument of every query and list, and whole documents, as they should not be: a clear refusal, no internals, nothing written."""

from typing import Any
from uuid import uuid4

import pytest

from core import opaque
from core.ids import global_id
from runtime.container import Container
from schema.describe import core_schema
from schema.root import schema
from tests.graphql.test_bad_input_mutations import World, world
from tests.support.bad_input import NOW, bad_ids, check, fields_of, send, spoiled
from tests.support.rows import nothing_written

__all__ = ["world"]
QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "node": ("__typename id", {"id": ""}),
    "nodes": ("__typename id", {"ids": [""]}),
    "user": ("id", {"username": "ada"}),
    "book": ("id", {"ref": {"named": {"title": "T", "authors": ["A"]}}}),
    "books": (
        "nodes { id }",
        {"filter": {"title": "t", "author": "a", "hasMyHighlights": True}, "first": 5, "after": None},
    ),
    "highlight": ("id", {"id": ""}),
    "post": ("id", {"id": ""}),
    "hashtagPosts": ("nodes { id }", {"tag": "tides", "first": 5, "after": None}),
    "trendingPosts": ("id", {"window": "WEEK", "first": 5}),
    "homeFeed": ("nodes { id }", {"first": 5, "after": None}),
    "highlightChanges": ("cursor resync", {"deviceId": None, "after": None, "first": 5}),
}
LISTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "viewer": (
        "viewer { highlights(%s) { nodes { id } totalCount } }",
        "Viewer",
        {
            "bookId": None,
            "text": "t",
            "color": "BLUE",
            "deleted": True,
            "orderBy": "LOCATION",
            "first": 5,
            "after": None,
        },
    ),
    "documents": (
        "viewer { documents(%s) { nodes { id } } }",
        "Viewer",
        {"linked": True, "first": 5, "after": None},
    ),
    "positions": ("viewer { readingPositions(%s) { nodes { id } } }", "Viewer", {"first": 5, "after": None}),
    "posts": ('user(username: "ada") { posts(%s) { nodes { id } } }', "User", {"first": 5, "after": None}),
    "deletedPosts": ("viewer { deletedPosts(%s) { nodes { id } } }", "Viewer", {"first": 5, "after": None}),
    "comments": (
        'user(username: "ada") { posts { nodes { comments(%s) { nodes { id } } } } }',
        "Post",
        {"sort": "HOT", "first": 5, "after": None},
    ),
    "likedBy": (
        'user(username: "ada") { posts { nodes { likedBy(%s) { nodes { id } } } } }',
        "Post",
        {"first": 5, "after": None},
    ),
    "followedHighlights": (
        'book(ref: {named: {title: "The Lighthouse Ledger", authors: ["Ida Marsh"]}}) { followedHighlights(%s) { nodes { id } } }',
        "Book",
        {"first": 5, "after": None},
    ),
    "user": (
        'user(username: "ada") { highlights(%s) { nodes { id } totalCount } }',
        "User",
        {"bookId": None, "first": 5, "after": None},
    ),
}
OTHER_LISTS = {
    "positions": "readingPositions",
    "documents": "documents",
    "posts": "posts",
    "deletedPosts": "deletedPosts",
    "followedHighlights": "followedHighlights",
    "comments": "comments",
    "likedBy": "likedBy",
}
NO_ARGUMENTS = {"viewer", "rateLimit"}


def test_every_query_has_a_case() -> None:
    kind = core_schema(schema).query_type
    assert kind is not None
    assert set(kind.fields) == set(QUERIES) | NO_ARGUMENTS
    for name, (_, arguments) in QUERIES.items():
        assert set(kind.fields[name].args) == set(arguments)


def strange_cursors() -> list[Any]:
    """Cursors of other lists and orders, forged and broken ones."""
    key = str(uuid4())
    return [
        opaque.pack("books", "title", key),
        opaque.pack("books", "\x00", key),
        opaque.pack("books", 5, key),
        opaque.pack("highlights-created", NOW, key),
        opaque.pack("highlights-created", "0001-01-01T00:00:00+14:00", key),
        opaque.pack("highlights-created", NOW, "nonsense"),
        opaque.pack("highlights-updated", NOW, key),
        opaque.pack("highlights-updated", "2026-01-31T18:30:00", key),
        *(
            opaque.pack("highlights-place", key, place, percent, page, NOW, key)
            for place, percent, page in [(2**31, 1.0, 1), (1, 1.0, 2**40), (-(2**70 % 2**63), 1.0, 1), (1.5, 1.0, 1)]
        ),
        opaque.pack("positions", "2026-01-31T18:30:00", key),
        opaque.pack("positions", NOW, "nonsense"),
        opaque.pack("posts", NOW, "nonsense"),
        *(opaque.pack("comments-hot", NOW, score, key) for score in (1e308, -1.0, 10**400 % 2**63, "1", None)),
        opaque.pack("comments-hot", "0001-01-01T00:00:00+00:00", 0.5, key),
        opaque.pack("comments-top", NOW, 2**40, NOW, key),
        opaque.pack("feed", "2026-01-31T18:30:00", key),
        opaque.pack("feed", NOW, "nonsense"),
        opaque.pack("likers", NOW, "nonsense"),
        opaque.pack("deleted-posts", "2026-01-31T18:30:00", key),
        opaque.pack("sync", "x", "y", 0, 0),
        opaque.pack("sync", "x", "y", -1, 2**63),
        opaque.pack("v", "x", 1),
        "A" * 1_000_000,
        "nonsense",
        "=",
    ]


async def ask_badly(world: World, fields: Any, template: str, good: dict[str, Any], ids: list[Any]) -> None:
    declared = ", ".join(f"${name}: {fields[name].type}" for name in good)
    passed = ", ".join(f"{name}: ${name}" for name in good)
    query = f"query({declared}) {{ {template % passed} }}"
    for name, value in good.items():
        variants = list(spoiled(fields[name].type, value, ids))
        if name == "after":
            variants += [(cursor[:60], cursor) for cursor in strange_cursors()]
        for label, bad in variants:
            status, text, answer = await send(world.ada, query, good | {name: bad})
            check(f"{name} = {label}", status, text, answer)
            if name == "first" and bad in (-1, 0, 101) and bad is not True:
                assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", label


@pytest.mark.parametrize("field", sorted(QUERIES))
async def test_a_query_refuses_bad_arguments_clearly(world: World, container: Container, field: str) -> None:
    kind = core_schema(schema).query_type
    assert kind is not None
    selection, good = QUERIES[field]
    async with nothing_written(container, but=("devices",)):
        await ask_badly(
            world,
            kind.fields[field].args,
            f"{field}(%s) {{ {selection} }}",
            good,
            bad_ids(*world.ids_of_ben),
        )


@pytest.mark.parametrize("field", sorted(LISTS))
async def test_a_list_of_highlights_refuses_bad_arguments_clearly(
    world: World, container: Container, field: str
) -> None:
    template, type_name, good = LISTS[field]
    fields = fields_of(type_name)[OTHER_LISTS.get(field, "highlights")].args
    async with nothing_written(container):
        await ask_badly(world, fields, template, good, bad_ids(*world.ids_of_ben))


async def test_sizes_out_of_range_are_refused_everywhere(world: World) -> None:
    for query in (
        "query($first: Int) { books(first: $first) { nodes { id } } }",
        "query($first: Int) { viewer { highlights(first: $first) { nodes { id } } } }",
        "query($first: Int) { viewer { documents(first: $first) { nodes { id } } } }",
        "query($first: Int) { viewer { readingPositions(first: $first) { nodes { id } } } }",
        "query($first: Int) { viewer { deletedPosts(first: $first) { nodes { id } } } }",
        'query($first: Int) { hashtagPosts(tag: "tides", first: $first) { nodes { id } } }',
        'query($first: Int) { user(username: "ada") { posts(first: $first) { nodes { id } } } }',
        'query($first: Int) { user(username: "ada") { posts { nodes { comments(first: $first) { nodes { id } } } } } }',
        'query($first: Int) { user(username: "ada") { posts { nodes { likedBy(first: $first) { nodes { id } } } } } }',
        'query($first: Int) { user(username: "ada") { highlights(first: $first) { nodes { id } } } }',
    ):
        for first in (0, -1, 101):
            error = await world.ada.error(query, first=first)
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
            assert error["message"] == "`first` must be between 1 and 100."
        assert (await world.ada.post(query, first=None)).get("errors") is None


def marking(input_: str) -> str:
    return f"mutation {{ createHighlight(input: {{{input_}}}) {{ userErrors {{ code }} }} }}"


BAD_DOCUMENTS = [
    '{ user(username: "\\u0000") { id } }',
    '{ user(username: "\\ud800") { id } }',
    '{ user(username: "\\u{110000}") { id } }',
    '{ user(username: """a\x00b""") { id } }',
    '{ books(filter: {title: "\\u0000"}) { nodes { id } } }',
    'mutation { addBook(input: {title: "\\u0000", authors: []}) { userErrors { code } } }',
    'mutation { addBook(input: {title: "t", authors: [], totalLocations: 2147483648}) { userErrors { code } } }',
    'mutation { addBook(input: {title: "t", authors: [], totalLocations: 1e999}) { userErrors { code } } }',
    marking('book: {isbn: "0306406152"}, passage: {text: "x", anchor: {percent: 1e999}}'),
    marking('book: {isbn: "0306406152", id: "x"}, passage: {text: "x", anchor: {}}'),
    marking('book: {}, passage: {text: "x", anchor: {}}'),
    marking('book: {id: null}, passage: {text: "x", anchor: {}}'),
    marking('book: {isbn: "0306406152"}, passage: {text: "x", anchor: {}}, color: MAUVE'),
    marking('book: {isbn: "0306406152"}, passage: {text: "x", anchor: {}}, createdAt: "2026-06-30T23:59:60Z"'),
    marking('book: {isbn: "0306406152"}, passage: {text: "x", anchor: {}}, uuid: "nonsense"'),
    "{ viewer { highlights(orderBy: NOPE) { nodes { id } } } }",
    '{ node(id: "nonsense") { id } }',
    "{ nonsense }",
    "{ viewer }",
    "{ viewer { email { x } } }",
    "{",
    "}",
    "query { viewer { ...Missing } }",
    "query($x: Nonsense) { viewer { email } }",
    "{ a" * 5_000,
    "[" * 5_000,
    "{ books(filter: {title: " + "[" * 5_000,
    "fragment F on Viewer { ...F } { viewer { ...F } }",
]


async def test_a_bad_document_is_refused(world: World, container: Container) -> None:
    async with nothing_written(container):
        for query in BAD_DOCUMENTS:
            status, text, answer = await send(world.ada, query, {})
            check(query[:200], status, text, answer)
            assert answer.get("errors") or next(iter(answer["data"].values()))["userErrors"], text


async def test_too_many_ids_at_a_time_are_refused(world: World) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [global_id("Book", uuid4()) for _ in range(101)]
    assert (await world.ada.run(query, ids=ids[:100]))["nodes"] == [None] * 100
    assert (await world.ada.error(query, ids=ids))["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_variable_called_op_id_does_not_switch_the_check_of_texts_off(world: World) -> None:
    query = "query($filter: BookFilter) { books(filter: $filter) { nodes { id } } }"
    for filter_ in ({"title": "\x00"}, {"author": "a\x00"}):
        error = await world.ada.error(query, filter=filter_, opId="x")
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
