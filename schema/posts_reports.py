"""What readers report to the moderators."""

from datetime import datetime
from typing import Self

import strawberry

from core.errors import NotFound
from core.ids import global_id
from models import Report as ReportRow
from models.posts import ReportReason
from runtime.context import Info
from schema.enums import described
from schema.errors import UserError
from schema.node import Node
from schema.pagination import Connection
from schema.posts import Post
from schema.posts_comments import Comment
from schema.profiles import User

described(
    ReportReason,
    "Why something is reported.",
    {
        "SPAM": "It advertises, or says the same over and over.",
        "ABUSE": "It attacks or threatens somebody.",
        "SPOILER": "It gives a story away without saying so.",
        "COPYRIGHT": "It copies more of a work than may be copied.",
        "OTHER": "Something else: the text says what.",
    },
)


@strawberry.type(description="What a reader tells the moderators about another reader, a post or a comment.")
class Report(Node):
    """A report, seen by a moderator or by its reporter."""

    row: strawberry.Private[ReportRow]
    reason: ReportReason = strawberry.field(description="Why it is reported.")
    text: str | None = strawberry.field(description="What the reporter says about it.")
    created_at: datetime = strawberry.field(description="When it was first reported.")

    @classmethod
    def from_model(cls, row: ReportRow) -> Self:
        """Present a report."""
        return cls(
            id=strawberry.ID(global_id("Report", row.id)),
            row=row,
            reason=row.reason,
            text=row.text,
            created_at=row.created_at,
        )

    @strawberry.field
    async def reporter(self, info: Info) -> User:
        """Who reports it."""
        found = await info.context.loaders.profile_by_id.load(self.row.reporter_id)
        if found is None:
            # The account came to its end between the two reads of this answer.
            raise NotFound("There is no such report.")
        return User.from_model(found)

    @strawberry.field
    async def post(self, info: Info) -> Post | None:
        """The reported post; null for another kind of report, and where it is deleted or not for you to see."""
        found = await info.context.loaders.post_by_id.load(self.row.post_id) if self.row.post_id else None
        return Post.from_model(found) if found else None

    @strawberry.field
    async def comment(self, info: Info) -> Comment | None:
        """The reported comment; null for another kind of report, and where it is gone or not for you to see."""
        found = await info.context.loaders.comment_by_id.load(self.row.comment_id) if self.row.comment_id else None
        return Comment.from_model(found) if found else None

    @strawberry.field
    async def user(self, info: Info) -> User | None:
        """The reported reader; null for another kind of report, and where a block hides them from you."""
        key = self.row.reported_user_id
        found = await info.context.loaders.profile_by_id.load(key) if key else None
        return User.from_model(found) if found else None


@strawberry.type(description="A page of reports.")
class ReportConnection(Connection[Report]):
    """A list of reports."""


@strawberry.input(description="What to tell the moderators.")
class ReportContentInput:
    """Input of reportContent."""

    target_id: strawberry.ID = strawberry.field(description="A reader, post or comment that you may see.")
    reason: ReportReason = strawberry.field(description="Why you report it.")
    text: str | None = strawberry.field(default=None, description="More about it, up to 1,000 characters.")
    client_mutation_id: str | None = None


@strawberry.type(description="The answer to reportContent.")
class ReportContentPayload:
    """Payload of reportContent."""

    report: Report | None = strawberry.field(description="Your report.")
    user_errors: list[UserError]
