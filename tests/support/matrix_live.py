"""How each subscription is followed by each viewer, and what it should tell: one without an entry fails the matrix."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import get_named_type

from core.events import FeedEntryAdded
from tests.support.matrix_oracle import House, Refused
from tests.support.matrix_paths import SCHEMA, SHALLOW, Branch, MissingFixture, Paths, spell
from tests.support.matrix_roots import Call, changes, is_fed
from tests.support.matrix_things import Entry, Gadget, Person, Upload
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


def home_feed(entries: list[Entry]) -> Call:
    """Ring for posts and for who passed them on; a post of the one whom everybody follows comes last."""
    friends = [entry for entry in entries if entry.owner.name == "bystander"]
    written = [(entry, None) for entry in entries if entry.owner.name == "closed_on"]
    passed_on = [(entry, by) for entry in entries for by in entry.reposted_by]
    rung: list[tuple[Entry, Person | None]] = [*written, *passed_on, *((entry, None) for entry in friends)]

    def expect(house: House) -> Any:
        edges = [
            {"__typename": "FeedEdge", "node": entry, "repostedBy": by}
            for entry, by in rung
            if is_fed(house, entry, by or entry.owner)
        ]
        return house.account() and edges

    bells = (FeedEntryAdded((by or entry.owner).key, entry.key, is_repost=by is not None) for entry, by in rung)
    return Call("", expect, deep=False, rung=tuple(bells), last=friends[-1].gid)


LIVE: dict[str, Callable[[World], list[Call]]] = {
    "highlightChanges": lambda world: [
        Call(f'(deviceId: "{device.gid}")', _own_or_refused(device, _backfill))
        for device in world.devices
        if device.owner in world.owners
    ],
    "homeFeed": lambda world: [
        home_feed([e for e in world.entries if e.owner.name in ("open_on", "closed_on", "bystander")])
    ],
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
        for call in LIVE[name](world):
            branches = paths.below(get_named_type(field.type), frozenset() if call.deep else SHALLOW)
            yield name, f"subscription {{ {name}{call.arguments} {{ {spell(branches)} }} }}", call, branches
