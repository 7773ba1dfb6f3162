"""KOReader's sync protocol, as it stands on the wire: what bodies must hold, and how a refusal is told.

Field names, statuses and codes are those of the reference server; `docs/koreader.md` says where we are more patient.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from core.text import is_storable
from models import Document
from services.koreader import Metadata, Push, is_digest
from services.positions import PROGRESS_LENGTH

BODY_BYTES = 64 << 10
NAME_LENGTH, METADATA_LENGTH = 200, 500
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in the protocol's own words."""

    status: int
    code: int
    message: str
    retry_after: int | None = None


class Refused(Exception):
    """A request that is refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


NO_JSON = Refusal(400, 103, "Could not parse JSON in body.")
NO_OBJECT = Refusal(400, 104, "Body should be a JSON object.")
NO_DATABASE = Refusal(502, 1000, "Cannot connect to the database.")
TOO_MANY = Refusal(429, 2000, "Too many attempts. Try again later.", retry_after=900)
TOO_LONG = Refusal(413, 2003, "Invalid request: the body is too long.")
UNAUTHORIZED = Refusal(401, 2001, "Unauthorized")
TAKEN = Refusal(402, 2002, "Username is already registered.")
INVALID = Refusal(403, 2003, "Invalid request")
NO_DOCUMENT = Refusal(403, 2004, "Field 'document' not provided.")
CLOSED = Refusal(402, 2005, "User registration is disabled: make an account in the app first.")
NO_ROUTE = Refusal(404, 2003, "There is no such path in this protocol.")


def answer(status: int, body: dict[str, Any]) -> web.Response:
    """Write an answer; every one is JSON."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def refused(refusal: Refusal) -> web.Response:
    """Write a refusal."""
    response = answer(refusal.status, {"code": refusal.code, "message": refusal.message})
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


async def read_object(request: web.Request) -> dict[str, Any]:
    """Read a body, whatever it calls itself; raise Refused for what is no JSON object."""
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > BODY_BYTES:
            raise Refused(TOO_LONG)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Refused(NO_JSON) from None
    if not isinstance(body, dict):
        raise Refused(NO_OBJECT)
    return body


def read_account(body: dict[str, Any]) -> tuple[str, str]:
    """Read the name and the key of a registration."""
    username, key = body.get("username"), body.get("password")
    if not isinstance(username, str) or not isinstance(key, str):
        raise Refused(INVALID)
    if not username or not key or ":" in username or not is_storable(username + key):
        raise Refused(INVALID)
    return username, key


def read_push(body: dict[str, Any]) -> Push:
    """Read where a device is; unknown fields, a time among them, are left alone."""
    document = body.get("document")
    if not isinstance(document, str) or not is_digest(document):
        raise Refused(NO_DOCUMENT)
    return Push(
        digest=document,
        percentage=_number(body.get("percentage")),
        progress=_text(body.get("progress"), PROGRESS_LENGTH),
        device=_text(body.get("device"), NAME_LENGTH),
        device_key=_text(body["device_id"], NAME_LENGTH) if body.get("device_id") is not None else None,
        metadata=_metadata(body.get("metadata")),
    )


def progress_of(row: Document) -> dict[str, Any]:
    """Spell what was pushed last; what never came is left out."""
    if row.pushed_at is None:
        return {}
    told = {
        "document": row.digest,
        "percentage": row.percentage,
        "progress": row.progress,
        "device": row.device,
        "timestamp": int(row.pushed_at.timestamp()),
    }
    return told | ({"device_id": row.device_key} if row.device_key is not None else {})


def _number(value: Any) -> float:
    if isinstance(value, str) and len(value) <= NAME_LENGTH and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(INVALID)
    return float(value)


def _text(value: Any, longest: int) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)  # a page number, which the reference server turns into a text as well
    if not isinstance(value, str) or len(value) > longest or not is_storable(value):
        raise Refused(INVALID)
    return value


def _metadata(value: Any) -> Metadata | None:
    """Read what helps its owner to recognise a file; whatever is wrong with it is no reason to refuse a place."""
    if not isinstance(value, dict):
        return None
    return Metadata(*(_words(value.get(name)) for name in ("filename", "title", "authors")))


def _words(value: Any) -> str | None:
    if isinstance(value, list):
        value = ", ".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str) or not is_storable(value):
        return None
    return value.strip()[:METADATA_LENGTH] or None
