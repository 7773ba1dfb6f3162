"""Devices: made by signing in, renamed, switched, separated from their copies, forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Forbidden, LimitExceeded, NotFound, Unauthenticated
from core.events import Event, SessionsChanged
from core.ids import read_id, uuid7
from models import Device, User
from repositories.accounts import AccountRepository
from services.accounts_copies import copy_of
from services.accounts_input import DeviceDraft, check_device_name
from services.accounts_sessions import SessionService, SignedIn
from services.idempotency import IdempotencyService

DEVICES_MOST = 100


@dataclass(frozen=True, slots=True)
class DevicePatch:
    """An edit of a device: None stays."""

    name: str | None = None
    sync_highlights: bool | None = None
    sync_notes: bool | None = None


class DeviceService:
    """Devices of one transaction."""

    def __init__(
        self,
        accounts: AccountRepository,
        sessions: SessionService,
        idempotency: IdempotencyService,
        events: list[Event],
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._idempotency = idempotency
        self._events = events

    async def of_sign_in(self, user: User, draft: DeviceDraft) -> Device:
        """Find the known device that signs in, or make a new one; raise LimitExceeded."""
        known = None
        if draft.id is not None:
            key = read_id(draft.id, "Device", "device", "id")
            known = (await self._accounts.visible_devices(Viewer(user_id=user.id), [key])).get(key)
        if known is not None:
            known.name, known.platform, known.last_seen_at = draft.name.strip(), draft.platform.strip(), clock.now()
            await self._accounts.save()
            return known
        await self._refuse_too_many(user.id, "device")
        return await self._accounts.add_device(
            Device(
                id=uuid7(),
                user_id=user.id,
                name=draft.name.strip(),
                platform=draft.platform.strip(),
                last_seen_at=clock.now(),
            )
        )

    async def own(self, viewer: Viewer) -> Sequence[Device]:
        """List the viewer's devices."""
        return await self._accounts.devices(viewer)

    async def update(self, viewer: Viewer, device_id: str, patch: DevicePatch, key: str | None) -> Device:
        """Rename a device, or set its switches; turning one on makes the device pull everything again."""

        async def work() -> Device:
            return await self._patched(await self._device(viewer, device_id), patch)

        async def again(key: UUID) -> Device | None:
            return (await self._accounts.visible_devices(viewer, [key])).get(key)

        viewer.require()
        return await self._idempotency.once_for(
            viewer, "updateDevice", key, [device_id, patch], work=work, id_of=lambda device: device.id, again=again
        )

    async def _patched(self, device: Device, patch: DevicePatch) -> Device:
        if patch.name is not None:
            check_device_name(patch.name)
            device.name = patch.name.strip()
        turned_on = (patch.sync_highlights and not device.sync_highlights) or (
            patch.sync_notes and not device.sync_notes
        )
        device.must_resync = device.must_resync or bool(turned_on)
        if patch.sync_highlights is not None:
            device.sync_highlights = patch.sync_highlights
        if patch.sync_notes is not None:
            device.sync_notes = patch.sync_notes
        await self._accounts.save()
        self._events.append(SessionsChanged(device.user_id))
        return device

    async def separate(self, viewer: Viewer, device_id: str, name: str | None) -> tuple[SignedIn, Device]:
        """Make a device and a session of its own for what asks as a copy of a device; the original keeps its session."""
        original = await self._device(viewer, device_id, "deviceId")
        if viewer.session_id is None or viewer.device_id != original.id:
            raise Forbidden("Only who is signed in as this device can leave it.", "deviceId")
        user = await self._accounts.by_id(viewer.require(), lock=True)
        if user is None:
            raise Unauthenticated("This account is gone.")
        await self._refuse_too_many(user.id, "deviceId")
        names = {device.name for device in await self._accounts.devices(viewer)}
        copy = await self._accounts.add_device(copy_of(original, name, names))
        return await self._sessions.open(user, copy, viewer), copy

    async def remove(self, viewer: Viewer, device_id: str, key: str | None) -> UUID:
        """Forget a device and end its sessions."""

        async def work() -> UUID:
            device = await self._device(viewer, device_id)
            await self._sessions.end(viewer, "removeDevice", device_id=device.id)
            await self._accounts.remove_device(device)
            return device.id

        return await self._idempotency.once_by_id(viewer, "removeDevice", key, device_id, work=work)

    async def _device(self, viewer: Viewer, device_id: str, field: str = "id") -> Device:
        viewer.require()
        key = read_id(device_id, "Device", field)
        found = (await self._accounts.visible_devices(viewer, [key])).get(key)
        if found is None:
            raise NotFound("There is no such device of yours.", field)
        return found

    async def _refuse_too_many(self, user_id: UUID, field: str) -> None:
        if await self._accounts.count_devices(user_id) >= DEVICES_MOST:
            raise LimitExceeded(f"You already have {DEVICES_MOST} devices. Remove one first.", field)
