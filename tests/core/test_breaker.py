"""The circuit breaker: silence after repeated failures, one trial after a while."""

import asyncio

import pytest

from core import metrics
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
    with pytest.raises(CircuitOpenError, match=r"^Circuit breaker test is OPEN$"):
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


async def test_what_began_before_it_opened_neither_closes_it_nor_makes_room_for_a_second_trial() -> None:
    clock, gate = Clock(), asyncio.Event()
    guard = breaker(clock)

    async def waits() -> str:
        await gate.wait()
        return "late"

    early = [asyncio.create_task(guard.call(waits)) for _ in range(2)]
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await guard.call(fails)
    clock.now = 10.0
    hold = asyncio.Event()
    trial = asyncio.create_task(guard.call(hold.wait))
    await asyncio.sleep(0)
    early[0].cancel()
    gate.set()
    await asyncio.gather(*early, return_exceptions=True)
    assert guard.state is BreakerState.HALF_OPEN
    with pytest.raises(CircuitOpenError):
        await guard.call(works)
    hold.set()
    await trial
    assert await guard.call(works) == "well"


async def test_a_cancelled_trial_makes_room_for_the_next() -> None:
    clock = Clock()
    guard = breaker(clock)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await guard.call(fails)
    clock.now = 10.0
    trial = asyncio.create_task(guard.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    assert await guard.call(works) == "well"


async def test_more_than_so_many_at_once_are_not_begun() -> None:
    guard = Breaker("test", timeout=5, at_once=2)
    gate = asyncio.Event()
    running = [asyncio.create_task(guard.call(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpenError):
        await guard.call(works)
    gate.set()
    await asyncio.gather(*running)
    assert await guard.call(works) == "well"


async def test_watchers_read_its_state() -> None:
    clock = Clock()
    guard = Breaker("test-watched", timeout=1, failures=1, retry_after=10.0, clock=clock)

    def printed() -> tuple[bytes, bytes]:
        lines = metrics.render(None).splitlines()
        wanted = [line for line in lines if b'circuit_name="test-watched"' in line and b"_created" not in line]
        state, opened = (
            next((line.rpartition(b" ")[2] for line in wanted if line.startswith(name)), b"")
            for name in (b"circuit_breaker_state", b"circuit_breaker_opened_total")
        )
        return state, opened

    await guard.call(works)
    assert printed() == (b"0.0", b"")
    with pytest.raises(ConnectionError):
        await guard.call(fails)
    assert printed() == (b"2.0", b"1.0")
    clock.now = 10.0
    with pytest.raises(ConnectionError):
        await guard.call(fails)
    assert printed() == (b"2.0", b"2.0")
    clock.now = 20.0
    hold = asyncio.Event()
    trial = asyncio.create_task(guard.call(hold.wait))
    await asyncio.sleep(0)
    assert printed() == (b"1.0", b"2.0")
    hold.set()
    await trial
    assert printed() == (b"0.0", b"2.0")
