"""The rate limit, as a client may ask for it."""

from datetime import datetime
from typing import Self

import strawberry

from clients.limits import Allowance
from runtime.context import Meter


@strawberry.type(description="What this request costs, and what is left of your minute.")
class RateLimit:
    """The viewer's allowance."""

    cost: int = strawberry.field(description="What this request costs.")
    limit: int = strawberry.field(description="What a minute holds.")
    remaining: int = strawberry.field(description="What is left of it.")
    reset_at: datetime = strawberry.field(description="When it will be full again if nothing more is asked.")

    @classmethod
    def from_allowance(cls, meter: Meter, allowance: Allowance) -> Self:
        """Present an allowance."""
        return cls(cost=meter.cost, limit=allowance.limit, remaining=allowance.remaining, reset_at=allowance.reset_at)
