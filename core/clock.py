"""The one place that asks for the time, so that tests can move it."""

from datetime import UTC, datetime


def now() -> datetime:
    """Tell the present moment, aware, in UTC."""
    return datetime.now(UTC)
