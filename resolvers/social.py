"""Following, blocking, muting."""

import strawberry

from runtime.context import Info
from schema.errors import user_errors
from schema.profiles import User
from schema.social import (
    BlockInput,
    BlockPayload,
    FollowInput,
    FollowPayload,
    Mute,
    MuteInput,
    MutePayload,
    RemoveFollowerInput,
    RespondToFollowRequestInput,
    UnblockInput,
    UnfollowInput,
    UnmuteInput,
)


@strawberry.type
class SocialMutation:
    """Changes of the social graph."""

    @strawberry.mutation
    async def follow(self, info: Info, input: FollowInput) -> FollowPayload | None:
        """Follow a reader; of a private account, ask to. Doing it again is the same answer."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done = await services.social.follow(info.context.viewer, str(input.user_id), input.client_mutation_id)
            return FollowPayload.of(done)
        return FollowPayload.refused(failed.errors)

    @strawberry.mutation
    async def unfollow(self, info: Info, input: UnfollowInput) -> FollowPayload | None:
        """Stop following a reader; a request that waits is withdrawn."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done = await services.social.unfollow(info.context.viewer, str(input.user_id), input.client_mutation_id)
            return FollowPayload.of(done)
        return FollowPayload.refused(failed.errors)

    @strawberry.mutation
    async def respond_to_follow_request(self, info: Info, input: RespondToFollowRequestInput) -> FollowPayload | None:
        """Let a reader who asks follow you, or not."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done = await services.social.respond(
                    info.context.viewer, str(input.user_id), input.client_mutation_id, accept=input.accept
                )
            return FollowPayload.of(done)
        return FollowPayload.refused(failed.errors)

    @strawberry.mutation
    async def remove_follower(self, info: Info, input: RemoveFollowerInput) -> FollowPayload | None:
        """Take a reader off your followers, without telling them."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done = await services.social.remove_follower(
                    info.context.viewer, str(input.user_id), input.client_mutation_id
                )
            return FollowPayload.of(done)
        return FollowPayload.refused(failed.errors)

    @strawberry.mutation
    async def block(self, info: Info, input: BlockInput) -> BlockPayload | None:
        """Shut a reader out: neither follows the other any longer, and each is hidden from the other everywhere."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                profile = await services.social.block(info.context.viewer, str(input.user_id), input.client_mutation_id)
            return BlockPayload(user=User.from_model(profile), user_errors=[])
        return BlockPayload(user=None, user_errors=failed.errors)

    @strawberry.mutation
    async def unblock(self, info: Info, input: UnblockInput) -> BlockPayload | None:
        """Shut a reader out no longer. What the block ended stays ended."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                profile = await services.social.unblock(
                    info.context.viewer, str(input.user_id), input.client_mutation_id
                )
            return BlockPayload(user=User.from_model(profile), user_errors=[])
        return BlockPayload(user=None, user_errors=failed.errors)

    @strawberry.mutation
    async def mute(self, info: Info, input: MuteInput) -> MutePayload | None:
        """Leave a reader, a book, a post or a word out of your lists; they are not told. Again moves the end."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                row = await services.mutes.mute(
                    info.context.viewer, input.target.to_target(), input.until, input.client_mutation_id
                )
            return MutePayload(mute=Mute.from_model(row), user_errors=[])
        return MutePayload(mute=None, user_errors=failed.errors)

    @strawberry.mutation
    async def unmute(self, info: Info, input: UnmuteInput) -> MutePayload | None:
        """Meet it again in your lists."""
        with user_errors() as failed:
            async with info.context.transaction() as services:
                done = await services.mutes.unmute(
                    info.context.viewer, input.target.to_target(), input.client_mutation_id
                )
            return MutePayload(mute=Mute.from_model(done.mute) if done.mute else None, user_errors=[])
        return MutePayload(mute=None, user_errors=failed.errors)
