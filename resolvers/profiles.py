"""Profiles and privacy."""

from typing import Annotated

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.profiles import (
    PrivacySettings,
    UpdatePrivacyInput,
    UpdatePrivacyPayload,
    UpdateProfileInput,
    UpdateProfilePayload,
    User,
)


@strawberry.type
class ProfileQuery:
    """Profiles to read."""

    @strawberry.field
    async def user(
        self, info: Info, username: Annotated[str, strawberry.argument(description="Letter case does not matter.")]
    ) -> User | None:
        """A reader by name; null when there is none, or none for you to see."""
        async with info.context.reading() as services:
            profile = await services.profiles.by_name(info.context.viewer, username)
        return User.from_model(profile) if profile else None


@strawberry.type
class ProfileMutation:
    """Changes of the viewer's profile."""

    @strawberry.mutation
    async def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfilePayload | None:
        """Edit your profile: all of the edit, or nothing."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.profiles.update(
                    info.context.viewer, input.to_patch(), input.expected_version, input.client_mutation_id
                )
            return UpdateProfilePayload(user=User.own(row), user_errors=[])
        return UpdateProfilePayload(user=None, user_errors=failed.errors)

    @strawberry.mutation
    async def update_privacy(self, info: Info, input: UpdatePrivacyInput) -> UpdatePrivacyPayload | None:
        """Edit your privacy settings; they hold everywhere at once."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.profiles.update_privacy(
                    info.context.viewer, input.to_patch(), input.expected_version, input.client_mutation_id
                )
            return UpdatePrivacyPayload(privacy=PrivacySettings.from_model(row), user_errors=[])
        return UpdatePrivacyPayload(privacy=None, user_errors=failed.errors)
