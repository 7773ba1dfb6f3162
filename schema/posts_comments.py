"""Comments."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from core.errors import NotFound
from core.ids import global_id
from loaders.posts_comments import ReplyPage
from models import Comment as CommentRow
from repositories.posts_comments import SeenComment
from repositories.posts_comments_lists import ORDERS, CommentSort
from runtime.context import Info
from schema.errors import UserError
from schema.node import Node
from schema.pagination import After, Connection, First
from schema.profiles import User
from services.posts_comments import NO_COMMENT, CommentDraft, Commented

if TYPE_CHECKING:
    from schema.posts import Post

LazyPost = Annotated["Post", strawberry.lazy("schema.posts")]


@strawberry.type(description="An answer to a post, or to another comment.")
class Comment(Node):
    """A comment, seen by a viewer."""

    row: strawberry.Private[CommentRow]
    is_revealed: strawberry.Private[bool]
    spoiler_until_location: int | None = strawberry.field(
        description="How far one must have read in the post's book for this not to be hidden; null: it gives nothing away."
    )
    is_deleted: bool = strawberry.field(description="Whether it was deleted, and stays, empty, for its replies.")
    depth: int = strawberry.field(description="0 for an answer to the post itself, at most 5.")
    like_count: int = strawberry.field(description="How many like it.")
    reply_count: int = strawberry.field(description="How many direct replies it has; deleted ones do not count.")
    created_at: datetime = strawberry.field(description="When it was written.")
    edited_at: datetime | None = strawberry.field(description="When its text last changed; null: never.")

    @classmethod
    def from_model(cls, seen: SeenComment) -> Self:
        """Present a comment."""
        row = seen.row
        return cls(
            id=strawberry.ID(global_id("Comment", row.id)),
            row=row,
            is_revealed=seen.is_revealed,
            spoiler_until_location=row.spoiler_until_location,
            is_deleted=row.deleted_at is not None,
            depth=row.depth,
            like_count=row.like_count,
            reply_count=row.reply_count,
            created_at=row.created_at,
            edited_at=row.edited_at,
        )

    @strawberry.field
    def text(
        self,
        reveal: Annotated[
            bool | None, strawberry.argument(description="Whether to show it even where it is hidden.")
        ] = False,
    ) -> str | None:
        """The words, in Markdown; null where it is deleted, or hidden because you have not read far enough."""
        return self.row.text if self.is_revealed or reveal else None

    @strawberry.field
    def is_hidden(self) -> bool:
        """Whether the text is kept from you because you have not read far enough."""
        return not self.is_revealed

    @strawberry.field
    async def post(self, info: Info) -> LazyPost:
        """The post it is under."""
        from schema.posts import Post

        found = await info.context.loaders.post_by_id.load(self.row.post_id)
        if found is None:
            # It was deleted, or closed to the viewer, between the two reads of this answer.
            raise NotFound(NO_COMMENT)
        return Post.from_model(found)

    @strawberry.field
    async def parent(self, info: Info) -> "Comment | None":
        """The comment it answers; null for an answer to the post itself, and where a block hides that comment."""
        if self.row.parent_id is None:
            return None
        found = await info.context.loaders.comment_by_id.load(self.row.parent_id)
        return Comment.from_model(found) if found else None

    @strawberry.field
    async def author(self, info: Info) -> User | None:
        """Who wrote it; null once the account is gone."""
        if self.row.user_id is None:
            return None
        found = await info.context.loaders.profile_by_id.load(self.row.user_id)
        return User.from_model(found) if found else None

    @strawberry.field
    async def viewer_has_liked(self, info: Info) -> bool:
        """Whether you like it; false when signed out."""
        if not info.context.viewer.is_signed_in:
            return False
        return bool(await info.context.loaders.liked_by_comment_id.load(self.row.id))

    @strawberry.field
    async def replies(
        self, info: Info, first: First = 20, after: After = None
    ) -> Annotated["CommentConnection", strawberry.lazy("schema.posts_comments")]:
        """The direct replies, the oldest first, without those whose author or words you mute."""
        request = ORDERS[CommentSort.OLDEST].request(first, after)
        page = await info.context.loaders.replies_by_comment_id.load(ReplyPage(self.row.id, request))
        if page is None:
            raise RuntimeError("a page for each comment")
        return CommentConnection.of(page, Comment.from_model)


@strawberry.type(description="A page of comments.")
class CommentConnection(Connection[Comment]):
    """A list of comments."""


@strawberry.input(description="A comment to make.")
class AddCommentInput:
    """Input of addComment."""

    post_id: strawberry.ID = strawberry.field(description="The post it is about.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The comment it answers; null: the post. Threads are six levels deep: an answer to the deepest stands beside it.",
    )
    text: str = strawberry.field(description="1 to 1,000 characters, in Markdown; HTML is taken out.")
    spoiler_until_location: int | None = strawberry.field(
        default=None,
        description="Hide it from readers who are not yet there in the post's book. As what it answers, unless told.",
    )
    client_mutation_id: str | None = None

    def to_draft(self) -> CommentDraft:
        """Pass the comment on."""
        parent_id = None if self.parent_id is None else str(self.parent_id)
        return CommentDraft(str(self.post_id), parent_id, self.text, self.spoiler_until_location)


@strawberry.input(description="Another text for a comment of yours.")
class UpdateCommentInput:
    """Input of updateComment."""

    id: strawberry.ID = strawberry.field(description="Which comment.")
    text: str = strawberry.field(description="1 to 1,000 characters, in Markdown; HTML is taken out.")
    client_mutation_id: str | None = None


@strawberry.input(description="A comment to take away.")
class DeleteCommentInput:
    """Input of deleteComment."""

    id: strawberry.ID = strawberry.field(description="Which comment: one of yours, or any under a post of yours.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to a change of a comment.")
class CommentPayload:
    """Payload of addComment, updateComment and deleteComment."""

    done: strawberry.Private[Commented | None]
    is_delete: strawberry.Private[bool] = False
    comment: Comment | None = strawberry.field(
        description="The comment as it is now; of deleteComment, the empty one that its replies keep, else null."
    )
    user_errors: list[UserError]

    @strawberry.field
    def deleted_comment_id(self) -> strawberry.ID | None:
        """Of deleteComment: the id of what was deleted."""
        return strawberry.ID(global_id("Comment", self.done.comment_id)) if self.done and self.is_delete else None

    @strawberry.field
    async def post(self, info: Info) -> LazyPost | None:
        """The post, with counts as they are now."""
        from schema.posts import Post

        found = await info.context.loaders.post_by_id.load(self.done.post_id) if self.done else None
        return Post.from_model(found) if found else None

    @classmethod
    def of(cls, done: Commented, *, is_delete: bool = False) -> Self:
        """Present what has become of it."""
        comment = Comment.from_model(done.comment) if done.comment else None
        return cls(done=done, is_delete=is_delete, comment=comment, user_errors=[])

    @classmethod
    def refused(cls, errors: list[UserError]) -> Self:
        """Present a refusal."""
        return cls(done=None, comment=None, user_errors=errors)
