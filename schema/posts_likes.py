"""Likes."""

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from models import Post as PostRow
from runtime.context import Info
from schema.errors import UserError
from schema.posts_comments import Comment
from services.posts_likes import LikeState

if TYPE_CHECKING:
    from schema.posts import Post

LikeTarget = Annotated[
    Annotated["Post", strawberry.lazy("schema.posts")] | Comment,
    strawberry.union("LikeTarget", description="What can be liked."),
]


@strawberry.input(description="What to like, or to like no longer.")
class LikeInput:
    """Input of like and unlike."""

    target_id: strawberry.ID = strawberry.field(description="The id of a post or a comment.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to like and unlike.")
class LikePayload:
    """Payload of like and unlike."""

    state: strawberry.Private[LikeState | None]
    liked: bool | None = strawberry.field(description="Whether you like it now.")
    like_count: int | None = strawberry.field(description="How many like it now.")
    user_errors: list[UserError]

    @classmethod
    def of(cls, state: LikeState) -> Self:
        """Present how it stands now."""
        return cls(state=state, liked=state.is_liked, like_count=state.count, user_errors=[])

    @classmethod
    def refused(cls, errors: list[UserError]) -> Self:
        """Present a refusal."""
        return cls(state=None, liked=None, like_count=None, user_errors=errors)

    @strawberry.field
    async def target(self, info: Info) -> LikeTarget | None:
        """The post or the comment."""
        from schema.posts import Post

        if self.state is None:
            return None
        loaders, key = info.context.loaders, self.state.key
        if self.state.kind is PostRow:
            post = await loaders.post_by_id.load(key)
            return Post.from_model(post) if post else None
        comment = await loaders.comment_by_id.load(key)
        return Comment.from_model(comment) if comment else None
