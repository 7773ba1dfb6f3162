"""How operations are executed."""

import warnings
from typing import Any

from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

ABANDONED = r"coroutine '(GraphQLCoreConverter\.from_resolver|Executor)\."
"""What Python says of a field that graphql-core had called but not begun to await when its operation was cancelled."""


def expect_cancelled_operations() -> None:
    """Say nothing of fields that were never awaited: a socket that goes away cancels its operations at any point, and that is no fault."""
    warnings.filterwarnings("ignore", ABANDONED, RuntimeWarning)


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, without what would grow with each event of a subscription.

    graphql-core 3.3.2 remembers the fields below each field by the identity of a list that every event makes anew, in a table
    that all events of the subscription share: about 8 kB an event, for as long as the socket is open.
    """

    def build_per_event_executor(self, payload: Any) -> Any:
        """Execute for one event, remembering nothing of the others."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}  # noqa: SLF001 - there is no public way
        return executor
