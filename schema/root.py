"""Query, Mutation and Subscription, summed from the features; the only file here that looks up."""

import strawberry
from strawberry.extensions import AddValidationRules, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from resolvers.accounts import AccountMutation, AccountQuery
from resolvers.catalog import CatalogMutation, CatalogQuery
from resolvers.highlights import HighlightMutation, HighlightQuery
from resolvers.imports import ImportMutation
from resolvers.node import NodeQuery
from resolvers.profiles import ProfileMutation, ProfileQuery
from resolvers.sync import SyncMutation, SyncQuery
from schema.catalog import Book
from schema.describe import describe
from schema.errors import CodedErrors
from schema.extensions import OwnLoaders, StorableLiterals, StorableVariables
from schema.scalars import SCALARS
from subscriptions.imports import ImportSubscription
from subscriptions.sync import SyncSubscription


@strawberry.type(description="What can be read.")
class Query(NodeQuery, AccountQuery, ProfileQuery, CatalogQuery, HighlightQuery, SyncQuery):
    """The sum of all queries."""


@strawberry.type(description="What can be changed. Each field is a transaction of its own.")
class Mutation(AccountMutation, ProfileMutation, CatalogMutation, HighlightMutation, ImportMutation, SyncMutation):
    """The sum of all mutations."""


@strawberry.type(description="What can be followed live.")
class Subscription(ImportSubscription, SyncSubscription):
    """The sum of all subscriptions."""


# Built once: rules made anew for each request would never hit the validation cache.
_RULES = (StorableLiterals,)


def _validation_rules() -> AddValidationRules:
    return AddValidationRules(list(_RULES))


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Book],
    extensions=[CodedErrors, OwnLoaders, StorableVariables, ParserCache, _validation_rules, ValidationCache],
    config=StrawberryConfig(scalar_map=SCALARS),
)
describe(schema)
