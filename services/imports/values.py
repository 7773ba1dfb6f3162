"""Values of records that anybody may have written: what they are worth, None where they are worth nothing."""

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from models.highlights import HighlightColor
from services.imports.clippings_dates import parse_local, to_utc

_SURROGATES = re.compile("[\ud800-\udfff]")
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_OUR_COLORS: Mapping[str, HighlightColor] = {
    **{color.lower(): color for color in HighlightColor},
    "red": HighlightColor.PINK,
    "purple": HighlightColor.PINK,
    "olive": HighlightColor.GREEN,
    "cyan": HighlightColor.BLUE,
}


def clean(text: str) -> str:
    """Make a text storable: without NUL, byte order marks and halves of surrogate pairs."""
    return _SURROGATES.sub("\ufffd", text.replace("\ufeff", "").replace("\x00", ""))


def as_text(value: Any) -> str:
    """Take a text, or a number as text; anything else is empty."""
    if isinstance(value, str):
        return clean(value)
    number = as_number(value)
    if number is None:
        return ""
    return str(int(number)) if number == int(number) else str(number)


def as_line(value: Any) -> str:
    """Take a text of one line, such as a title."""
    return " ".join(as_text(value).split())


def as_number(value: Any) -> float | None:
    """Take a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) < 1e15 else None  # noqa: PLR2004 - beyond it a float is no number to count with


def from_unix(value: Any) -> datetime | None:
    """Take seconds since 1970."""
    number = as_number(value)
    return (
        _believable(datetime.fromtimestamp(number, UTC))
        if number is not None and 0 < number < _LATEST.timestamp()
        else None
    )


def as_moment(value: Any, zone: ZoneInfo | None = None) -> datetime | None:
    """Take a time as ISO 8601 writes it, or in words; one without a zone is in the reader's."""
    if not isinstance(value, str):
        return None
    local: datetime | None
    try:
        local = datetime.fromisoformat(value.strip())
    except ValueError:
        local = parse_local(value)
    if local is None:
        return None
    try:
        return _believable(to_utc(local, zone or ZoneInfo("UTC")) if local.tzinfo is None else local.astimezone(UTC))
    except OverflowError:
        return None


def _believable(moment: datetime) -> datetime | None:
    # What has no time, programs often date to the beginning of 1970.
    return moment if 0 < moment.timestamp() < _LATEST.timestamp() else None


def as_color(value: Any) -> str | None:
    """Take a colour's name, as the nearest of ours."""
    return _OUR_COLORS.get(value.strip().casefold()) if isinstance(value, str) else None


def key_of(*parts: str | int | None) -> str:
    """Return an identity: 32 hexadecimal digits of a SHA-256."""
    told = "\x1f".join("\x1e" if part is None else str(part) for part in parts)
    return hashlib.sha256(told.encode()).hexdigest()[:32]
