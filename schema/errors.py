"""How refusals reach clients: as user errors in payloads, or as coded top-level errors. The one translation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from core import metrics
from core.errors import AppError, ErrorCode, Problem
from schema.enums import described

log = structlog.get_logger(__name__)

TOO_DEEP = "This document is nested too deeply."
CODES = {
    ErrorCode.INVALID: "BAD_USER_INPUT",
    ErrorCode.UNAUTHENTICATED: "UNAUTHENTICATED",
    ErrorCode.FORBIDDEN: "FORBIDDEN",
}
"""Apollo's names for what both have; the others keep ours."""

described(
    ErrorCode,
    "What kind of refusal it is: what a client can branch on.",
    {
        "INVALID": "The input breaks a rule; the message says which.",
        "NOT_FOUND": "There is no such thing, or it is not for you to see.",
        "FORBIDDEN": "You may see it, but not do this.",
        "CONFLICT": "The present state does not allow it.",
        "ALREADY_EXISTS": "Something that must be unique is taken.",
        "UNAUTHENTICATED": "Nobody is signed in, or the credentials are wrong.",
        "RATE_LIMITED": "Too many attempts; wait.",
        "LIMIT_EXCEEDED": "A stated maximum is reached.",
        "STALE_VERSION": "It has changed since you read it; read again.",
        "IDEMPOTENCY_MISMATCH": "This key was used for another input.",
        "IDEMPOTENCY_IN_PROGRESS": "The first request with this key is still running.",
        "GONE": "It was there once, and is gone for good.",
        "UNAVAILABLE": "A part of the server does not answer; try again.",
    },
)


@strawberry.type(description="A refusal that the caller can act on.")
class UserError:
    """One problem with an input."""

    field: list[str] | None = strawberry.field(description='The path into the input, such as ["input", "text"].')
    message: str = strawberry.field(description="What is wrong, for a person.")
    code: ErrorCode = strawberry.field(description="What is wrong, for a program.")

    @classmethod
    def from_problem(cls, problem: Problem, *path: str) -> "UserError":
        """Present a problem found below a path of the input."""
        field = [*path, *problem.field] if problem.field else None
        return cls(field=field, message=problem.message, code=problem.code)


class Failed:
    """What a block was refused for, if it was."""

    def __init__(self) -> None:
        self.errors: list[UserError] = []


@contextmanager
def user_errors(*path: str) -> Iterator[Failed]:
    """Keep a refusal as user errors with fields below `input`; the transaction inside has rolled back. Faults go up."""
    failed = Failed()
    try:
        yield failed
    except AppError as error:
        failed.errors = [UserError.from_problem(problem, *(path or ("input",))) for problem in error.problems]


def coded(error: GraphQLError) -> GraphQLError:
    """Give a top-level error its code, and count it; hide what nobody outside should read, and log it."""
    answered = _coded(error)
    metrics.error_answered(str((answered.extensions or {})["code"]))
    return answered


def _coded(error: GraphQLError) -> GraphQLError:
    original = _original(error)
    extensions: dict[str, Any] = dict(error.extensions or {})
    if isinstance(original, AppError):
        problem = original.problems[0]
        return _remade(error, problem.message, {**extensions, "code": CODES.get(problem.code, problem.code.value)})
    if isinstance(original, CannotGetOperationTypeError):
        return _remade(error, original.as_http_error_reason(), {"code": "OPERATION_RESOLUTION_FAILURE"})
    if original is None or isinstance(original, GraphQLError):
        return _remade(error, error.message, {"code": _code_of(error), **extensions})
    log.error("unhandled_error", path=error.path, exc_info=original)
    return _remade(error, "Something went wrong on our side.", {"code": "INTERNAL_SERVER_ERROR"})


def _original(error: GraphQLError) -> BaseException | None:
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    return original


def _code_of(error: GraphQLError) -> str:
    if type(error).__name__ == "GraphQLSyntaxError":
        return "GRAPHQL_PARSE_FAILED"
    if error.message.startswith("Variable "):
        return "BAD_USER_INPUT"
    return "GRAPHQL_VALIDATION_FAILED" if error.path is None else "BAD_USER_INPUT"


def _remade(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


class CodedErrors(MaskErrors):
    """Pass every error of every answer and event through `coded`."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda _: True)

    def on_operation(self) -> Iterator[None]:
        """Code the errors of the answer, and of an operation that was not even begun: its document could not be read."""
        try:
            yield from super().on_operation()
        except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError):
            raise  # told by the view
        except RecursionError:
            raise GraphQLError(TOO_DEEP, extensions={"code": "GRAPHQL_PARSE_FAILED"}) from None
        except GraphQLError as error:
            raise coded(error) from error
        except Exception as error:
            raise coded(GraphQLError("", original_error=error)) from error

    def _process_errors(self, errors: Sequence[GraphQLError]) -> list[GraphQLError]:
        return [coded(error) for error in errors]
