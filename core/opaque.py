"""Opaque strings that clients hand back: cursors and versions.

They are base64url of orjson lists that begin with their kind, so that one kind is never taken for another.
They are not secret and not signed: whoever forges one only changes where their own reading begins.
"""

import base64
import binascii
from typing import Any

import orjson

_MOST = 5_000  # a title of 500 control characters, in the cursor of a list by title, takes 4,080


def pack(kind: str, *parts: Any) -> str:
    """Spell an opaque string; the parts are what orjson can write."""
    return base64.urlsafe_b64encode(orjson.dumps([kind, *parts])).rstrip(b"=").decode()


def unpack(kind: str, text: str, length: int) -> list[Any] | None:
    """Read the parts of an opaque string of this kind and length; None for anything else."""
    if len(text) > _MOST:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = orjson.loads(raw)
    except (binascii.Error, ValueError):
        return None
    if not isinstance(parts, list) or len(parts) != length + 1 or parts[0] != kind:
        return None
    return parts[1:]
