"""GraphQL over HTTP: reading requests strictly, refusing them as JSON, choosing the answer's media type.

Follows the GraphQL over HTTP draft as its audit suite tests it: with `application/graphql-response+json` a request that is not executed is
answered 400; with plain `application/json`, for older clients, 200 where it got as far as GraphQL.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from cross_web import HTTPException

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"


class RequestRefused(HTTPException):
    """A request that never becomes an operation."""

    def __init__(
        self, status: int, message: str, code: str = "BAD_REQUEST", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message)
        self.code = code
        self.headers = dict(headers or {})


def refusal(status: int, message: str, code: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer a request that never became an operation."""
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
    return web.Response(status=status, body=body, content_type=JSON, charset="utf-8", headers=headers)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A media type of an Accept header, and how much it is wanted."""

    media_type: str
    quality: float


def accepted(header: str) -> list[Accepted]:
    """Read an Accept header, most wanted first."""
    found = []
    for part in header.split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "q":
                quality = _number(value)
        if media_type and quality > 0:
            found.append(Accepted(media_type.lower(), quality))
    return sorted(found, key=lambda one: -one.quality)


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


def wants_graphql_response(header: str) -> bool:
    """Tell whether the newer media type is wanted at least as much as the older one."""
    quality = {one.media_type: one.quality for one in reversed(accepted(header))}
    return quality.get(GRAPHQL_RESPONSE, 0) > 0 and quality[GRAPHQL_RESPONSE] >= quality.get(JSON, 0)


def wants_events(header: str) -> bool:
    """Tell whether a stream of events is what is wanted first: urql lists it last, and wants JSON."""
    first = accepted(header)[:1]
    return bool(first) and first[0].media_type == "text/event-stream"


def loads(data: str | bytes) -> Any:
    """Read JSON; raise JSONDecodeError, a ValueError, for what is none.

    A lone surrogate is JSON that orjson does not take. It is let in, for the service to refuse where it stands: a device
    with one bad note must not be told that all of its offline work is unreadable.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        if b"\\ud" not in (data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")).lower():
            raise
        return json.loads(data, parse_constant=_no_number)


def _no_number(word: str) -> Any:
    raise json.JSONDecodeError("not a JSON number", word, 0)


def dumps(data: Any) -> bytes:
    """Write JSON; a lone surrogate that an error message repeats goes out as it came in, escaped."""
    try:
        return orjson.dumps(data)
    except orjson.JSONEncodeError:
        return json.dumps(data, separators=(",", ":")).encode()


def read_json(data: str | bytes) -> Any:
    """Read JSON; raise RequestRefused for what is none."""
    try:
        return loads(data)
    except (ValueError, RecursionError):
        raise RequestRefused(400, "The body is not JSON in UTF-8.") from None


def check_shape(data: Any) -> dict[str, Any]:
    """Check the members of a GraphQL request; raise RequestRefused."""
    if not isinstance(data, dict):
        raise RequestRefused(400, "A GraphQL request is a JSON object.")
    for name, kind, said in (
        ("query", str, "a string"),
        ("documentId", str, "a string"),
        ("operationName", str, "a string"),
        ("variables", dict, "an object"),
        ("extensions", dict, "an object"),
    ):
        if data.get(name) is not None and not isinstance(data[name], kind):
            raise RequestRefused(400, f"`{name}` must be {said} or null.")
    return data
