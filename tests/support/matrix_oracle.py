"""Who may see what, in plain Python over plain data: written from the rules, not from the SQL.

`House(world, viewer)` answers a selection as the API should. With `open_doors` every rule says yes: what the API must then
show is what the rules keep from people.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from models.profiles import Visibility
from tests.support.matrix_paths import Branch, Leaves, MissingFixture, Step, leaf
from tests.support.matrix_things import (
    Complaint,
    Entry,
    Gadget,
    Mark,
    Paper,
    Person,
    Remark,
    SignIn,
    Silence,
    Spot,
    Thing,
    Upload,
    Volume,
)
from tests.support.matrix_world import World


@dataclass(frozen=True)
class Refused(Exception):
    """The whole operation is refused with this code."""

    code: str


@dataclass
class Listed:
    """A connection: everything that matches, in order; the field's arguments cut the page."""

    items: list[Any]
    first: int = 100

    @property
    def page(self) -> list[Any]:
        """What the first page holds."""
        return self.items[: self.first]


class House:
    """The rules, for one viewer."""

    def __init__(self, world: World, viewer: str, *, open_doors: bool = False) -> None:
        self.world = world
        self.viewer = viewer
        self.me: Person | None = world.people.get(viewer)
        self.open_doors = open_doors

    # --- the rules ---

    def _blocked(self, person: Person) -> bool:
        return bool(self.world.blocks & {(self.viewer, person.name), (person.name, self.viewer)})

    def _follows(self, follower: str, followed: str) -> bool:
        return (follower, followed) in self.world.follows

    def follows(self, person: Person) -> bool:
        """Tell whether the viewer follows somebody."""
        return self._follows(self.viewer, person.name)

    def knows(self, person: Person) -> bool:
        """Tell whether the viewer may know that this account exists."""
        return self.open_doors or not self._blocked(person)

    def reads_profile(self, person: Person) -> bool:
        """Tell whether the viewer may read the whole profile."""
        is_open = not person.private or person is self.me or self._follows(self.viewer, person.name)
        return self.open_doors or (self.knows(person) and is_open)

    def reads(self, mark: Mark) -> bool:
        """Tell whether the viewer may read this highlight."""
        if self.open_doors:
            return True
        owner = mark.owner
        if owner is self.me:
            return not mark.erased
        if mark.deleted or self._blocked(owner) or mark.visibility is Visibility.PRIVATE:
            return False
        if mark.visibility is Visibility.PUBLIC and not owner.private:
            return True
        if not owner.shows or not self._follows(self.viewer, owner.name):
            return False
        return mark.visibility is not Visibility.MUTUALS or self._follows(owner.name, self.viewer)

    def _lets(self, owner: Person, level: Visibility) -> bool:
        """Tell whether an owner's account and the level of a post open it to others than the owner."""
        if self._blocked(owner) or level is Visibility.PRIVATE:
            return False
        if level is Visibility.PUBLIC and not owner.private:
            return True
        mutual = self._follows(owner.name, self.viewer) or level is not Visibility.MUTUALS
        return self._follows(self.viewer, owner.name) and mutual

    @property
    def moderates(self) -> bool:
        """Tell whether the viewer looks after reports."""
        return self.viewer == "moderator"

    def reads_post(self, entry: Entry) -> bool:
        """Tell whether the viewer may read this post, its secrets aside; a moderator also what was reported."""
        if self.open_doors:
            return True
        reported = [one.entry or (one.remark and one.remark.entry) for one in self.world.complaints]
        judges = self.moderates and entry in reported
        return not entry.deleted and (entry.owner is self.me or judges or self._lets(entry.owner, entry.visibility))

    def reads_remark(self, remark: Remark) -> bool:
        """Tell whether the viewer may read this comment, its secrets aside."""
        return self.open_doors or (self.reads_post(remark.entry) and self.knows(remark.owner))

    def has_read(self, thing: Entry | Remark) -> bool:
        """Tell whether the viewer is far enough in the book for the words of this."""
        book = thing.entry.book if isinstance(thing, Remark) else thing.book
        if self.open_doors or thing.until is None or thing.owner is self.me:
            return True
        reached = [spot.furthest for spot in self.world.spots if spot.owner is self.me and spot.book is book]
        return any(furthest is not None and furthest >= thing.until for furthest in reached)

    def reads_report(self, complaint: Complaint) -> bool:
        """Tell whether the viewer may read this report."""
        return self.open_doors or self.moderates or complaint.owner is self.me

    def wants(self, *things: Any) -> bool:
        """Tell whether the viewer muted none of these."""
        muted = [m for m in self.world.mutes if m.owner is self.me and not self.open_doors]
        return not any(thing is not None and thing in (m.person, m.book, m.entry) for m in muted for thing in things)

    def asks_for(self, book: Volume) -> bool:
        """Tell whether the viewer may ask for this book by itself."""
        return self.open_doors or book.public or self.viewer in book.holders

    def owns(self, thing: Gadget | SignIn | Mark | Upload | Spot | Paper | Silence) -> bool:
        """Tell whether this is the viewer's."""
        return self.open_doors or (self.me is not None and thing.owner is self.me)

    def account(self) -> Person:
        """The signed-in viewer, or a refusal."""
        if self.me is None:
            raise Refused("UNAUTHENTICATED")
        return self.me

    def marks(self, *, deleted: bool = False) -> list[Mark]:
        """All highlights that were deleted, or that were not; youngest first."""
        return [mark for mark in reversed(self.world.marks) if mark.deleted == deleted and not mark.erased]

    def of_owner(self, person: Person, book: Volume | None = None) -> list[Mark]:
        """A reader's living highlights that the viewer may read."""
        mine = [mark for mark in self.marks() if mark.owner is person and self.reads(mark)]
        return [mark for mark in mine if book is None or mark.book is book]

    # --- answering ---

    def answer(self, path: str, thing: Any, branches: tuple[Branch, ...]) -> Leaves:
        """Tell what an answer says at each path, as `matrix_paths.flatten` counts it."""
        if thing is None:
            return Counter()
        if isinstance(thing, list):
            return sum((self.answer(path, item, branches) for item in thing), Counter())
        kind = type_of(thing, branches)
        found: Leaves = Counter({(path, f"a {kind}"): 1})
        for branch in branches:
            for step in branch.steps if branch.type == kind else ():
                found += self._step(f"{path}.{step.key}", thing, step)
        return found

    def _step(self, path: str, thing: Any, step: Step) -> Leaves:
        if not step.below and not step.telling:
            return Counter()
        value = self._value(thing, step)
        return self.answer(path, value, step.below) if step.below else leaf(path, value)

    def _value(self, thing: Any, step: Step) -> Any:
        if isinstance(thing, dict):
            return thing[step.field]
        return rule_for(step.parent, step.field)(self, thing, step.arguments)


Rule = Callable[[House, Any, str], Any]


def plain(_: House, __: Any, ___: str) -> Any:
    """Stand for a text or number that keeps no secret wherever its object may be seen: it is not foreseen."""
    raise AssertionError("a plain leaf is not compared")


RULES: dict[str, Rule] = {}
"""By "Type.field": what a viewer who sees the object finds there."""


def rule_for(parent: str, field: str) -> Rule:
    """Find the rule of a field; a field without one fails the test by name."""
    for name in (f"{parent}.{field}", f"*.{field}", f"{shape_of(parent)}.{field}"):
        if name in RULES:
            return RULES[name]
    raise MissingFixture(f"{parent}.{field} is a new path: say in tests/support/matrix_rules.py what it may show")


def is_plain(parent: str, field: str) -> bool:
    """Tell whether a leaf is not foreseen."""
    return rule_for(parent, field) is plain


def shape_of(parent: str) -> str:
    """Name what all connections, and all edges, have in common."""
    return next((shape for shape in ("Connection", "Edge") if parent.endswith(shape)), parent)


def type_of(thing: Any, branches: Iterable[Branch]) -> str:
    """Name the GraphQL type under which a thing stands in a selection."""
    if isinstance(thing, dict) and "__typename" in thing:
        return str(thing["__typename"])
    kinds = [branch.type for branch in branches]
    return thing.kind if isinstance(thing, Thing) and thing.kind in kinds else kinds[0]
