"""Comments on posts, and the threads that they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Forbidden, Invalid, NotFound, Problems
from core.events import Event, PostCountsChanged
from core.ids import read_id, uuid7
from core.text import is_storable, without_markup, words_of
from models import Comment
from repositories.locks import Locks
from repositories.posts_comments import CommentRepository, Ground, Link, SeenComment
from services.audit import AuditService
from services.idempotency import IdempotencyService

TEXT_LENGTH, DEEPEST = 1_000, 5
NO_POST, NO_COMMENT = "There is no such post.", "There is no such comment."


@dataclass(frozen=True, slots=True)
class CommentDraft:
    """A comment that is to be made, as a client names things."""

    post_id: str
    parent_id: str | None
    text: str
    spoiler_until_location: int | None


@dataclass(frozen=True, slots=True)
class Commented:
    """What has become of a comment; no row when it is gone, or not for the viewer to see."""

    comment_id: UUID
    post_id: UUID
    comment: SeenComment | None


class CommentService:
    """Comments of one transaction."""

    def __init__(
        self,
        *,
        comments: CommentRepository,
        locks: Locks,
        idempotency: IdempotencyService,
        audit: AuditService,
        events: list[Event],
    ) -> None:
        self._comments = comments
        self._locks = locks
        self._idempotency = idempotency
        self._audit = audit
        self._events = events

    async def add(self, viewer: Viewer, draft: CommentDraft, key: str | None) -> Commented:
        """Answer a post, or a comment on it."""
        me = viewer.require()

        async def work() -> Commented:
            post_id = read_id(draft.post_id, "Post", "postId")
            parent_id = None if draft.parent_id is None else read_id(draft.parent_id, "Comment", "parentId")
            text = _checked(draft.text)
            await self._locks.presence(me)
            await self._locks.posts([post_id])
            ground = await self._comments.ground(viewer, post_id)
            if ground is None:
                raise NotFound(NO_POST, "postId")
            answered = None if parent_id is None else await self._answered(viewer, post_id, parent_id)
            row = Comment(
                id=uuid7(),
                post_id=post_id,
                user_id=me,
                text=text,
                words=words_of(text),
                spoiler_until_location=_spoiler(draft, ground, answered),
                **_place(answered),
            )
            await self._attach(row)
            return await self._present(viewer, post_id, row.id)

        async def again(comment_id: UUID) -> Commented | None:
            return await self._still(viewer, comment_id)

        return await self._idempotency.once_for(
            viewer, "addComment", key, draft, work=work, id_of=lambda done: done.comment_id, again=again
        )

    async def update(self, viewer: Viewer, comment_gid: str, text: str, key: str | None) -> Commented:
        """Give a comment of the viewer's another text."""
        me = viewer.require()

        async def work() -> Commented:
            comment_id = read_id(comment_gid, "Comment", "id")
            bare = _checked(text)
            await self._locks.presence(me)
            await self._locks.comments([comment_id])
            found = (await self._comments.visible(viewer, [comment_id])).get(comment_id)
            if found is None or found.row.deleted_at is not None:
                raise NotFound(NO_COMMENT, "id")
            if found.row.user_id != me:
                raise Forbidden("Only who wrote a comment can change it.", "id")
            if found.row.text != bare:
                await self._comments.rewrite(comment_id, bare, words_of(bare), clock.now())
            return await self._present(viewer, found.row.post_id, comment_id)

        async def again(comment_id: UUID) -> Commented | None:
            return await self._still(viewer, comment_id)

        return await self._idempotency.once_for(
            viewer, "updateComment", key, [comment_gid, text], work=work, id_of=lambda d: d.comment_id, again=again
        )

    async def delete(self, viewer: Viewer, comment_gid: str, key: str | None) -> Commented:
        """Take a comment away: one's own, one under one's own post, or any that a moderator sees.

        With replies it stays, empty. An empty one goes with its last reply.
        """
        me = viewer.require()

        async def work() -> Commented:
            comment_id = read_id(comment_gid, "Comment", "id")
            await self._locks.presence(me)
            found = await self._comments.post_of(comment_id)
            if found is None:
                raise NotFound(NO_COMMENT, "id")
            post_id, post_author = found
            await self._locks.posts([post_id])
            thread = await self._comments.lineage(comment_id)
            if not thread:
                raise NotFound(NO_COMMENT, "id")
            await self._refuse_stranger(viewer, thread[0], post_author)
            if not thread[0].is_deleted:
                await self._detach(thread, post_id)
                if thread[0].author_id != me:
                    await self._audit.record(viewer, "comment.deleted", ("comment", comment_id))
            return await self._present(viewer, post_id, comment_id)

        async def again(comment_id: UUID, post_id: UUID | None) -> Commented | None:
            return await self._present(viewer, post_id, comment_id) if post_id else None

        return await self._idempotency.once(
            viewer, "deleteComment", key, comment_gid, work=work, ids=lambda d: (d.comment_id, d.post_id), again=again
        )

    # --- parts ---

    async def _answered(self, viewer: Viewer, post_id: UUID, parent_id: UUID) -> Comment:
        found = (await self._comments.visible(viewer, [parent_id])).get(parent_id)
        if found is None or found.row.deleted_at is not None:
            raise NotFound(NO_COMMENT, "parentId")
        if found.row.post_id != post_id:
            raise Invalid("The comment you answer is under another post.", "parentId")
        return found.row

    async def _attach(self, row: Comment) -> None:
        if row.parent_id is not None:
            await self._locks.comments([row.parent_id])
            await self._comments.move_replies(row.parent_id, 1)
        await self._comments.add(row)
        await self._comments.move_comments(row.post_id, 1)
        self._events.append(PostCountsChanged(row.post_id))

    async def _detach(self, thread: Sequence[Link], post_id: UUID) -> None:
        await self._locks.comments([link.id for link in thread])
        going = _going(thread)
        if not going:
            await self._comments.empty(thread[0].id, clock.now())
        parent = thread[1] if len(thread) > 1 else None
        if parent is not None and parent.id not in going:
            await self._comments.move_replies(parent.id, -1)
        await self._comments.remove(going)
        await self._comments.move_comments(post_id, -1)
        self._events.append(PostCountsChanged(post_id))

    async def _refuse_stranger(self, viewer: Viewer, link: Link, post_author: UUID) -> None:
        if viewer.user_id in (link.author_id, post_author):
            return
        if not await self._comments.visible(viewer, [link.id]):
            raise NotFound(NO_COMMENT, "id")
        if not viewer.moderates:
            raise Forbidden("Only who wrote a comment or the post above it, and moderators, can delete it.", "id")

    async def _present(self, viewer: Viewer, post_id: UUID, comment_id: UUID) -> Commented:
        found = await self._comments.visible(viewer, [comment_id])
        return Commented(comment_id, post_id, found.get(comment_id))

    async def _still(self, viewer: Viewer, comment_id: UUID) -> Commented | None:
        found = (await self._comments.visible(viewer, [comment_id])).get(comment_id)
        if found is None or found.row.deleted_at is not None:
            return None
        return Commented(comment_id, found.row.post_id, found)


def _checked(text: str) -> str:
    """Take out what does not belong into a comment; raise Invalid."""
    problems = Problems()
    bare = ""
    if not is_storable(text):
        problems.add("The text has a character that cannot be stored.", "text")
    elif len(text.strip()) > TEXT_LENGTH:
        problems.add(f"A comment has at most {TEXT_LENGTH:,} characters.", "text")
    else:
        bare = without_markup(text).strip()
        problems.check(bare, "A comment needs words.", "text")
    problems.raise_any()
    return bare


def _spoiler(draft: CommentDraft, ground: Ground, answered: Comment | None) -> int | None:
    """Tell how far one must have read for a comment: as it says, else as what it answers, else as the post."""
    until = draft.spoiler_until_location
    if until is None:
        return answered.spoiler_until_location if answered else ground.spoiler_until_location
    if ground.book_id is None:
        raise Invalid("The post is about no book, so there is nothing to spoil.", "spoilerUntilLocation")
    if until < 0:
        raise Invalid("A location is 0 or more.", "spoilerUntilLocation")
    return until


def _place(answered: Comment | None) -> dict[str, UUID | int | None]:
    """Tell where in the thread an answer belongs: below what it answers; at the deepest level, beside it."""
    if answered is None:
        return {"parent_id": None, "depth": 0}
    if answered.depth >= DEEPEST:
        return {"parent_id": answered.parent_id, "depth": answered.depth}
    return {"parent_id": answered.id, "depth": answered.depth + 1}


def _going(thread: Sequence[Link]) -> list[UUID]:
    """Tell which comments go altogether when the first of a lineage is deleted: it, and what was kept for it alone."""
    if thread[0].children:
        return []
    going = [thread[0].id]
    for link in thread[1:]:
        if not link.is_deleted or link.children > 1:
            break
        going.append(link.id)
    return going
