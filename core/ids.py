"""Identifiers: UUIDv7 inside, Relay global ids outside.

A global id is base64("Type:uuid") in its canonical spelling; any other spelling is malformed, so that one thing has one id.
"""

import base64
import binascii
import os
import re
import time
from uuid import UUID

from core.errors import Invalid

_GLOBAL_ID = re.compile(r"([A-Za-z]{1,40}):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def uuid7() -> UUID:
    """Make a time-ordered id: RFC 9562 version 7, with the sub-millisecond fraction in rand_a (its method 3)."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | random)


def global_id(kind: str, key: UUID) -> str:
    """Spell the public id of a thing."""
    return base64.b64encode(f"{kind}:{key}".encode()).decode()


def read_global_id(value: str) -> tuple[str, UUID]:
    """Read (type, key) out of a public id; raise Invalid when it is not one."""
    try:
        found = _GLOBAL_ID.fullmatch(base64.b64decode(value, validate=True).decode())
    except (binascii.Error, ValueError):
        found = None
    if found is None or global_id(found[1], UUID(found[2])) != value:
        raise Invalid("This is not an id that this server gave out.")
    return found[1], UUID(found[2])


def read_id(value: str, kind: str, *field: str) -> UUID:
    """Read the key of a public id of one type; raise Invalid for a malformed one or another type's."""
    try:
        found, key = read_global_id(value)
    except Invalid as error:
        raise error.under(*field) if field else error from None
    if found != kind:
        raise Invalid(f"This is the id of a {found}; a {kind} is needed here.", *field)
    return key
