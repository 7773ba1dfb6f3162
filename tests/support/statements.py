"""Count SQL statements at the driver, over all connections; BEGIN and COMMIT do not count, nor what runs in the background."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

BACKGROUND = ("broker-", "sockets", "metrics")


class Statements(list[str]):
    """The statements of a block."""


@contextmanager
def counted(engine: AsyncEngine) -> Iterator[Statements]:
    """Note every statement inside the block."""
    statements = Statements()

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        task = asyncio.current_task()
        if task is None or not task.get_name().startswith(BACKGROUND):
            statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
