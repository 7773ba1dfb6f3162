"""Copies of devices, as a phone restored from another's backup: each gets an identity of its own."""

import itertools
from collections.abc import Collection

from core import clock
from core.ids import uuid7
from models import Device
from services.accounts_input import DEVICE_NAME_LENGTH, check_device_name


def copy_of(original: Device, name: str | None, taken: Collection[str]) -> Device:
    """Make a device that goes on where the original was: its switches, and how far it was sent. Raise Invalid for a bad name."""
    if name is not None:
        check_device_name(name)
    return Device(
        id=uuid7(),
        user_id=original.user_id,
        name=_numbered(original.name, taken) if name is None else name.strip(),
        platform=original.platform,
        last_seen_at=clock.now(),
        sync_highlights=original.sync_highlights,
        sync_notes=original.sync_notes,
        must_resync=original.must_resync,
        synced_seq=original.synced_seq,
        synced_at=original.synced_at,
    )


def _numbered(name: str, taken: Collection[str]) -> str:
    for number in itertools.count(2):
        ending = f" ({number})"
        tried = name[: DEVICE_NAME_LENGTH - len(ending)] + ending
        if tried not in taken:
            return tried
    raise AssertionError("numbers do not end")
