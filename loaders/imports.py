"""Imports of the viewer's, and their reports."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from loaders.batch import BatchLoader
from models import Import, ImportBook, ImportProblem
from repositories.imports import ImportRepository


@dataclass(frozen=True, slots=True)
class ProblemsOf:
    """The first problems of an import."""

    import_id: UUID
    first: int


class ImportByIdLoader(BatchLoader[UUID, Import]):
    """The viewer's imports."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Import]:
        """Read imports by id."""
        return await ImportRepository(session).visible(viewer, keys)


class ImportBooksByImportIdLoader(BatchLoader[UUID, list[ImportBook]]):
    """The books of imports."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]
    ) -> Mapping[UUID, list[ImportBook]]:
        """Read books by import."""
        found: dict[UUID, list[ImportBook]] = defaultdict(list)
        for row in await ImportRepository(session).books(viewer, keys):
            found[row.import_id].append(row)
        return found


class ImportProblemsByImportIdLoader(BatchLoader[ProblemsOf, list[ImportProblem]]):
    """The problems of imports."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[ProblemsOf]
    ) -> Mapping[ProblemsOf, list[ImportProblem]]:
        """Read problems by import."""
        found: dict[ProblemsOf, list[ImportProblem]] = defaultdict(list)
        for first in {key.first for key in keys}:
            wanted = [key.import_id for key in keys if key.first == first]
            for row in await ImportRepository(session).problems(viewer, wanted, first):
                found[ProblemsOf(row.import_id, first)].append(row)
        return found
