"""The circuit breaker: silence after repeated failures, one trial after a while."""

import asyncio

import pytest

from core.breaker import Breaker, BreakerState, CircuitOpenError


class Clock:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def fails() -> None:
    raise ConnectionError


async def works() -> str:
    return "well"


async def refuses() -> None:
    raise ValueError("no")


def breaker(clock: Clock, **more: float) -> Breaker:
    return Breaker("test", timeout=more.get("timeout", 1.0), failures=2, retry_after=10.0, clock=clock)


async def test_it_opens_after_failures_in_a_row_and_then_calls_nobody() -> None:
    guard = breaker(Clock())
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await guard.call(fails)
    assert guard.state is BreakerState.OPEN
    with pytest.raises(CircuitOpenError):
        await guard.call(works)


async def test_a_success_between_failures_begins_the_count_anew() -> None:
    guard = breaker(Clock())
    for _ in range(3):
        with pytest.raises(ConnectionError):
            await guard.call(fails)
        assert await guard.call(works) == "well"
    assert guard.state is BreakerState.CLOSED


async def test_one_trial_closes_it_or_opens_it_again() -> None:
    clock = Clock()
    guard = breaker(clock)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await guard.call(fails)
    clock.now = 10.0
    with pytest.raises(ConnectionError):
        await guard.call(fails)
    with pytest.raises(CircuitOpenError):
        await guard.call(works)
    clock.now = 20.0
    assert await guard.call(works) == "well"
    assert await guard.call(works) == "well"


async def test_only_one_call_is_the_trial() -> None:
    clock = Clock()
    guard = breaker(clock)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await guard.call(fails)
    clock.now = 10.0
    gate = asyncio.Event()

    async def waits() -> str:
        await gate.wait()
        return "well"

    trial = asyncio.create_task(guard.call(waits))
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpenError):
        await guard.call(works)
    gate.set()
    assert await trial == "well"


async def test_a_call_that_takes_too_long_is_a_failure_and_a_refusal_is_none() -> None:
    guard = breaker(Clock(), timeout=0.01)
    with pytest.raises(ValueError, match="no"):
        await guard.call(refuses)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await guard.call(lambda: asyncio.sleep(5))
    assert guard.state is BreakerState.OPEN
