"""Query, Mutation and Subscription, summed from the features; the only file here that looks up."""

import strawberry
from graphql import GraphQLError, NoSchemaIntrospectionCustomRule
from strawberry.extensions import AddValidationRules, MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from resolvers.accounts import AccountMutation, AccountQuery
from resolvers.catalog import CatalogMutation, CatalogQuery
from resolvers.exports import ExportMutation
from resolvers.feeds import FeedQuery
from resolvers.highlights import HighlightMutation, HighlightQuery
from resolvers.imports import ImportMutation
from resolvers.koreader import KoreaderMutation
from resolvers.media import MediaMutation
from resolvers.node import NodeQuery
from resolvers.positions import PositionMutation
from resolvers.posts import PostMutation, PostQuery
from resolvers.posts_comments import CommentMutation
from resolvers.posts_likes import LikeMutation
from resolvers.posts_reports import ReportMutation
from resolvers.posts_trends import PostTrendQuery
from resolvers.profiles import ProfileMutation, ProfileQuery
from resolvers.rate import RateQuery
from resolvers.social import SocialMutation
from resolvers.sync import SyncMutation, SyncQuery
from schema.catalog import Book
from schema.describe import describe
from schema.errors import CodedErrors
from schema.executor import Executor, expect_cancelled_operations
from schema.extensions import (
    LIMITS,
    BoundedParser,
    Charged,
    LimitedValidation,
    OwnLoaders,
    StorableLiterals,
    StorableVariables,
)
from schema.scalars import SCALARS
from subscriptions.feeds import FeedSubscription
from subscriptions.imports import ImportSubscription
from subscriptions.positions import PositionSubscription
from subscriptions.posts_counts import PostCountsSubscription
from subscriptions.sync import SyncSubscription


@strawberry.type(description="What can be read.")
class Query(
    NodeQuery,
    AccountQuery,
    ProfileQuery,
    CatalogQuery,
    HighlightQuery,
    PostQuery,
    PostTrendQuery,
    FeedQuery,
    SyncQuery,
    RateQuery,
):
    """The sum of all queries."""


@strawberry.type(description="What can be changed. Each field is a transaction of its own.")
class Mutation(
    AccountMutation,
    ProfileMutation,
    CatalogMutation,
    HighlightMutation,
    ExportMutation,
    ImportMutation,
    KoreaderMutation,
    MediaMutation,
    PositionMutation,
    PostMutation,
    ReportMutation,
    CommentMutation,
    LikeMutation,
    SocialMutation,
    SyncMutation,
):
    """The sum of all mutations."""


@strawberry.type(description="What can be followed live.")
class Subscription(
    FeedSubscription, ImportSubscription, PositionSubscription, PostCountsSubscription, SyncSubscription
):
    """The sum of all subscriptions."""


# Built once: rules made anew for each request would never hit the validation cache.
_RULES = (StorableLiterals,)
_CLOSED_RULES = (StorableLiterals, NoSchemaIntrospectionCustomRule)


def _tokens() -> MaxTokensLimiter:
    return MaxTokensLimiter(LIMITS.tokens)


def _open_rules() -> AddValidationRules:
    return AddValidationRules(list(_RULES))


def _closed_rules() -> AddValidationRules:
    return AddValidationRules(list(_CLOSED_RULES))


class Schema(strawberry.Schema):
    """A schema that leaves the logging of faults to `schema.errors.coded`, which knows a refusal from a fault."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Do nothing here."""


def _make(*, introspection: bool) -> Schema:
    made = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Book],
        execution_context_class=Executor,
        extensions=[
            CodedErrors,
            OwnLoaders,
            StorableVariables,
            _tokens,
            BoundedParser,
            _open_rules if introspection else _closed_rules,
            LimitedValidation,
            Charged,
        ],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not introspection),
    )
    describe(made)
    return made


expect_cancelled_operations()
schema = _make(introspection=True)
closed_schema = _make(introspection=False)
"""The same for production: no introspection, and no suggestions that give names away."""
