"""A circuit breaker: after repeated failures an outside system is left alone for a while, then tried once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

import structlog

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitOpenError(Exception):
    """The call was not made: the system has failed too often."""


class Breaker:
    """Guards the calls to one system: a hard timeout, and silence after so many failures in a row.

    While open, one trial call is let through each `retry_after` seconds; its success closes the circuit.
    """

    def __init__(
        self,
        name: str,
        *,
        timeout: float,
        failures: int = 5,
        retry_after: float = 2.0,
        lost: tuple[type[BaseException], ...] = (OSError, TimeoutError),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._most = failures
        self._retry_after = retry_after
        self._lost = lost
        self._clock = clock
        self._failed = 0
        self._opened_at = 0.0
        self.state = BreakerState.CLOSED

    async def call(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make a call; raise CircuitOpenError instead while the circuit is open, TimeoutError when it takes too long."""
        self._admit()
        try:
            async with asyncio.timeout(self._timeout):
                answer = await work()
        except self._lost:
            self._count_failure()
            raise
        except BaseException:
            # Cancelled or refused: this tells nothing about the system, but the trial is over.
            if self.state is BreakerState.HALF_OPEN:
                self.state = BreakerState.OPEN
            raise
        self._failed = 0
        if self.state is not BreakerState.CLOSED:
            log.info("circuit_closed", service=self.name)
        self.state = BreakerState.CLOSED
        return answer

    def _admit(self) -> None:
        if self.state is BreakerState.CLOSED:
            return
        if self.state is BreakerState.OPEN and self._clock() - self._opened_at >= self._retry_after:
            self.state = BreakerState.HALF_OPEN
            log.info("circuit_halfopen", service=self.name)
            return
        raise CircuitOpenError(self.name)

    def _count_failure(self) -> None:
        self._failed += 1
        if self.state is BreakerState.HALF_OPEN or self._failed >= self._most:
            if self.state is BreakerState.CLOSED:
                log.warning("circuit_open", service=self.name)
            self.state = BreakerState.OPEN
            self._opened_at = self._clock()
