"""Values that no argument should take, and what an answer to them must look like."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
)

from core.ids import global_id
from schema.describe import core_schema
from schema.root import schema
from tests.support.api import Reader

INTERNALS = re.compile(
    r"sqlalchemy|asyncpg|psycopg|traceback|site-packages|\.py\b|strawberry|aiohttp|orjson|select |insert into|\$1|/work|0x[0-9a-f]{6}",
    re.IGNORECASE,
)
TOP_CODES = {"BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST", "NOT_FOUND"}
USER_CODES = {"INVALID", "NOT_FOUND", "CONFLICT", "FORBIDDEN", "ALREADY_EXISTS", "UNAUTHENTICATED", "STALE_VERSION"}
NOW = "2026-01-31T18:30:00Z"

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
    """Spell ids that name nothing, and what is no id; `others` are ids of somebody else's things."""
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


async def send(reader: Reader, query: str, variables: dict[str, Any]) -> tuple[int, str, Any]:
    """Send an operation, however its variables are spelled; status, text and JSON of the answer."""
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
    """Tell the fields of a type."""
    kind = core_schema(schema).type_map[name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInputObjectType)
    return dict(kind.fields)
