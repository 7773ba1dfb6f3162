"""Scalars of our own: times in one spelling, and uuids."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def _write_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _read_moment(value: Any) -> datetime:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise GraphQLError("DateTime is RFC 3339 with an offset, such as 2026-01-31T18:30:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise GraphQLError("DateTime is not a day and time that exists") from None


def _read_uuid(value: Any) -> UUID:
    try:
        found = UUID(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or str(found) != value.lower():
        raise GraphQLError("UUID is 32 hexadecimal digits in five groups")
    return found


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, RFC 3339 in UTC with microseconds; offsets are accepted in input.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_write_moment,
        parse_value=_read_moment,
    ),
    UUID: strawberry.scalar(
        name="UUID",
        description="A universally unique identifier in its usual spelling.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=str,
        parse_value=_read_uuid,
    ),
}
