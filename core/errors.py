"""Errors that a caller can act on.

AppError
├── Invalid              the input breaks a rule
├── NotFound             absent, or not to be seen: the two cannot be told apart
├── Forbidden            seen, but not to be touched
├── Conflict             the state does not allow it
├── AlreadyExists        a unique thing is taken
├── Unauthenticated      nobody is signed in, or the credentials are wrong
├── RateLimited          too many attempts
├── LimitExceeded        a stated maximum is reached
├── StaleVersion         the thing has changed since it was read
├── IdempotencyMismatch  a key was used again with other input
├── IdempotencyInProgress  its twin is still running
├── Gone                 the thing that the key made is no more
└── Unavailable          a part of the server does not answer; try again
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Self


class ErrorCode(StrEnum):
    """What kind of refusal it is; clients branch on it."""

    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    CONFLICT = "CONFLICT"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    RATE_LIMITED = "RATE_LIMITED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    STALE_VERSION = "STALE_VERSION"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
    GONE = "GONE"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where in the input."""

    message: str
    code: ErrorCode
    field: tuple[str, ...] | None = None


class AppError(Exception):
    """An expected refusal: one or more problems, told to the caller as they stand."""

    code: ClassVar[ErrorCode] = ErrorCode.INVALID

    def __init__(self, message: str, *field: str) -> None:
        super().__init__(message)
        self.problems: tuple[Problem, ...] = (Problem(message, self.code, field or None),)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """Collect several problems into one refusal."""
        error = cls("; ".join(problem.message for problem in problems))
        error.problems = tuple(problems)
        return error

    def under(self, *path: str) -> Self:
        """Put the problems' fields below a path of the input."""
        self.problems = tuple(replace(p, field=(*path, *(p.field or ()))) for p in self.problems)
        return self


class Invalid(AppError):
    """The input breaks a rule."""

    code = ErrorCode.INVALID


class NotFound(AppError):
    """Absent, or not to be seen."""

    code = ErrorCode.NOT_FOUND


class Forbidden(AppError):
    """Seen, but not to be touched."""

    code = ErrorCode.FORBIDDEN


class Conflict(AppError):
    """The state does not allow it."""

    code = ErrorCode.CONFLICT


class AlreadyExists(AppError):
    """A unique thing is taken."""

    code = ErrorCode.ALREADY_EXISTS


class Unauthenticated(AppError):
    """Nobody is signed in, or the credentials are wrong."""

    code = ErrorCode.UNAUTHENTICATED


class RateLimited(AppError):
    """Too many attempts."""

    code = ErrorCode.RATE_LIMITED


class LimitExceeded(AppError):
    """A stated maximum is reached."""

    code = ErrorCode.LIMIT_EXCEEDED


class StaleVersion(AppError):
    """The thing has changed since it was read."""

    code = ErrorCode.STALE_VERSION


class IdempotencyMismatch(AppError):
    """A key was used again with other input."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH


class IdempotencyInProgress(AppError):
    """The first request with this key is still running."""

    code = ErrorCode.IDEMPOTENCY_IN_PROGRESS


class Gone(AppError):
    """The thing that the key made is no more."""

    code = ErrorCode.GONE


class Unavailable(AppError):
    """A part of the server does not answer."""

    code = ErrorCode.UNAVAILABLE


class Problems:
    """Collect every problem of an input before refusing it once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(self, message: str, *field: str, code: ErrorCode = ErrorCode.INVALID) -> None:
        """Note one problem."""
        self._problems.append(Problem(message, code, field or None))

    def check(self, holds: object, message: str, *field: str) -> None:
        """Note a problem unless the condition holds."""
        if not holds:
            self.add(message, *field)

    @property
    def noted(self) -> tuple[Problem, ...]:
        """All that was noted."""
        return tuple(self._problems)

    def raise_any(self) -> None:
        """Raise Invalid with all that was noted, if anything was."""
        if self._problems:
            raise Invalid.of(self._problems)
