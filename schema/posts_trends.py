"""Trends."""

from typing import Annotated

import strawberry

from models.posts import TrendWindow
from schema.enums import described

described(
    TrendWindow,
    "Over how long trends are counted; what happened lately counts most.",
    {"HOUR": "The last hour.", "DAY": "The last day.", "WEEK": "The last seven days."},
)

First = Annotated[int | None, strawberry.argument(description="How many at most: 1 to 100; 10 unless told.")]
Window = Annotated[TrendWindow | None, strawberry.argument(description="Over how long.")]
