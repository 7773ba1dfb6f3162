"""Posts."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from core.errors import NotFound
from core.ids import global_id
from loaders.posts_comments import CommentPage
from loaders.posts_likes import LikersPage
from models import Post as PostRow
from models.profiles import Visibility
from repositories.posts import Deeds, SeenPost
from repositories.posts_comments_lists import ORDERS, CommentSort
from repositories.posts_likes import LIKERS
from runtime.context import Info
from schema.catalog import Book
from schema.enums import described
from schema.errors import UserError
from schema.highlights import Highlight
from schema.media import picture_url
from schema.node import Node
from schema.pagination import After, First
from schema.profiles import User
from services.posts import NO_POST, PostDraft

if TYPE_CHECKING:
    from schema.posts_comments import CommentConnection
    from schema.social import UserConnection

described(
    CommentSort,
    "In which order to list comments. TOP and HOT keep to how things stood when the first page was read, but for likes "
    "taken back since: a comment that has lost some may come twice.",
    {
        "NEWEST": "The latest first.",
        "OLDEST": "The earliest first.",
        "TOP": "The most liked first; of equals the earliest.",
        "HOT": "By (likes + 2 * replies) / (hours of age + 2) to the power of 1.5, the highest first.",
    },
)

Reveal = Annotated[bool | None, strawberry.argument(description="True: show it although it may be a spoiler for you.")]


@strawberry.type(description="A post's own copy of a passage: it outlives the highlight, and never has the note.")
class Quote:
    """The passage of a post."""

    text: str = strawberry.field(description="The words of the passage.")
    location_start: int | None = strawberry.field(description="Its first location, counted from 0.")
    location_end: int | None = strawberry.field(description="The location behind its last one.")

    @classmethod
    def from_model(cls, row: PostRow) -> Self | None:
        """Present the passage of a post, if it has one."""
        if row.quote_text is None:
            return None
        return cls(text=row.quote_text, location_start=row.quote_start, location_end=row.quote_end)


@strawberry.type(description="What a reader says to others.")
class Post(Node):
    """A post, seen by a viewer."""

    row: strawberry.Private[PostRow]
    spoiler_until_location: int | None = strawberry.field(
        description="How far in the book one must be to read it; null when it gives nothing away."
    )
    is_hidden: bool = strawberry.field(
        description="Whether it may be a spoiler for you: you are not as far in its book. What tells of the book is then null or empty."
    )
    visibility: Visibility = strawberry.field(description="Who may see it, within what the account allows.")
    created_at: datetime = strawberry.field(description="When it was written.")
    deleted_at: datetime | None = strawberry.field(description="When you deleted it; null while it lives.")
    like_count: int = strawberry.field(description="How many like it.")
    comment_count: int = strawberry.field(description="How many comments it has, replies included.")
    repost_count: int = strawberry.field(description="How many passed it on.")

    @classmethod
    def from_model(cls, seen: SeenPost) -> Self:
        """Present a post."""
        row = seen.post
        return cls(
            id=strawberry.ID(global_id("Post", row.id)),
            row=row,
            spoiler_until_location=row.spoiler_until_location,
            is_hidden=seen.is_hidden,
            visibility=row.visibility,
            created_at=row.created_at,
            deleted_at=row.deleted_at,
            like_count=row.like_count,
            comment_count=row.comment_count,
            repost_count=row.repost_count,
        )

    # --- what it says ---

    @strawberry.field
    def text(self, reveal: Reveal = False) -> str | None:
        """What it says, in Markdown; null while it is hidden from you as a spoiler."""
        return self.row.text if self._shows(reveal) else None

    @strawberry.field
    async def hashtags(self, info: Info, reveal: Reveal = False) -> list[str]:
        """Its hashtags without the sign, in the spelling by which they are compared; none while it is hidden."""
        found = await info.context.loaders.hashtags_by_post_id.load(self.row.id) if self._shows(reveal) else None
        return list(found or ())

    @strawberry.field
    async def mentions(self, info: Info, reveal: Reveal = False) -> list[User]:
        """Readers whom it names, those left out that you may not know of; none while it is hidden."""
        found = await info.context.loaders.mentions_by_post_id.load(self.row.id) if self._shows(reveal) else None
        return [User.from_model(profile) for profile in found or ()]

    @strawberry.field
    def quote(self, reveal: Reveal = False) -> Quote | None:
        """The passage it is about; null when there is none, and while it is hidden."""
        return Quote.from_model(self.row) if self._shows(reveal) else None

    @strawberry.field
    def image_url(self, info: Info, reveal: Reveal = False) -> str | None:
        """The address of its picture, a WebP; null when there is none, and while it is hidden."""
        key = self.row.image_key if self._shows(reveal) else None
        return picture_url(info, key) if key else None

    # --- what it is about, and whose it is ---

    @strawberry.field
    async def author(self, info: Info) -> User:
        """Who wrote it."""
        found = await info.context.loaders.profile_by_id.load(self.row.user_id)
        if found is None:
            # A block, or the end of the account, came between the two reads of this answer.
            raise NotFound(NO_POST)
        return User.from_model(found)

    @strawberry.field
    async def book(self, info: Info) -> Book | None:
        """The book it is about; shown although it is hidden, so that you know what to read."""
        if self.row.book_id is None:
            return None
        found = await info.context.loaders.shown_book_by_id.load(self.row.book_id)
        return Book.from_model(found) if found else None

    @strawberry.field
    async def highlight(self, info: Info, reveal: Reveal = False) -> Highlight | None:
        """The highlight it was made from, where it is still there and for you to see; null while the post is hidden."""
        if self.row.highlight_id is None or not self._shows(reveal):
            return None
        found = await info.context.loaders.highlight_by_id.load(self.row.highlight_id)
        return Highlight.from_model(found) if found else None

    # --- what others make of it ---

    @strawberry.field
    async def viewer_has_liked(self, info: Info) -> bool:
        """Whether you like it."""
        deeds = await self._deeds(info)
        return deeds is not None and deeds.liked

    @strawberry.field
    async def viewer_has_reposted(self, info: Info) -> bool:
        """Whether you passed it on."""
        deeds = await self._deeds(info)
        return deeds is not None and deeds.reposted

    async def _deeds(self, info: Info) -> Deeds | None:
        signed_in = info.context.viewer.is_signed_in
        return await info.context.loaders.deeds_by_post_id.load(self.row.id) if signed_in else None

    @strawberry.field
    async def liked_by(
        self, info: Info, first: First = 20, after: After = None
    ) -> Annotated["UserConnection", strawberry.lazy("schema.social")]:
        """Who likes it, the latest first, those left out that you may not know of."""
        from schema.social import UserConnection

        request = LIKERS.request(first, after)
        page = await info.context.loaders.likers_by_post_id.load(LikersPage(self.row.id, request))
        if page is None:
            raise RuntimeError("a page for each post")
        return UserConnection.of(page, User.from_model)

    @strawberry.field
    async def comments(
        self,
        info: Info,
        sort: Annotated[
            CommentSort | None, strawberry.argument(description="In which order; NEWEST unless told.")
        ] = CommentSort.NEWEST,
        first: First = 20,
        after: After = None,
    ) -> Annotated["CommentConnection", strawberry.lazy("schema.posts_comments")]:
        """The comments on the post itself, without those whose author or words you mute; each has its replies."""
        from schema.posts_comments import Comment, CommentConnection

        order = sort or CommentSort.NEWEST
        request = ORDERS[order].request(first, after)
        page = await info.context.loaders.comments_by_post_id.load(CommentPage(self.row.id, order, request))
        if page is None:
            raise RuntimeError("a page for each post")
        return CommentConnection.of(page, Comment.from_model)

    def _shows(self, reveal: bool | None) -> bool:
        return bool(reveal) or not self.is_hidden


@strawberry.input(description="A post to write.")
class CreatePostInput:
    """Input of createPost."""

    text: str = strawberry.field(
        description="1 to 2,000 characters (code points) of Markdown; HTML is taken out. #tags and @names in it are found."
    )
    highlight_id: strawberry.ID | None = strawberry.field(
        default=None, description="A highlight of yours to quote; the post is about its book then."
    )
    book_id: strawberry.ID | None = strawberry.field(default=None, description="The book it is about.")
    media_id: strawberry.ID | None = strawberry.field(
        default=None, description="A picture from `createUpload` for POST_IMAGE."
    )
    visibility: Visibility | None = strawberry.field(
        default=Visibility.PUBLIC, description="Who may see it, within what your account allows."
    )
    spoiler_until_location: int | None = strawberry.field(
        default=None, description="Hide it from readers who are not at this location of the book yet; 0 or more."
    )
    widen_highlight: bool | None = strawberry.field(
        default=False,
        description="True: open a highlight that fewer may see than the post; else such a highlight is refused.",
    )
    client_mutation_id: str | None = None

    def to_draft(self) -> PostDraft:
        """Pass the post on."""
        return PostDraft(
            text=self.text,
            highlight_id=self.highlight_id,
            book_id=self.book_id,
            media_id=self.media_id,
            visibility=self.visibility or Visibility.PUBLIC,
            spoiler_until_location=self.spoiler_until_location,
            widen_highlight=bool(self.widen_highlight),
        )


@strawberry.input(description="A post to delete.")
class DeletePostInput:
    """Input of deletePost."""

    id: strawberry.ID = strawberry.field(description="Which post.")
    client_mutation_id: str | None = None


@strawberry.input(description="A deleted post to bring back.")
class RestorePostInput:
    """Input of restorePost."""

    id: strawberry.ID = strawberry.field(description="Which post.")
    client_mutation_id: str | None = None


@strawberry.input(description="A post to pass on.")
class RepostInput:
    """Input of repost."""

    post_id: strawberry.ID = strawberry.field(description="Which post.")
    client_mutation_id: str | None = None


@strawberry.input(description="A repost to take back.")
class UndoRepostInput:
    """Input of undoRepost."""

    post_id: strawberry.ID = strawberry.field(description="Which post.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to a change of a post.")
class PostPayload:
    """Payload with a post."""

    post: Post | None = strawberry.field(default=None, description="The post as it is now; null once it is deleted.")
    deleted_post_id: strawberry.ID | None = strawberry.field(default=None, description="The id of a deleted post.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    def of(cls, seen: SeenPost) -> Self:
        """Present what a change left."""
        return cls(post=Post.from_model(seen))

    @classmethod
    def of_own(cls, row: PostRow) -> Self:
        """Present a post of the viewer's as it is now: there, or deleted."""
        if row.deleted_at is not None:
            return cls(deleted_post_id=strawberry.ID(global_id("Post", row.id)))
        return cls.of(SeenPost(row, is_hidden=False))
