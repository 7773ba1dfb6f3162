"""Ask again when a busy machine says so."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ServerDisconnectedError

from tests.support.api import GraphQLFailed

LONGEST = 4.0


async def at_last(change: Callable[[], Awaitable[Any]]) -> Any:
    """Do what may be done twice, again when a busy machine has kept it waiting for a connection too long; no other failure is excused.

    Pauses grow and differ, as those of a good client: a hundred that ask again at once keep each other out.
    """
    pause = 0.2
    while True:
        try:
            answer = await change()
        except ServerDisconnectedError:
            pass
        except GraphQLFailed as failed:
            assert [error["extensions"]["code"] for error in failed.args[0]] == ["UNAVAILABLE"]  # noqa: PT017
        else:
            if [error["code"] for error in answer["userErrors"]] != ["UNAVAILABLE"]:
                return answer
        await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311
        pause = min(2 * pause, LONGEST)
