"""Tokens that say what they are for until when, signed so that nobody but this server can write one.

They are not secret: whoever holds one can read what is in it, so that nothing private belongs there.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import orjson

from core import clock

_MOST = 2_000


class Expired(Exception):
    """A token that was good once."""


class Signer:
    """Write and read tokens with one secret."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"commonplace tokens\0" + secret.encode()).digest()

    def sign(self, kind: str, until: datetime, *parts: Any) -> str:
        """Spell a token; the parts are what orjson can write."""
        body = _encode(orjson.dumps([kind, until.timestamp(), *parts]))
        return f"{body}.{self._mac(body)}"

    def read(self, kind: str, token: str, length: int) -> list[Any] | None:
        """Read the parts of a token of this kind and length; None for anything else; raise Expired."""
        body, _, mac = token.partition(".")
        if len(token) > _MOST or not token.isascii() or not hmac.compare_digest(mac, self._mac(body)):
            return None
        parts = _decode(body)
        if not isinstance(parts, list) or len(parts) != length + 2 or parts[0] != kind:
            return None
        if datetime.fromtimestamp(parts[1], UTC) <= clock.now():
            raise Expired
        return parts[2:]

    def _mac(self, body: str) -> str:
        return _encode(hmac.digest(self._key, body.encode(), "sha256"))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(body: str) -> Any:
    try:
        return orjson.loads(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
