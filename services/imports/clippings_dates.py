"""Dates of clippings: written in words, in local time, without a zone."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.imports.clippings_languages import LANGUAGES

_TIME = re.compile(r"(?<!\d)(\d{1,2})[:.hH](\d{2})(?:(?:[:.]|min)(\d{2}))?(?!\d)")
_INTEGER = re.compile(r"(?<!\d)\d{1,4}(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")
# Chinese and Japanese name it before the hour, the others after it.
_HALF_OF_DAY_BEFORE = re.compile(r"([上下]午|午[前後])\s*$")
_HALF_OF_DAY = re.compile(r"\s*([^\W\d_]\.?\s*[^\W\d_]?)\.?(?![^\W\d_])")

# Devices write the label in one language and the date in another, so every month is understood everywhere.
_MONTHS = {name: number for language in LANGUAGES for number, name in enumerate(language.months, start=1)}
_MORNING = frozenset(mark for language in LANGUAGES for mark in language.morning)
_EVENING = frozenset(mark for language in LANGUAGES for mark in language.evening)

_NOON = 12
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_LONGEST = 200
_SHORT_YEAR = 2


def load_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name; ValueError with a sentence for the reader when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"There is no time zone named {name!r}.") from error


def looks_like_date(text: str) -> bool:
    """Tell whether the text has the three numbers every date of a device has, in any language."""
    return len(re.findall(r"\d+", text[:_LONGEST])) >= 3  # noqa: PLR2004


def parse_local(text: str) -> datetime | None:
    """Read a date as the device wrote it, without zone; None when it cannot be understood.

    Zone texts after the time are ignored: the oldest devices' offsets drift by hours and minutes. Two-digit years are
    in this century.
    """
    text = text[:_LONGEST]
    time = _TIME.search(text)
    if time is None:
        return None
    day = _day(text[: time.start()])
    hour = _hour(int(time[1]), text[: time.start()], text[time.end() :])
    if day is None or hour is None:
        return None
    try:
        return datetime(*day, hour, int(time[2]), int(time[3] or 0))  # noqa: DTZ001 - local by nature, see to_utc
    except ValueError:
        return None


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """Place a local time in its zone and return it in UTC.

    A time that the clocks show twice is the first of the two. A time that the clocks skip is read with the offset from
    before the change, which moves it behind the gap: 02:30 is half an hour after the clocks went from 02:00 to 03:00.
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _day(text: str) -> tuple[int, int, int] | None:
    numbers = _INTEGER.findall(text)
    months = [_MONTHS[word] for word in (word.casefold() for word in _WORD.findall(text)) if word in _MONTHS]
    if len(numbers) == 2 and months:  # noqa: PLR2004
        day, written_year = sorted(numbers, key=len) if len(numbers[0]) > _SHORT_YEAR else numbers
        month = months[0]
    elif len(numbers) == 3 and len(numbers[0]) > _SHORT_YEAR and not months:  # noqa: PLR2004
        written_year, month, day = numbers[0], int(numbers[1]), numbers[2]
    else:
        return None
    # 0001 is what a broken clock shows, and no short form of 2001.
    year = int(written_year) + (2000 if len(written_year) == _SHORT_YEAR else 0)
    return (year, month, int(day)) if _FIRST_YEAR <= year <= _LAST_YEAR else None


def _hour(hour: int, before: str, rest: str) -> int | None:
    mark = _HALF_OF_DAY_BEFORE.search(before) or _HALF_OF_DAY.match(rest)
    word = re.sub(r"[.\s]", "", mark[1]).casefold() if mark else ""
    if word in _EVENING and hour < _NOON:
        return hour + _NOON
    if word in _MORNING and hour == _NOON:
        return 0
    return hour
