"""Who did what: written in the transaction of the act, so that neither is there without the other."""

from typing import Any
from uuid import UUID

from auth.viewer import Viewer
from core.ids import uuid7
from models import AuditEntry
from repositories.audit import AuditRepository


class AuditService:
    """The audit log of one transaction."""

    def __init__(self, audit: AuditRepository) -> None:
        self._audit = audit

    async def record(
        self, viewer: Viewer, action: str, *resources: tuple[str, UUID | None], **details: Any
    ) -> list[UUID]:
        """Note that the viewer did something to each of the resources, and tell the entries' ids.

        The details may hold nobody's words or ids.
        """
        entries = [
            AuditEntry(
                id=uuid7(),
                user_id=viewer.require(),
                action=action,
                resource_type=kind,
                resource_id=key,
                details=details,
                ip=viewer.address or None,
                user_agent=viewer.user_agent or None,
            )
            for kind, key in resources
        ]
        await self._audit.add(entries)
        return [entry.id for entry in entries]

    async def forget(self, user_id: UUID) -> None:
        """Leave the entries of an account that goes, and take out of them whose they were."""
        await self._audit.forget(user_id)
