"""A circuit breaker: after repeated failures an outside system is left alone for a while, then tried once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeVar

import structlog

from core import metrics

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


_FIGURES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class CircuitOpenError(Exception):
    """The call was not made: the system has failed too often, or has too many calls to answer already."""


class Breaker:
    """Guards the calls to one system: a hard timeout, so many at once, and silence after so many failures in a row.

    While open, one trial is let through each `retry_after` seconds; its success closes the circuit.
    """

    def __init__(
        self,
        name: str,
        *,
        timeout: float,
        failures: int = 5,
        retry_after: float = 2.0,
        at_once: int = 64,
        lost: tuple[type[BaseException], ...] = (OSError, TimeoutError),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._most = failures
        self._retry_after = retry_after
        self._at_once = at_once
        self._lost = lost
        self._clock = clock
        self._failed = 0
        self._running = 0
        self._opened_at = 0.0
        self._told: BreakerState | None = None
        self.state = BreakerState.CLOSED

    async def call(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make a call; raise CircuitOpenError instead while the circuit is open, TimeoutError when it takes too long."""
        with self.watched():
            async with asyncio.timeout(self._timeout):
                return await work()

    @contextmanager
    def watched(self) -> Iterator[bool]:
        """Judge the system by how a block ends that has a timeout of its own; tell it whether it is the trial.

        Raise CircuitOpenError instead of beginning it.
        """
        is_trial = self._admit()
        self._running += 1
        try:
            yield is_trial
        except self._lost:
            self._failed_once(is_trial=is_trial)
            raise
        except BaseException:
            # Cancelled or refused: this tells nothing about the system, but the trial is over.
            if is_trial:
                self._become(BreakerState.OPEN)
            raise
        else:
            self._succeeded(is_trial=is_trial)
        finally:
            self._running -= 1

    def _admit(self) -> bool:
        """Let a call through, as the trial or not."""
        if self._running >= self._at_once:
            raise CircuitOpenError(f"Circuit breaker {self.name} has all its calls under way")
        if self.state is BreakerState.CLOSED:
            self._become(BreakerState.CLOSED)
            return False
        if self.state is BreakerState.OPEN and self._clock() - self._opened_at >= self._retry_after:
            self._become(BreakerState.HALF_OPEN)
            log.info("circuit_halfopen", service=self.name)
            return True
        raise CircuitOpenError(f"Circuit breaker {self.name} is OPEN")

    # While the circuit is not closed, what calls that began before it opened come to say is old: the trial alone counts.

    def _succeeded(self, *, is_trial: bool) -> None:
        if is_trial:
            log.info("circuit_closed", service=self.name)
            self._become(BreakerState.CLOSED)
        if self.state is BreakerState.CLOSED:
            self._failed = 0

    def _failed_once(self, *, is_trial: bool) -> None:
        self._failed += 1
        if is_trial or (self.state is BreakerState.CLOSED and self._failed >= self._most):
            if not is_trial:
                log.error("circuit_open", service=self.name)
            # Failed trials, too: the state alone does not tell a system that is away from one that nobody calls any more.
            metrics.circuit_opened(self.name)
            self._become(BreakerState.OPEN)
            self._opened_at = self._clock()

    def _become(self, state: BreakerState) -> None:
        self.state = state
        if self._told is not state:
            self._told = state
            metrics.circuit_state(self.name, _FIGURES[state])
