"""Highlights as their owner makes, edits, deletes, restores and lists them, one at a time."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import AppError, Conflict, Invalid, NotFound
from core.ids import read_id, uuid7
from core.pagination import Page
from models import Highlight
from models.sync import OpOutcome
from repositories.highlights import ID_TAKEN, ORDERS, HighlightFilter, HighlightOrder, HighlightRepository
from repositories.locks import Locks
from services.catalog import CatalogService
from services.idempotency import IdempotencyService
from services.profiles import ProfileService
from services.sync.cursors import read_version
from services.sync.drafts import (
    Change,
    Create,
    Delete,
    Edit,
    HighlightDraft,
    HighlightPatch,
    Op,
    Restore,
    check_draft,
    check_patch,
)
from services.sync.writer import NO_HIGHLIGHT, Applied, Defaults, HighlightWriter

FUTURE = "A highlight cannot be made in the future."
FAST_CLOCK = timedelta(minutes=1)


class HighlightService:
    """Highlights of one transaction."""

    def __init__(
        self,
        *,
        highlights: HighlightRepository,
        locks: Locks,
        catalog: CatalogService,
        profiles: ProfileService,
        writer: HighlightWriter,
        idempotency: IdempotencyService,
        epoch: Callable[[], str],
    ) -> None:
        self._highlights = highlights
        self._locks = locks
        self._catalog = catalog
        self._profiles = profiles
        self._writer = writer
        self._idempotency = idempotency
        self._epoch = epoch

    # --- reading ---

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Highlight]:
        """Read highlights that the viewer may see."""
        return await self._highlights.visible(viewer, ids)

    async def own_page(
        self, viewer: Viewer, wanted: HighlightFilter, order: HighlightOrder, *, first: int | None, after: str | None
    ) -> Page[Highlight]:
        """List the viewer's own highlights."""
        return await self._highlights.own_page(viewer, wanted, order, ORDERS[order].request(first, after))

    async def own_count(self, viewer: Viewer, wanted: HighlightFilter) -> int:
        """Count what `own_page` lists."""
        return await self._highlights.own_count(viewer, wanted)

    # --- writing ---

    async def create(self, viewer: Viewer, uuid: UUID | None, draft: HighlightDraft, key: str | None) -> Applied:
        """Mark a passage. The id may be the device's own; one that is known already is refused."""

        async def work() -> Applied:
            check_draft(draft)
            # A clock that is a little fast is no reason to refuse; the writer keeps no time later than now.
            if draft.created_at is not None and draft.created_at > clock.now() + FAST_CLOCK:
                raise Invalid(FUTURE, "createdAt")
            await self._locks.sync_counter(viewer.require())
            if uuid is not None and await self._highlights.known(uuid) is not None:
                raise Conflict(ID_TAKEN, "uuid")
            found = (await self._catalog.resolve(viewer, [draft.book]))[draft.book]
            if isinstance(found, AppError):
                raise found.under("book")
            op = self._op(uuid or uuid7(), Create(draft), None)
            return await self._apply(viewer, op, found.id)

        return await self._once(viewer, "createHighlight", key, [uuid, draft], work)

    async def update(
        self, viewer: Viewer, highlight_id: str, patch: HighlightPatch, based_on: str | None, key: str | None
    ) -> Applied:
        """Change a highlight. With `based_on`, an edit somebody made meanwhile is merged rather than overwritten."""

        async def work() -> Applied:
            found = await self._mine(viewer, highlight_id)
            check_patch(patch)
            if found.deleted_at is not None:
                raise NotFound(NO_HIGHLIGHT, "id")
            return await self._apply(viewer, self._op(found.id, Edit(patch), based_on))

        return await self._once(viewer, "updateHighlight", key, [highlight_id, patch, based_on], work)

    async def delete(self, viewer: Viewer, highlight_id: str, based_on: str | None, key: str | None) -> Applied:
        """Take a highlight away; it can be restored for 30 days."""

        async def work() -> Applied:
            found = await self._mine(viewer, highlight_id)
            return await self._apply(viewer, self._op(found.id, Delete(), based_on))

        return await self._once(viewer, "deleteHighlight", key, [highlight_id, based_on], work)

    async def restore(self, viewer: Viewer, highlight_id: str, key: str | None) -> Applied:
        """Undo a delete."""

        async def work() -> Applied:
            found = await self._mine(viewer, highlight_id)
            return await self._apply(viewer, self._op(found.id, Restore(), None))

        return await self._once(viewer, "restoreHighlight", key, [highlight_id], work)

    async def _mine(self, viewer: Viewer, highlight_id: str) -> Highlight:
        user_id = viewer.require()
        key = read_id(highlight_id, "Highlight", "id")
        await self._locks.sync_counter(user_id)
        found = await self._highlights.known(key)
        if found is None or found.user_id != user_id or found.erased_at is not None:
            raise NotFound(NO_HIGHLIGHT, "id")
        return found

    def _op(self, highlight_id: UUID, change: Change, based_on: str | None) -> Op:
        return Op(uuid7(), highlight_id, clock.now(), read_version(based_on, self._epoch()), change)

    async def _apply(self, viewer: Viewer, op: Op, book_id: UUID | None = None) -> Applied:
        defaults = Defaults(await self._profiles.default_visibility(viewer))
        return await self._writer.apply(
            viewer, op, writer_id=viewer.writer_id, device_id=viewer.device_id, book_id=book_id, defaults=defaults
        )

    async def _once(
        self, viewer: Viewer, operation: str, key: str | None, value: object, work: Callable[[], Awaitable[Applied]]
    ) -> Applied:
        async def again(highlight_id: UUID, fork_id: UUID | None) -> Applied | None:
            rows = await self._highlights.visible(viewer, {highlight_id, fork_id or highlight_id})
            if highlight_id not in rows:
                return None
            fork = rows.get(fork_id) if fork_id else None
            return Applied(OpOutcome.APPLIED, rows[highlight_id], fork)

        def ids(applied: Applied) -> tuple[UUID, UUID | None]:
            kept = applied.highlight or applied.fork
            if kept is None:
                raise NotFound(NO_HIGHLIGHT, "id")
            return kept.id, applied.fork.id if applied.fork else None

        viewer.require()
        return await self._idempotency.once(viewer, operation, key, value, work=work, ids=ids, again=again)
