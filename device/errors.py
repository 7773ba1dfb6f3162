"""What can go wrong, told apart by what a device has to do about it."""

from collections.abc import Mapping, Sequence
from typing import Any


class DeviceError(Exception):
    """Anything this library raises on purpose."""


class Unreachable(DeviceError):
    """No answer that could be used: what was asked may have been done or not. Ask again, with the same ids."""


class Refused(DeviceError):
    """The server understood, and says no: asking again the same way does not help."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class SignedOut(DeviceError):
    """The session has ended: sign in again. What is stored and queued here stays."""


class RateLimited(DeviceError):
    """Too much in a minute: wait."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"The server asks to wait {retry_after:.0f} s.")
        self.retry_after = retry_after


class Unknown(DeviceError, LookupError):
    """There is no such highlight on this device."""


NOT_DECIDED = {"INTERNAL_SERVER_ERROR", "UNAVAILABLE", "IDEMPOTENCY_IN_PROGRESS"}
"""Codes of a server in trouble: what was asked may have been done."""


def meaning(code: str, message: str, retry_after: float = 5.0) -> DeviceError:
    """Translate an error of the server."""
    if code == "UNAUTHENTICATED":
        return SignedOut(message)
    if code == "RATE_LIMITED":
        return RateLimited(retry_after)
    if code in NOT_DECIDED:
        return Unreachable(f"{code}: {message}")
    return Refused(code, message)


def raise_user_errors(errors: Sequence[Mapping[str, Any]]) -> None:
    """Raise the first refusal of a payload, if there is one."""
    for error in errors:
        raise meaning(str(error["code"]), str(error["message"]))
