"""Following, blocking, muting."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from core.ids import global_id
from models import Mute as MuteRow
from repositories.social import Relationship as RelationshipRow
from runtime.context import Info
from schema.catalog import Book
from schema.enums import described
from schema.errors import UserError
from schema.node import Node
from schema.pagination import Connection
from schema.posts import Post
from schema.profiles import User
from services.social import FollowStatus, Standing
from services.social_mutes import NamedTarget

described(
    FollowStatus,
    "How far one reader has come in following another.",
    {
        "FOLLOWING": "Follows.",
        "REQUESTED": "Asked to follow a private account, which has not answered yet.",
        "NOT_FOLLOWING": "Neither follows nor asks to.",
    },
)


@strawberry.type(description="A page of readers.")
class UserConnection(Connection[User]):
    """A list of people."""


@strawberry.type(description="How you and another reader stand to each other.")
class Relationship:
    """A relationship, seen from the viewer."""

    following: bool = strawberry.field(description="Whether you follow this reader.")
    followed_by: bool = strawberry.field(description="Whether this reader follows you.")
    requested: bool = strawberry.field(description="Whether you asked to follow, and wait for the answer.")
    blocking: bool = strawberry.field(description="Whether you block this reader.")
    muting: bool = strawberry.field(description="Whether you have muted this reader.")

    @classmethod
    def from_model(cls, row: RelationshipRow) -> Self:
        """Present a relationship."""
        return cls(
            following=row.following,
            followed_by=row.followed_by,
            requested=row.requested,
            blocking=row.blocking,
            muting=row.muting,
        )


@strawberry.input(description="Whom to follow.")
class FollowInput:
    """Input of follow."""

    user_id: strawberry.ID = strawberry.field(description="The reader's id.")
    client_mutation_id: str | None = None


@strawberry.input(description="Whom to follow no longer.")
class UnfollowInput:
    """Input of unfollow."""

    user_id: strawberry.ID = strawberry.field(description="The reader's id.")
    client_mutation_id: str | None = None


@strawberry.input(description="The answer to one who asks to follow you.")
class RespondToFollowRequestInput:
    """Input of respondToFollowRequest."""

    user_id: strawberry.ID = strawberry.field(description="Who asks.")
    accept: bool = strawberry.field(description="True lets them follow; false declines, without telling them.")
    client_mutation_id: str | None = None


@strawberry.input(description="Whom to take off your followers.")
class RemoveFollowerInput:
    """Input of removeFollower."""

    user_id: strawberry.ID = strawberry.field(description="The follower's id.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to what concerns following.")
class FollowPayload:
    """Payload of follow, unfollow, respondToFollowRequest and removeFollower."""

    user: User | None = strawberry.field(description="The other reader, with counts as they are now.")
    status: FollowStatus | None = strawberry.field(
        description="Of follow and unfollow: how far you have come. Of the other two: how far the other has come."
    )
    user_errors: list[UserError]

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Present what has become of it."""
        return cls(user=User.from_model(standing.profile), status=standing.status, user_errors=[])

    @classmethod
    def refused(cls, errors: list[UserError]) -> Self:
        """Present a refusal."""
        return cls(user=None, status=None, user_errors=errors)


@strawberry.input(description="Whom to shut out.")
class BlockInput:
    """Input of block."""

    user_id: strawberry.ID = strawberry.field(description="The reader's id.")
    client_mutation_id: str | None = None


@strawberry.input(description="Whom to shut out no longer.")
class UnblockInput:
    """Input of unblock."""

    user_id: strawberry.ID = strawberry.field(description="The reader's id.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to block and unblock.")
class BlockPayload:
    """Payload of block and unblock."""

    user: User | None = strawberry.field(description="The other reader; of a blocked one no more than the name.")
    user_errors: list[UserError]


@strawberry.input(one_of=True, description="What to mute, named in exactly one way.")
class MuteTargetInput:
    """Names what is muted."""

    user_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="A reader: nothing of theirs in lists.")
    book_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="A book: nothing about it in lists.")
    post_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="A post: neither it nor what is said about it in lists."
    )
    word: strawberry.Maybe[str] = strawberry.field(
        description="A word or phrase, 1 to 100 characters, whatever its case: nothing that says it in lists."
    )

    def to_target(self) -> NamedTarget:
        """Pass on what is named."""
        return NamedTarget(
            user_id=str(self.user_id.value) if self.user_id else None,
            book_id=str(self.book_id.value) if self.book_id else None,
            post_id=str(self.post_id.value) if self.post_id else None,
            word=self.word.value if self.word else None,
        )


@strawberry.input(description="What to meet no longer, and until when.")
class MuteInput:
    """Input of mute."""

    target: MuteTargetInput = strawberry.field(description="What to mute.")
    until: datetime | None = strawberry.field(default=None, description="When it ends; null: it does not.")
    client_mutation_id: str | None = None


@strawberry.input(description="What to meet again.")
class UnmuteInput:
    """Input of unmute."""

    target: MuteTargetInput = strawberry.field(description="What to unmute.")
    client_mutation_id: str | None = None


@strawberry.type(description="Something you do not want to meet in lists. Asked for by itself, it is still there.")
class Mute(Node):
    """A mute of the viewer's."""

    user_key: strawberry.Private[UUID | None]
    book_key: strawberry.Private[UUID | None]
    post_key: strawberry.Private[UUID | None]
    word: str | None = strawberry.field(description="The word or phrase, as it is compared.")
    until: datetime | None = strawberry.field(description="When it ends; null: it does not.")
    created_at: datetime = strawberry.field(description="When you first muted it.")

    @classmethod
    def from_model(cls, row: MuteRow) -> Self:
        """Present a mute."""
        return cls(
            id=strawberry.ID(global_id("Mute", row.id)),
            user_key=row.muted_user_id,
            book_key=row.muted_book_id,
            post_key=row.muted_post_id,
            word=row.word,
            until=row.until,
            created_at=row.created_at,
        )

    @strawberry.field
    async def user(self, info: Info) -> User | None:
        """The muted reader; null for another kind of mute, and where a block hides them."""
        found = await info.context.loaders.profile_by_id.load(self.user_key) if self.user_key else None
        return User.from_model(found) if found else None

    @strawberry.field
    async def book(self, info: Info) -> Book | None:
        """The muted book; null for another kind of mute."""
        found = await info.context.loaders.shown_book_by_id.load(self.book_key) if self.book_key else None
        return Book.from_model(found) if found else None

    @strawberry.field
    async def post(self, info: Info) -> Post | None:
        """The post whose conversation is muted; null for another kind of mute, and where you may not see it any more."""
        found = await info.context.loaders.post_by_id.load(self.post_key) if self.post_key else None
        return Post.from_model(found) if found else None


@strawberry.type(description="A page of your mutes.")
class MuteConnection(Connection[Mute]):
    """A list of mutes."""


@strawberry.type(description="The answer to mute and unmute.")
class MutePayload:
    """Payload of mute and unmute."""

    mute: Mute | None = strawberry.field(description="The mute; of unmute the one taken away, null if there was none.")
    user_errors: list[UserError]
