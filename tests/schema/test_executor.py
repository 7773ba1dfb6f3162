"""What is left of an operation that is cancelled."""

import asyncio
import gc
import warnings

import strawberry

from schema.executor import Executor, expect_cancelled_operations


@strawberry.type
class Thing:
    """A thing of things."""

    @strawberry.field
    async def name(self) -> str:
        await asyncio.sleep(0)
        return "thing"

    @strawberry.field
    async def parts(self) -> list["Thing"]:
        await asyncio.sleep(0)
        return [Thing(), Thing()]


@strawberry.type
class Query:
    """Some things."""

    @strawberry.field
    async def things(self) -> list[Thing]:
        await asyncio.sleep(0)
        return [Thing(), Thing()]


SCHEMA = strawberry.Schema(Query, execution_context_class=Executor)


async def cancelled_everywhere() -> None:
    for turns in range(40):
        task = asyncio.create_task(SCHEMA.execute("{ things { name parts { name parts { name } } } }"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    del task
    gc.collect()


async def test_an_operation_that_is_cancelled_anywhere_warns_of_nothing() -> None:
    with warnings.catch_warnings(record=True) as unexpected:
        warnings.simplefilter("always")
        await cancelled_everywhere()
    assert unexpected, "graphql-core begins what it calls: the filter is needed no longer"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        expect_cancelled_operations()
        await cancelled_everywhere()
    assert [str(one.message) for one in told] == []
