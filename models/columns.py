"""Column shapes that many tables share."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

from sqlalchemy import DateTime, Enum, ForeignKey, func
from sqlalchemy.orm import MappedColumn, mapped_column

Key = Annotated[UUID, mapped_column(primary_key=True)]
"""An id of our own making: UUIDv7."""
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]

Word = TypeVar("Word", bound=StrEnum)


def stamped() -> MappedColumn[datetime]:
    """Make a column that the database fills with the time of the transaction."""
    return mapped_column(DateTime(timezone=True), server_default=func.now())


def moment() -> MappedColumn[datetime | None]:
    """Make a nullable point in time."""
    return mapped_column(DateTime(timezone=True))


def word(kind: type[Word], default: Word | None = None, *, primary_key: bool = False) -> MappedColumn[Word]:
    """Make a column of one enumeration: text with a check, so that adding a word is a cheap migration."""
    column = Enum(kind, native_enum=False, create_constraint=True, length=20, name=kind.__name__.lower())
    return mapped_column(column, server_default=default.value if default else None, primary_key=primary_key)


def owner(*, index: bool = False) -> MappedColumn[UUID]:
    """Refer to the user whose row this is; the row goes with the account."""
    return mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=index)


def member(*, index: bool = False) -> MappedColumn[UUID]:
    """Refer to a user as half of a pair that is its own primary key; the pair goes with either account."""
    return mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=index)
