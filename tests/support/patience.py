"""Ask again when a busy machine says so."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.api import GraphQLFailed


async def at_last(change: Callable[[], Awaitable[Any]]) -> Any:
    """Do what may be done twice, again when a busy machine has kept it waiting for a connection too long; no other failure is excused."""
    while True:
        try:
            answer = await change()
        except GraphQLFailed as failed:
            assert [error["extensions"]["code"] for error in failed.args[0]] == ["UNAVAILABLE"]  # noqa: PT017
        else:
            if [error["code"] for error in answer["userErrors"]] != ["UNAVAILABLE"]:
                return answer
        await asyncio.sleep(0.1)
