"""Devices and sessions of the viewer's."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from loaders.batch import BatchLoader
from models import Device, Session
from repositories.accounts import AccountRepository
from repositories.sync import SyncRepository

PENDING_MOST = 1_000


class DeviceByIdLoader(BatchLoader[UUID, Device]):
    """The viewer's devices."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Device]:
        """Read devices by id."""
        return await AccountRepository(session).visible_devices(viewer, keys)


class SessionByIdLoader(BatchLoader[UUID, Session]):
    """The viewer's sessions."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Session]:
        """Read sessions by id."""
        return await AccountRepository(session).visible_sessions(viewer, keys)


class PendingCountByDeviceIdLoader(BatchLoader[UUID, int]):
    """How many changes wait for each of the viewer's devices."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, int]:
        """Count pending changes by device."""
        return await SyncRepository(session).pending(viewer, keys, most=PENDING_MOST)
