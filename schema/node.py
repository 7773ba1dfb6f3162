"""The Node interface: everything with a global id."""

import strawberry


@strawberry.interface(description="A thing with a global id, to be read again through `node`.")
class Node:
    """Relay's node."""

    id: strawberry.ID = strawberry.field(description="The global id: opaque, and the same for ever.")
