"""What inputs share."""

from typing import TypeVar

import strawberry

from core.unset import UNSET, UnsetType

Value = TypeVar("Value")


def given(value: Value) -> Value | UnsetType:
    """Pass an input field on, with our own sign for one that was left out."""
    return UNSET if value is strawberry.UNSET else value
