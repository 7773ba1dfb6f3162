"""How each subscription is followed by each viewer, and what it should tell: one without an entry fails the matrix."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import get_named_type

from tests.support.matrix_oracle import House, Refused
from tests.support.matrix_paths import SCHEMA, Branch, MissingFixture, Paths, spell
from tests.support.matrix_roots import Call, changes
from tests.support.matrix_things import Entry, Gadget, Upload
from tests.support.matrix_world import World


def _own_or_refused(thing: Gadget | Upload, answer: Callable[[House], Any]) -> Callable[[House], Any]:
    def expect(house: House) -> Any:
        house.account()
        if not house.owns(thing):
            raise Refused("NOT_FOUND")
        return answer(house)

    return expect


def _backfill(house: House) -> list[Any]:
    return [*changes(house)["changes"], {"__typename": "SyncCaughtUp"}]


def _that(upload: Upload) -> Callable[[House], Any]:
    return lambda _: upload


def _present_counts(entry: Entry) -> Callable[[House], Any]:
    def expect(house: House) -> Any:
        if not house.reads_post(entry):
            raise Refused("NOT_FOUND")
        return [entry]

    return expect


LIVE: dict[str, Callable[[World], list[Call]]] = {
    "highlightChanges": lambda world: [
        Call(f'(deviceId: "{device.gid}")', _own_or_refused(device, _backfill))
        for device in world.devices
        if device.owner in world.owners
    ],
    # Begins with the next entry: tests/graphql/test_feeds_live.py has many made.
    "homeFeed": lambda _: [],
    # Each begins with the present counts; what follows: tests/graphql/test_post_counts.py.
    "postCounts": lambda world: [
        Call(f'(postIds: ["{entry.gid}"])', _present_counts(entry))
        for entry in world.entries
        if entry.owner.name in ("open_on", "closed_on")
    ],
    # Begins with the next change: test_positions_live has one made.
    "readingPositions": lambda _: [],
    "importProgress": lambda world: [
        Call(f'(id: "{upload.gid}")', _own_or_refused(upload, _that(upload))) for upload in world.imports
    ],
}


def subscriptions(world: World, paths: Paths) -> Iterator[tuple[str, str, Call, tuple[Branch, ...]]]:
    """Write the operations of all subscriptions."""
    assert SCHEMA.subscription_type is not None
    for name, field in SCHEMA.subscription_type.fields.items():
        if name not in LIVE:
            raise MissingFixture(
                f"Subscription.{name} is a new path: say in tests/support/matrix_live.py how to follow it"
            )
        branches = paths.below(get_named_type(field.type))
        for call in LIVE[name](world):
            yield name, f"subscription {{ {name}{call.arguments} {{ {spell(branches)} }} }}", call, branches
