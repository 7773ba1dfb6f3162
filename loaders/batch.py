"""What all loaders share."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from aiodataloader import DataLoader
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.database import Database

Key = TypeVar("Key")
Value = TypeVar("Value")


class BatchLoader(DataLoader[Key, Value | None], Generic[Key, Value]):
    """Load values by key, in one short session a batch; None for a key that is absent or not to be seen."""

    max_batch_size = 500

    def __init__(self, database: Database, viewer: Viewer) -> None:
        super().__init__()
        self.failed, self.shared = False, False
        self._database = database
        self._viewer = viewer

    def load(self, key: Key) -> "asyncio.Future[Value | None]":
        """Load one value."""
        found = super().load(key)
        # Of those who share, one that goes away would take the value from the others. Alone, the detour would split batches.
        return asyncio.shield(found) if self.shared else found

    async def batch_load_fn(self, keys: list[Key]) -> list[Value | None]:
        """Answer in key order."""
        try:
            async with self._database.reading() as session:
                found = await self.read(session, self._viewer, keys)
        except BaseException:
            self.failed = True
            raise
        return [found.get(key) for key in keys]

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[Key]) -> Mapping[Key, Value]:
        """Read the values of these keys."""
        raise NotImplementedError
