"""The rate limit."""

import strawberry

from runtime.context import Info
from schema.rate import RateLimit


@strawberry.type
class RateQuery:
    """What is left of the viewer's minute."""

    @strawberry.field
    def rate_limit(self, info: Info) -> RateLimit:
        """What this request costs, and what is left."""
        meter = info.context.meter
        if meter.allowance is None:
            raise RuntimeError("an operation is charged before it runs")
        return RateLimit.from_allowance(meter, meter.allowance)
