"""Highlight sync: pulls, pushes, live changes."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry

from core.errors import AppError, Invalid
from core.ids import global_id
from models.sync import OpOutcome, ResyncReason
from schema.catalog import BookRef
from schema.enums import described
from schema.errors import UserError
from schema.highlights import Highlight, PassageInput
from schema.inputs import given
from services.sync import drafts
from services.sync.pull import ChangedHighlight, ChangePage
from services.sync.push import OfflineWork, OpResult, Pushed, PushedOp

described(
    ResyncReason,
    "Why a device has to begin its pulls anew.",
    {
        "CURSOR_TOO_OLD": "Removals before it are forgotten: pull from null; drop local rows that the full pull lacks "
        "and that have no unsent edit.",
        "EPOCH_CHANGED": "The server was restored from a backup: first offer every local row again as create "
        "operations, then pull from null.",
        "CURSOR_INVALID": "This is no cursor of yours: pull from null; drop local rows that the full pull lacks "
        "and that have no unsent edit.",
        "SWITCHES_CHANGED": "A sync switch of the device was turned on: pull from null and replace rows whatever "
        "their version.",
    },
)
described(
    OpOutcome,
    "What became of an operation.",
    {
        "APPLIED": "The highlight is now as the operation says.",
        "MERGED": "Some of it stands beside, or behind, what others did meanwhile.",
        "SUPERSEDED": "Later work of another device stands.",
        "FORKED": "It could not be ordered against another edit: both are kept, this one as `fork`.",
        "REJECTED": "It was refused; `error` tells why. Nothing changed, and it does not hold up the next.",
    },
)


@strawberry.type(description="A highlight was made or changed.")
class HighlightUpserted:
    """A change that leaves a highlight."""

    cursor: str = strawberry.field(description="Where to go on after this change.")
    highlight: Highlight = strawberry.field(description="The highlight as it is now.")
    origin_device_id: strawberry.ID | None = strawberry.field(
        description="The device that made the last change: a hint for user interfaces, not for suppression."
    )


@strawberry.type(description="A highlight was deleted.")
class HighlightRemoved:
    """A change that takes a highlight away."""

    cursor: str = strawberry.field(description="Where to go on after this change.")
    highlight_id: strawberry.ID = strawberry.field(description="Which highlight.")
    uuid: UUID = strawberry.field(description="The id that its device chose.")
    removed_at: datetime = strawberry.field(description="When it was deleted.")
    origin_device_id: strawberry.ID | None = strawberry.field(description="The device that deleted it.")


HighlightChange = Annotated[
    HighlightUpserted | HighlightRemoved,
    strawberry.union("HighlightChange", description="One change; a highlight's last one only."),
]


def present(change: ChangedHighlight) -> HighlightUpserted | HighlightRemoved:
    """Present a change."""
    row = change.row
    origin = strawberry.ID(global_id("Device", row.origin_device_id)) if row.origin_device_id else None
    if row.deleted_at is None:
        highlight = Highlight.from_model(row, shows_note=change.with_note)
        return HighlightUpserted(cursor=change.cursor, highlight=highlight, origin_device_id=origin)
    return HighlightRemoved(
        cursor=change.cursor,
        highlight_id=strawberry.ID(global_id("Highlight", row.id)),
        uuid=row.id,
        removed_at=row.deleted_at,
        origin_device_id=origin,
    )


@strawberry.type(description="A page of changes, in the order they were committed.")
class HighlightChangePage:
    """The answer to a pull."""

    changes: list[HighlightChange] = strawberry.field(description="The changes after the cursor.")
    cursor: str = strawberry.field(description="Where to go on. Keep it only together with what it covers.")
    has_more: bool = strawberry.field(description="Whether to pull on at once.")
    resync: ResyncReason | None = strawberry.field(description="Set when pulling has to begin anew.")

    @classmethod
    def from_page(cls, page: ChangePage) -> Self:
        """Present a page."""
        return cls(
            changes=[present(change) for change in page.changes],
            cursor=page.cursor,
            has_more=page.has_more,
            resync=page.resync,
        )


@strawberry.type(description="Everything up to here has been sent; from now on changes come as they happen.")
class SyncCaughtUp:
    """The end of the backfill."""

    cursor: str = strawberry.field(description="Where to go on after a reconnect.")


@strawberry.type(description="The subscription ends: the device has to begin its pulls anew.")
class ResyncRequired:
    """The last event of a subscription that cannot go on."""

    reason: ResyncReason = strawberry.field(description="What to do.")


HighlightSyncEvent = Annotated[
    HighlightUpserted | HighlightRemoved | SyncCaughtUp | ResyncRequired,
    strawberry.union("HighlightSyncEvent", description="What a syncing device hears."),
]


@strawberry.input(description="A highlight made on a device.")
class HighlightDraft:
    """A create operation."""

    book: BookRef = strawberry.field(description="The book; by name, it is added when it is not there.")
    passage: PassageInput = strawberry.field(description="The words, and where they stand.")
    note: str | None = strawberry.field(default=None, description="The reader's own words.")
    color: str | None = strawberry.field(default=None, description="A HighlightColor; an unknown one refuses this one.")
    visibility: str | None = strawberry.field(
        default=None, description="A Visibility; the reader's default unless told."
    )
    created_at: datetime | None = strawberry.field(
        default=None,
        description="When it was made, where that is known from elsewhere: an older highlight that is offered again. "
        "Never later than now; a highlight that is known keeps the time it has.",
    )


@strawberry.input(description="An edit made on a device; what is left out stays.")
class HighlightPatch:
    """An edit operation."""

    passage: PassageInput | None = strawberry.field(
        default=strawberry.UNSET, description="Other words or another place."
    )
    note: str | None = strawberry.field(default=strawberry.UNSET, description="The reader's words; null clears them.")
    color: str | None = strawberry.field(default=strawberry.UNSET, description="A HighlightColor.")
    visibility: str | None = strawberry.field(default=strawberry.UNSET, description="A Visibility.")


@strawberry.input(one_of=True, description="What an operation does: exactly one.")
class HighlightOpChange:
    """The four kinds of operation."""

    create: strawberry.Maybe[HighlightDraft] = strawberry.field(description="Make it; of a known id, edit it.")
    edit: strawberry.Maybe[HighlightPatch] = strawberry.field(description="Change it.")
    delete: strawberry.Maybe[bool] = strawberry.field(description="Delete it; true.")
    restore: strawberry.Maybe[bool] = strawberry.field(description="Undo a delete; true.")

    def to_change(self) -> drafts.Change | AppError:
        """Pass the change on; what is wrong with it refuses this operation alone."""
        if self.create:
            d = self.create.value
            return drafts.Create(
                drafts.HighlightDraft(
                    d.book.to_ref(), d.passage.to_passage(), d.note, d.color, d.visibility, d.created_at
                )
            )
        if self.edit:
            e = self.edit.value
            patch = drafts.HighlightPatch(
                passage=given(e.passage.to_passage() if e.passage else strawberry.UNSET),
                note=given(e.note),
                color=given(strawberry.UNSET if e.color is None else e.color),
                visibility=given(strawberry.UNSET if e.visibility is None else e.visibility),
            )
            return drafts.Edit(patch)
        if self.delete and self.delete.value:
            return drafts.Delete()
        if self.restore and self.restore.value:
            return drafts.Restore()
        return Invalid("An operation does something: `delete` and `restore` are true.", "change")


@strawberry.input(description="One operation of a device.")
class HighlightOpInput:
    """An operation, done once however often it is sent."""

    op_id: UUID = strawberry.field(description="The operation's own id; sent again, it answers as the first time.")
    highlight_uuid: UUID = strawberry.field(description="Which highlight, by the id its device chose.")
    done_at: datetime = strawberry.field(description="When it was done, by the device's clock.")
    based_on: str | None = strawberry.field(default=None, description="The `version` its maker was looking at.")
    change: HighlightOpChange = strawberry.field(description="What it does.")

    def to_op(self) -> PushedOp:
        """Pass the operation on."""
        return PushedOp(self.op_id, self.highlight_uuid, self.done_at, self.based_on, self.change.to_change())


@strawberry.input(description="A device's offline work, in the order done.")
class PushHighlightChangesInput:
    """Input of pushHighlightChanges."""

    device_id: strawberry.ID = strawberry.field(description="Which device of yours.")
    after: str | None = strawberry.field(
        default=None, description="The device's pull cursor; a stale one refuses the batch before any operation."
    )
    previous_op_id: UUID | None = strawberry.field(
        default=None,
        description="The last operation whose outcome this device was told, answered now or again; before the first, an "
        "id of its own. A copy of the device that has pushed meanwhile is noticed by it, and the batch is refused "
        "with CONFLICT before any operation. Null: not checked.",
    )
    sent_at: datetime = strawberry.field(description="Now, by the device's clock: corrects what its clock is off.")
    ops: list[HighlightOpInput] = strawberry.field(description="At most 100 operations.")

    def to_batch(self) -> OfflineWork:
        """Pass the batch on."""
        ops = [op.to_op() for op in self.ops]
        return OfflineWork(str(self.device_id), self.after, self.previous_op_id, self.sent_at, ops)


@strawberry.type(description="What became of one operation.")
class HighlightOpResult:
    """The outcome of an operation."""

    op_id: UUID = strawberry.field(description="Which operation.")
    outcome: OpOutcome = strawberry.field(description="What became of it.")
    replayed: bool = strawberry.field(description="Whether it was done before, and this is its first answer again.")
    highlight: Highlight | None = strawberry.field(description="The highlight as it is now; null when it is gone.")
    fork: Highlight | None = strawberry.field(description="The copy that was kept.")
    error: UserError | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def from_result(cls, index: int, result: OpResult) -> Self:
        """Present an outcome."""
        problem = result.problem
        return cls(
            op_id=result.op_id,
            outcome=result.outcome,
            replayed=result.replayed,
            highlight=Highlight.from_model(result.highlight) if result.highlight else None,
            fork=Highlight.from_model(result.fork) if result.fork else None,
            error=UserError.from_problem(problem, "input", "ops", str(index)) if problem else None,
        )


@strawberry.type(description="The answer to pushHighlightChanges.")
class PushHighlightChangesPayload:
    """Payload of a push."""

    results: list[HighlightOpResult] = strawberry.field(description="An outcome for each operation, in their order.")
    changes: HighlightChangePage | None = strawberry.field(
        description="The page after the device's cursor, its own changes included: one round trip does both."
    )
    user_errors: list[UserError]

    @classmethod
    def from_pushed(cls, pushed: Pushed) -> Self:
        """Present what a push left."""
        refused = [UserError.from_problem(pushed.refused, "input")] if pushed.refused else []
        return cls(
            results=[HighlightOpResult.from_result(i, result) for i, result in enumerate(pushed.results)],
            changes=HighlightChangePage.from_page(pushed.page),
            user_errors=refused,
        )
