"""Every argument of every mutation and query, fed what it should not be: a clear refusal, no internals, nothing written."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_input_type,
)

from core import opaque
from core.ids import global_id
from runtime.container import Container
from schema.describe import core_schema
from schema.root import schema
from tests.support.api import PASSWORD, Reader
from tests.support.commenting import comment
from tests.support.posting import post
from tests.support.rows import contents, nothing_written, sql

INTERNALS = re.compile(
    r"sqlalchemy|asyncpg|psycopg|traceback|site-packages|\.py\b|strawberry|aiohttp|orjson|select |insert into|\$1|/work|0x[0-9a-f]{6}",
    re.IGNORECASE,
)
TOP_CODES = {"BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST", "NOT_FOUND"}
USER_CODES = {"INVALID", "NOT_FOUND", "CONFLICT", "FORBIDDEN", "ALREADY_EXISTS", "UNAUTHENTICATED", "STALE_VERSION"}
BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
ANCHOR = {
    "locationStart": 1,
    "locationEnd": 5,
    "prefix": "p",
    "suffix": "s",
    "cfi": "c",
    "page": "7",
    "percent": 5.0,
}
PASSAGE = {"text": "The lamp does not ask who is at sea.", "anchor": ANCHOR}
NOW = "2026-01-31T18:30:00Z"
LATER = "2999-01-01T00:00:00Z"

STRINGS: list[Any] = [
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfffy",
    "\U0010ffff" * 12_001,
    "%",
    "\\",
    "'; --",
    "",
    5,
    True,
    [],
    {},
]
MOMENTS: list[Any] = [
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-06-30T23:59:60Z",
    "2026-02-30T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T18:30:00",
    "2026-01-31",
    "2026-01-31T18:30:00+99:99",
    "２０２６-01-31T18:30:00Z",  # noqa: RUF001
    "yesterday",
    "",
    1_700_000_000,
    "\x00",
    "\ud800",
]
SCALARS: dict[str, list[Any]] = {
    "String": STRINGS,
    "Int": [-1, 0, 2**31, -(2**31) - 1, 10**30, 1.5, "1", True, [], "\x00"],
    "Float": [-1, 101, 1e308, -0.0001, 10**400, "1", True, {}],
    "Boolean": ["true", 1, 0, [], "\x00"],
    "DateTime": MOMENTS,
    "UUID": ["", "nonsense", str(uuid4())[:-1], uuid4().hex, "{" + str(uuid4()) + "}", 5, "\x00", "\ud800", "٣" * 36],
}
MISTYPED: list[Any] = [None, 5, "x", True, [], {}, [[]], [None], {"nonsense": 1}, {"opId": "\x00"}]


def bad_ids(*others: str) -> list[Any]:
    spelled = base64.b64encode(f"Book:{uuid4()}".encode()).decode()
    return [
        *others,
        *(global_id(kind, uuid4()) for kind in ("Book", "User", "Highlight", "Device", "Session", "Nonsense")),
        "",
        "nonsense",
        "🐚",
        str(uuid4()),
        spelled.rstrip("=") if spelled.endswith("=") else spelled + "=",
        spelled + "\n",
        base64.b64encode(f"Book:{str(uuid4()).upper()}".encode()).decode(),
        base64.b64encode(b"Book:1").decode(),
        "A" * 100_000,
        "\x00",
        "\ud800",
        5,
        2**70,
        1.5,
        [],
        {},
    ]


@dataclass
class World:
    """What there is to name: ada's own things, and ben's."""

    ada: Reader
    highlight: str
    book: str
    private_highlight_of_ben: str
    post: str
    post_of_ben: str
    comment: str
    ids_of_ben: list[str]


@pytest.fixture
async def world(ada: Reader, ben: Reader) -> World:
    def marked(reader: Reader) -> Any:
        return reader.mutate("createHighlight", "highlight { id book { id } }", book=BOOK, passage=PASSAGE)

    mine, his = (await marked(ada))["highlight"], (await marked(ben))["highlight"]
    my_post, his_post = (await post(ada))["id"], (await post(ben))["id"]
    session = (await ben.run("{ viewer { sessions { id } } }"))["viewer"]["sessions"][0]["id"]
    ids_of_ben = [his["id"], ben.id, ben.device_id, session, his_post]
    said = await comment(ada, his_post)
    return World(ada, mine["id"], mine["book"]["id"], his["id"], my_post, his_post, said, ids_of_ben)


def mutations(world: World) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name, selection and a complete input of every mutation; what would end the reader's session names nothing of theirs."""
    device = {"name": "Tablet", "platform": "test", "id": world.ada.device_id}
    sign_up = {"username": "cora", "email": "cora@example.org", "password": PASSWORD, "displayName": "Cora"}
    privacy = dict.fromkeys(
        [
            "isPrivate",
            "allowFollowers",
            "showHighlightsToFollowers",
            "contributeToPopular",
            "exportIncludesNotes",
            "exportIncludesTimestamps",
        ],
        True,
    )
    words = {"note": "n", "color": "BLUE", "visibility": "PUBLIC"}
    draft = {"book": BOOK, "passage": PASSAGE} | words
    ops = [
        {"opId": str(uuid4()), "highlightUuid": str(uuid4()), "doneAt": NOW, "basedOn": None, "change": change}
        for change in (
            {"create": draft | {"createdAt": NOW}},
            {"edit": {"passage": PASSAGE} | words},
            {"delete": True},
            {"restore": True},
        )
    ]
    keyed = {"clientMutationId": None}
    return {
        "signUp": ("token", sign_up | {"device": device, "transport": "BEARER"}),
        "signIn": ("token", {"login": "ada", "password": PASSWORD, "device": device, "transport": "BEARER"}),
        "revokeSession": ("revokedSessionId", {"id": global_id("Session", uuid4())} | keyed),
        "updateDevice": (
            "device { id }",
            {"id": world.ada.device_id, "name": "n", "syncHighlights": True, "syncNotes": True} | keyed,
        ),
        "separateDevice": ("device { id }", {"deviceId": global_id("Device", uuid4()), "name": "n"}),
        "removeDevice": ("removedDeviceId", {"id": global_id("Device", uuid4())} | keyed),
        "changePassword": ("__typename", {"currentPassword": "wrong password", "newPassword": "long enough"}),
        "deleteAccount": ("deletedUserId", {"password": "wrong password"}),
        "updateProfile": (
            "user { id }",
            {
                "displayName": "A",
                "bio": "b",
                "websiteUrl": "https://a.example",
                "expectedVersion": None,
                "avatarMediaId": None,
            }
            | keyed,
        ),
        "updatePrivacy": (
            "privacy { isPrivate }",
            privacy | {"defaultHighlightVisibility": "PUBLIC", "expectedVersion": None} | keyed,
        ),
        "createUpload": ("mediaId", {"contentType": "text/plain", "byteSize": 5, "purpose": "IMPORT"} | keyed),
        "addBook": (
            "book { id }",
            {"title": "T", "authors": ["A"], "isbn": "0306406152", "publisher": "P", "totalLocations": 9} | keyed,
        ),
        "createHighlight": ("highlight { id }", {"uuid": str(uuid4()), "createdAt": NOW} | draft | keyed),
        "updateHighlight": (
            "highlight { id }",
            {"id": world.highlight, "passage": PASSAGE, "basedOn": None} | words | keyed,
        ),
        "updateReadingPosition": (
            "position { id }",
            {"book": BOOK, "location": 5, "percent": 1.5, "progress": "p", "deviceId": world.ada.device_id}
            | {"recordedAt": NOW, "sentAt": NOW}
            | keyed,
        ),
        "linkDocument": ("document { id }", {"digest": "d1", "book": BOOK} | keyed),
        "unlinkDocument": ("document { id }", {"digest": "d2"} | keyed),
        "deleteHighlight": ("highlight { id }", {"id": world.private_highlight_of_ben, "basedOn": None} | keyed),
        "restoreHighlight": ("highlight { id }", {"id": world.highlight} | keyed),
        "exportHighlights": ("url", {"format": "CSV", "bookId": None} | keyed),
        "shareHighlight": ("url", {"id": world.highlight, "platform": "elsewhere"} | keyed),
        **{
            name: ("user { id }", {"userId": world.ids_of_ben[1]} | keyed)
            for name in ("follow", "unfollow", "removeFollower")
        },
        **{name: ("user { id }", {"userId": world.ids_of_ben[1]} | keyed) for name in ("block", "unblock")},
        "respondToFollowRequest": ("user { id }", {"userId": world.ids_of_ben[1], "accept": True} | keyed),
        "mute": ("mute { id }", {"target": {"word": "butler"}, "until": LATER} | keyed),
        "unmute": ("mute { id }", {"target": {"word": "butler"}} | keyed),
        "createPost": (
            "post { id }",
            {"text": "A post.", "highlightId": world.highlight, "bookId": world.book, "mediaId": None}
            | {"visibility": "PUBLIC", "spoilerUntilLocation": 5, "widenHighlight": True}
            | keyed,
        ),
        "deletePost": ("deletedPostId", {"id": world.post_of_ben} | keyed),
        "restorePost": ("post { id }", {"id": world.post} | keyed),
        "repost": ("post { id }", {"postId": world.post_of_ben} | keyed),
        "undoRepost": ("post { id }", {"postId": world.post_of_ben} | keyed),
        **{name: ("liked likeCount", {"targetId": world.comment} | keyed) for name in ("like", "unlike")},
        "addComment": (
            "comment { id }",
            {"postId": world.post_of_ben, "parentId": world.comment, "text": "So.", "spoilerUntilLocation": None}
            | keyed,
        ),
        "updateComment": ("comment { id }", {"id": world.comment, "text": "Other."} | keyed),
        "deleteComment": ("deletedCommentId", {"id": global_id("Comment", uuid4())} | keyed),
        "reportContent": (
            "report { id }",
            {"targetId": world.ids_of_ben[1], "reason": "SPAM", "text": "It sells lamps."} | keyed,
        ),
        "pushHighlightChanges": (
            "results { outcome error { code message } } changes { cursor }",
            {"deviceId": world.ada.device_id, "after": None, "previousOpId": None, "sentAt": NOW, "ops": ops},
        ),
    }


WITHOUT_INPUT = {"signOut"}
ELSEWHERE = {"importHighlights"}  # tested with the imports
CASES = [
    "signUp",
    "signIn",
    "revokeSession",
    "updateDevice",
    "separateDevice",
    "removeDevice",
    "changePassword",
    "deleteAccount",
    "updateProfile",
    "updatePrivacy",
    "createUpload",
    "addBook",
    "createHighlight",
    "updateHighlight",
    "updateReadingPosition",
    "linkDocument",
    "unlinkDocument",
    "deleteHighlight",
    "restoreHighlight",
    "exportHighlights",
    "shareHighlight",
    "follow",
    "unfollow",
    "respondToFollowRequest",
    "removeFollower",
    "block",
    "unblock",
    "mute",
    "unmute",
    "createPost",
    "deletePost",
    "restorePost",
    "repost",
    "undoRepost",
    "like",
    "unlike",
    "addComment",
    "updateComment",
    "deleteComment",
    "reportContent",
    "pushHighlightChanges",
]


def bad_values(kind: GraphQLInputType, ids: list[Any]) -> list[Any]:
    """Tell what a value of a type should not be; some of it is right after all, for some field."""
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(bare, GraphQLList | GraphQLInputObjectType):
        return MISTYPED
    named = get_named_type(bare)
    if isinstance(named, GraphQLEnumType):
        return ["NOPE", next(iter(named.values)).lower(), "", 0, True, [], "\x00", "\ud800"]
    assert isinstance(named, GraphQLScalarType)
    return [*(ids if named.name == "ID" else SCALARS[named.name]), *([None] if bare is not kind else [])]


def spoiled(kind: GraphQLInputType, value: Any, ids: list[Any]) -> Iterator[tuple[str, Any]]:
    """Make every variant of a good value in which one part is bad; tell which."""
    for bad in bad_values(kind, ids):
        yield repr(bad)[:60], bad
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(bare, GraphQLInputObjectType) and isinstance(value, dict):
        for name, part in value.items():
            for label, bad in spoiled(bare.fields[name].type, part, ids):
                yield f"{name}: {label}", value | {name: bad}
    if isinstance(bare, GraphQLList) and isinstance(value, list):
        for i, part in enumerate(value):
            for label, bad in spoiled(bare.of_type, part, ids):
                yield f"{i}: {label}", [*value[:i], bad, *value[i + 1 :]]


def fresh(input_: Any, good: dict[str, Any]) -> Any:
    """Give the operations of a push new ids, where they are good ones: a known one would answer as the first time."""
    if not isinstance(input_, dict) or not isinstance(input_.get("ops"), list):
        return input_
    known = {op["opId"] for op in good["ops"]}
    ops = [
        op | {"opId": str(uuid4())} if isinstance(op, dict) and str(op.get("opId")) in known else op
        for op in input_["ops"]
    ]
    return input_ | {"ops": ops}


async def send(reader: Reader, query: str, variables: dict[str, Any]) -> tuple[int, str, Any]:
    body = json.dumps({"query": query, "variables": variables})
    headers = reader.headers | {"Content-Type": "application/json"}
    async with reader.http.post("/graphql", data=body, headers=headers) as response:
        text = await response.text()
        return response.status, text, json.loads(text)


def refusals(answer: Any) -> list[dict[str, Any]]:
    """Gather the user errors, and the errors of refused operations."""
    found = list(((answer.get("data") or {}).get("it") or {}).get("userErrors") or [])
    results = ((answer.get("data") or {}).get("it") or {}).get("results") or []
    return found + [result["error"] for result in results if result["error"]]


def check(label: str, status: int, text: str, answer: Any) -> bool:
    """Assert that an answer is a success or a clear refusal; tell whether it is a whole refusal."""
    assert status in (200, 400), (label, status, text[:500])
    assert not INTERNALS.search(text[:5_000]), (label, text[:500])
    errors = answer.get("errors") or []
    for error in errors:
        assert error["extensions"]["code"] in TOP_CODES, (label, text[:500])
        assert error["message"].strip()
    for error in refusals(answer):
        assert error["code"] in USER_CODES | {"LIMIT_EXCEEDED", "GONE"}, (label, text[:500])
        assert error["message"].strip()
        assert error.get("field") is None or error["field"][0] == "input", (label, text[:500])
    return bool(errors) or bool(((answer.get("data") or {}).get("it") or {}).get("userErrors"))


def fields_of(name: str) -> dict[str, Any]:
    kind = core_schema(schema).type_map[name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInputObjectType)
    return dict(kind.fields)


def test_every_mutation_has_a_case() -> None:
    kind = core_schema(schema).mutation_type
    assert kind is not None
    assert set(kind.fields) - WITHOUT_INPUT - ELSEWHERE == set(CASES)


@pytest.mark.parametrize("mutation", CASES)
async def test_a_mutation_refuses_bad_input_clearly_and_writes_nothing(
    world: World, container: Container, mutation: str
) -> None:
    fields = core_schema(schema).mutation_type
    assert fields is not None
    kind = fields.fields[mutation].args["input"].type
    assert is_input_type(kind)
    selection, good = mutations(world)[mutation]
    assert set(good) == set(fields_of(get_named_type(kind).name)), "the case names every field"
    query = f"mutation($input: {kind}) {{ it: {mutation}(input: $input) {{ {selection} userErrors {{ field code message }} }} }}"
    # How far a device was sent is written down a while after the answer.
    but = ("auth_attempts", "devices") if mutation == "pushHighlightChanges" else ("auth_attempts",)
    before = await contents(container, but=but)
    refused = 0
    ids = bad_ids(*world.ids_of_ben)
    # A push is spoiled one operation at a time.
    goods = [good | {"ops": [op]} for op in good["ops"]] if "ops" in good else [good]
    for label, input_ in (variant for one in goods for variant in spoiled(kind, one, ids)):
        whole = check(label, *await send(world.ada, query, {"input": fresh(input_, good)}))
        after = await contents(container, but=but)
        assert not whole or after == before, label
        before, refused = after, refused + whole
        await sql(container, "DELETE FROM auth_attempts")
    assert refused > 10


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


async def test_a_reader_who_is_gone_is_signed_out_to_every_mutation(
    world: World, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another process deleted the account; this one remembers the session for a few seconds, here for as long as it takes.
    monkeypatch.setattr("runtime.sessions.REMEMBERED", 600.0)
    assert (await world.ada.run("{ viewer { email } }"))["viewer"]
    await sql(container, "DELETE FROM users WHERE username = 'ada'")
    cases = mutations(world)
    async with nothing_written(container, but=("auth_attempts",)):
        for mutation in CASES:
            if mutation in ("signUp", "signIn"):
                continue
            selection, input_ = cases[mutation]
            payload = await world.ada.mutate(mutation, selection, **input_)
            assert [e["code"] for e in payload["userErrors"]] in (["UNAUTHENTICATED"], ["NOT_FOUND"]), mutation
    assert (await world.ada.run("{ viewer { email } }"))["viewer"] is None
