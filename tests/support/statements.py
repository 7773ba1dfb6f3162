"""Count SQL statements at the driver, over all connections; BEGIN and COMMIT do not count."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine


class Statements(list[str]):
    """The statements of a block."""


@contextmanager
def counted(engine: AsyncEngine) -> Iterator[Statements]:
    """Note every statement inside the block."""
    statements = Statements()

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
