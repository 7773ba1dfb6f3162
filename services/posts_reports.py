"""Reporting readers, posts and comments to the moderators."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from auth.viewer import Viewer
from core.errors import Invalid, NotFound
from core.ids import read_global_id
from core.pagination import Page
from core.text import is_storable
from models import Report
from models.posts import ReportReason
from repositories.locks import Locks
from repositories.posts_reports import COLUMNS, REPORTS, ReportRepository, ReportTarget
from services.audit import AuditService
from services.idempotency import IdempotencyService

TEXT_LENGTH = 1_000


class ReportService:
    """Reports of one transaction."""

    def __init__(
        self, reports: ReportRepository, locks: Locks, idempotency: IdempotencyService, audit: AuditService
    ) -> None:
        self._reports = reports
        self._locks = locks
        self._idempotency = idempotency
        self._audit = audit

    async def report(
        self, viewer: Viewer, target_id: str, reason: ReportReason, text: str | None, key: str | None
    ) -> Report:
        """Report something, once; again says something else about it."""

        async def work() -> Report:
            target, words = _read_target(target_id), _read_text(text)
            await self._locks.presence(viewer.require())
            owner = await self._reports.owner_of(viewer, target)
            if owner is None:
                raise NotFound("There is nothing of this id to report.", "targetId")
            if owner == viewer.user_id:
                raise Invalid("You cannot report yourself, or what you wrote.", "targetId")
            report = await self._reports.put(viewer, target, reason, words)
            await self._audit.record(viewer, "report.created", (target.kind.lower(), target.key), reason=reason.value)
            return report

        async def again(report_id: UUID) -> Report | None:
            return (await self._reports.visible(viewer, [report_id])).get(report_id)

        viewer.require()
        return await self._idempotency.once_for(
            viewer,
            "reportContent",
            key,
            [target_id, reason, text],
            work=work,
            id_of=lambda report: report.id,
            again=again,
        )

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Report]:
        """Read reports that the viewer may see."""
        return await self._reports.visible(viewer, ids)

    async def page(self, viewer: Viewer, first: int | None, after: str | None) -> Page[Report] | None:
        """List what was reported, the latest first; None to whom it is not for."""
        request = REPORTS.request(first, after)
        return await self._reports.page(viewer, request) if viewer.moderates else None


def _read_target(value: str) -> ReportTarget:
    """Read what is reported; raise Invalid."""
    try:
        kind, key = read_global_id(value)
    except Invalid as error:
        raise error.under("targetId") from None
    if kind not in COLUMNS:
        raise Invalid("Only readers, posts and comments can be reported.", "targetId")
    return ReportTarget(kind, key)


def _read_text(value: str | None) -> str | None:
    """Read what the reader says about it; raise Invalid."""
    text = (value or "").strip()
    if not is_storable(text):
        raise Invalid("The text has a character that cannot be stored.", "text")
    if len(text) > TEXT_LENGTH:
        raise Invalid(f"A report says at most {TEXT_LENGTH:,} characters.", "text")
    return text or None
