"""Users, profiles, privacy."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from core.ids import global_id, read_id
from loaders.highlights import OwnerCount, OwnerPage
from loaders.posts import AuthorPage
from loaders.social import PeoplePage
from models import User as UserRow
from models.profiles import Role, Visibility
from repositories.highlights import ORDERS, HighlightOrder
from repositories.posts_lists import POSTS
from repositories.profiles import Profile
from repositories.social_lists import PEOPLE, People
from runtime.context import Info
from schema.enums import described
from schema.errors import UserError
from schema.inputs import given
from schema.media import picture_url
from schema.node import Node
from schema.pagination import After, Connection, First
from services.profiles import PrivacyPatch, ProfilePatch, version_of

if TYPE_CHECKING:
    from schema.highlights import HighlightConnection
    from schema.posts import Post
    from schema.social import Relationship, UserConnection

PeopleList = Annotated["UserConnection", strawberry.lazy("schema.social")]

described(
    Role,
    "What a user may do beyond reading.",
    {
        "READER": "Reads, marks and writes.",
        "MODERATOR": "Also looks after reports.",
        "ADMIN": "Also runs the server.",
    },
)
described(
    Visibility,
    "Who may see a thing, strictest first.",
    {
        "PRIVATE": "Only its owner.",
        "MUTUALS": "Readers whom the owner follows and who follow the owner.",
        "FOLLOWERS": "The owner's followers.",
        "PUBLIC": "Everybody; for a private account, its followers.",
    },
)


@strawberry.type(description="A reader, as others may see them.")
class User(Node):
    """A profile, seen by a viewer."""

    key: strawberry.Private[UUID]
    username: str = strawberry.field(description="The name in mentions and addresses; never changes.")
    display_name: str = strawberry.field(description="The name to show.")
    bio: str = strawberry.field(description="A few words in Markdown; empty where the profile is not open to you.")
    website_url: str | None = strawberry.field(description="A website; null where the profile is not open to you.")
    is_private: bool = strawberry.field(description="Whether followers must be approved to see more than this.")
    created_at: datetime = strawberry.field(description="When the account was made.")
    version: str = strawberry.field(description="Opaque; moves with edits of profile and privacy, never with counts.")
    is_open: strawberry.Private[bool]
    follower_count: int = strawberry.field(description="How many follow this reader.")
    following_count: int = strawberry.field(description="How many this reader follows.")
    post_count: int = strawberry.field(description="How many posts this reader wrote, deleted ones left out.")
    avatar_key: strawberry.Private[str | None] = None

    @classmethod
    def from_model(cls, profile: Profile) -> Self:
        """Present a profile."""
        row = profile.user
        return cls(
            id=strawberry.ID(global_id("User", row.id)),
            key=row.id,
            is_open=profile.is_open,
            username=row.username,
            display_name=row.display_name,
            bio=row.bio if profile.is_open else "",
            website_url=row.website_url if profile.is_open else None,
            is_private=row.is_private,
            created_at=row.created_at,
            version=version_of(row),
            follower_count=row.follower_count,
            following_count=row.following_count,
            post_count=row.post_count,
            avatar_key=row.avatar_key,
        )

    @classmethod
    def own(cls, row: UserRow) -> Self:
        """Present the viewer's own profile."""
        return cls.from_model(Profile(row, is_open=True))

    @strawberry.field
    def avatar_url(self, info: Info) -> str | None:
        """The address of a square WebP picture, at most 512 pixels wide; another picture has another address. Shown with the name."""
        return None if self.avatar_key is None else picture_url(info, self.avatar_key)

    @strawberry.field
    async def relationship(self, info: Info) -> Annotated["Relationship", strawberry.lazy("schema.social")] | None:
        """How you and this reader stand to each other; null when signed out, and to yourself."""
        from schema.social import Relationship

        if info.context.viewer.user_id in (None, self.key):
            return None
        row = await info.context.loaders.relationship_by_user_id.load(self.key)
        return Relationship.from_model(row) if row else None

    @strawberry.field
    async def followers(self, info: Info, first: First = 20, after: After = None) -> PeopleList | None:
        """Who follows this reader, the latest first; null where the list is not for you to see."""
        return await self._people(info, People.FOLLOWERS, first, after)

    @strawberry.field
    async def following(self, info: Info, first: First = 20, after: After = None) -> PeopleList | None:
        """Whom this reader follows, the latest first; null where the list is not for you to see."""
        return await self._people(info, People.FOLLOWING, first, after)

    async def _people(self, info: Info, which: People, first: int | None, after: str | None) -> "UserConnection | None":
        from schema.social import UserConnection

        request = PEOPLE.request(first, after)
        if not self.is_open:
            return None
        page = await info.context.loaders.people_by_user_id.load(PeoplePage(which, self.key, request))
        return UserConnection.of(page, User.from_model) if page else None

    @strawberry.field
    async def posts(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[Annotated["Post", strawberry.lazy("schema.posts")]]:
        """This reader's posts that you may see, newest first."""
        from schema.posts import Post

        key = AuthorPage(self.key, POSTS.request(first, after))
        page = await info.context.loaders.posts_by_author.load(key)
        if page is None:
            raise RuntimeError("every reader has a page")
        return Connection.of(page, Post.from_model)

    @strawberry.field
    async def highlights(
        self,
        info: Info,
        book_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only those in this book.")] = None,
        first: First = 20,
        after: After = None,
    ) -> Annotated["HighlightConnection", strawberry.lazy("schema.highlights")]:
        """This reader's highlights that you may see, newest first."""
        from schema.highlights import Highlight, HighlightConnection

        book = read_id(book_id, "Book", "bookId") if book_id is not None else None
        request = ORDERS[HighlightOrder.CREATED].request(first, after)
        page = await info.context.loaders.highlights_by_owner.load(OwnerPage(self.key, book, request))
        loader = info.context.loaders.highlight_count_by_owner
        count = OwnerCount(self.key, book)
        if page is None:
            raise RuntimeError("every reader has a page")
        return HighlightConnection.of(page, Highlight.from_model, count=lambda: loader.load(count))


@strawberry.type(description="Who sees what of you, and what leaves with an export.")
class PrivacySettings:
    """Privacy settings of the viewer."""

    is_private: bool = strawberry.field(description="Whether followers need your approval.")
    allow_followers: bool = strawberry.field(description="Whether anybody new may follow you.")
    default_highlight_visibility: Visibility = strawberry.field(description="What new highlights are unless told.")
    show_highlights_to_followers: bool = strawberry.field(
        description="Whether followers see what is for followers. What is public in a public account is seen by all."
    )
    contribute_to_popular: bool = strawberry.field(description="Whether your passages count, unnamed, in a book's.")
    export_includes_notes: bool = strawberry.field(description="Whether exports hold your notes.")
    export_includes_timestamps: bool = strawberry.field(description="Whether exports hold times.")

    @classmethod
    def from_model(cls, row: UserRow) -> Self:
        """Present a user's settings."""
        return cls(**{name: getattr(row, name) for name in PrivacyPatch.__dataclass_fields__})


@strawberry.input(description="An edit of your profile; what is left out stays.")
class UpdateProfileInput:
    """Input of updateProfile."""

    display_name: str | None = strawberry.field(default=strawberry.UNSET, description="1 to 100 characters, no HTML.")
    bio: str | None = strawberry.field(
        default=strawberry.UNSET, description="Up to 500 characters of Markdown; HTML is taken out."
    )
    website_url: str | None = strawberry.field(
        default=strawberry.UNSET, description="An http or https address; null or empty for none."
    )
    avatar_media_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A picture from `createUpload` for AVATAR; null for none."
    )
    expected_version: str | None = strawberry.field(
        default=None, description="The `version` you edited; a newer one refuses the edit with STALE_VERSION."
    )
    client_mutation_id: str | None = None

    def to_patch(self) -> ProfilePatch:
        """Pass on what is to change."""
        return ProfilePatch(
            given(self.display_name), given(self.bio), given(self.website_url), given(self.avatar_media_id)
        )


@strawberry.type(description="The answer to updateProfile.")
class UpdateProfilePayload:
    """Payload of updateProfile."""

    user: User | None = strawberry.field(description="Your profile after the edit.")
    user_errors: list[UserError]


@strawberry.input(description="An edit of your privacy settings; what is left out or null stays.")
class UpdatePrivacyInput:
    """Input of updatePrivacy."""

    is_private: bool | None = strawberry.field(default=None, description="Whether followers need your approval.")
    allow_followers: bool | None = strawberry.field(default=None, description="Whether anybody new may follow you.")
    default_highlight_visibility: Visibility | None = strawberry.field(
        default=None, description="What new highlights are unless told."
    )
    show_highlights_to_followers: bool | None = strawberry.field(
        default=None, description="Whether followers see what is for followers."
    )
    contribute_to_popular: bool | None = strawberry.field(
        default=None, description="Whether your passages count, unnamed, in a book's."
    )
    export_includes_notes: bool | None = strawberry.field(default=None, description="Whether exports hold notes.")
    export_includes_timestamps: bool | None = strawberry.field(default=None, description="Whether exports hold times.")
    expected_version: str | None = strawberry.field(
        default=None, description="The `version` you edited; a newer one refuses the edit with STALE_VERSION."
    )
    client_mutation_id: str | None = None

    def to_patch(self) -> PrivacyPatch:
        """Pass on what is to change."""
        return PrivacyPatch(**{name: getattr(self, name) for name in PrivacyPatch.__dataclass_fields__})


@strawberry.type(description="The answer to updatePrivacy.")
class UpdatePrivacyPayload:
    """Payload of updatePrivacy."""

    privacy: PrivacySettings | None = strawberry.field(description="Your settings after the edit.")
    user_errors: list[UserError]
