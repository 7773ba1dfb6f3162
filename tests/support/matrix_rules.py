"""What each field shows to a viewer who sees its object: one line a field. A field of the schema that is missing here fails the matrix."""

import re
from typing import Any

from tests.support.matrix_oracle import RULES, House, Listed, Rule, plain
from tests.support.matrix_paths import Variant
from tests.support.matrix_world import Gadget, Mark, Person, SignIn, Volume, World


def variants(world: World) -> dict[str, tuple[Variant, ...]]:
    """Tell how fields with arguments are called."""
    in_book = f'(bookId: "{world.shared.gid}", first: 100)'
    return {
        "User.highlights": (
            Variant("", "(first: 100)"),
            Variant("book", in_book),
            Variant("page", "(first: 1)"),
        ),
        "Viewer.highlights": (
            Variant("", "(first: 100)"),
            Variant("deleted", "(deleted: true, first: 100)"),
            Variant("book", in_book),
            Variant("text", '(text: "qz", first: 100)'),
            Variant("page", "(first: 1, orderBy: UPDATED)"),
        ),
        "Import.problems": (Variant("", "(first: 100)"),),
    }


def _words(name: str) -> Rule:
    return lambda _, thing, __: thing.texts[name]


def texts(kind: str, *names: str) -> None:
    """Declare fields that hold the thing's own words."""
    for name in names:
        RULES[f"{kind}.{name}"] = _words(name)


def _first(arguments: str) -> int:
    found = re.search(r"first: (\d+)", arguments)
    return int(found[1]) if found else 20


def _users_highlights(house: House, person: Person, arguments: str) -> Listed:
    book = house.world.shared if "bookId" in arguments else None
    return Listed(house.of_owner(person, book), _first(arguments))


def _my_highlights(house: House, _: Person, arguments: str) -> Listed:
    found = [mark for mark in house.marks(deleted="deleted: true" in arguments) if house.owns(mark)]
    if "bookId" in arguments:
        found = [mark for mark in found if mark.book is house.world.shared]
    return Listed(found, _first(arguments))


def _highlight_count(house: House, book: Volume, _: str) -> int:
    return sum(mark.book is book and house.owns(mark) for mark in house.marks())


def _pending(house: House, device: Gadget, _: str) -> int:
    return sum(mark.owner is device.owner for mark in house.world.marks)


def _follow_count(place: int) -> Rule:
    return lambda house, person, _: sum(pair[place] == person.name for pair in house.world.follows)


def _devices(house: House, _: Person, __: str) -> list[Gadget]:
    return [device for device in house.world.devices if house.owns(device)]


def _sessions(house: House, _: Person, __: str) -> list[SignIn]:
    return [session for session in house.world.sessions if house.owns(session)]


def _conflict_of(house: House, mark: Mark, _: str) -> Mark | None:
    return mark.copy_of if mark.copy_of and house.reads(mark.copy_of) else None


def _if_open(name: str, closed: Any) -> Rule:
    return lambda house, person, _: person.texts[name] if house.reads_profile(person) else closed


texts("Book", "title", "authors", "publisher")
texts("Highlight", "text")
texts("Anchor", "prefix", "suffix", "cfi", "page")
texts("Device", "name", "platform")
texts("User", "displayName")
texts("Import", "error")
texts("ImportBook", "title")
texts("ImportProblem", "message")
COUNTS = ("done", "total", "created", "merged", "unchanged", "skipped", "attachedNotes", "collapsed")
RULES |= {f"{kind}.{name}": plain for kind in ("Import", "ImportBook") for name in COUNTS}
RULES |= {
    "User.username": lambda _, person, __: person.username,
    "User.bio": _if_open("bio", ""),
    "User.websiteUrl": _if_open("websiteUrl", None),
    "User.version": plain,
    "User.followerCount": _follow_count(1),
    "User.followingCount": _follow_count(0),
    "User.highlights": _users_highlights,
    "Viewer.user": lambda _, person, __: person,
    "Viewer.email": lambda _, person, __: person.email,
    "Viewer.privacy": lambda _, person, __: person,
    "Viewer.devices": _devices,
    "Viewer.sessions": _sessions,
    "Viewer.highlights": _my_highlights,
    "Device.pendingChangeCount": _pending,
    "Session.device": lambda house, session, _: session.device if house.owns(session.device) else None,
    "Book.isbn": lambda _, book, __: book.isbn,
    "Book.totalLocations": plain,
    "Book.highlightCount": _highlight_count,
    "Highlight.anchor": lambda _, mark, __: mark,
    "Anchor.locationStart": plain,
    "Anchor.locationEnd": plain,
    # Withheld by the type itself, whatever the predicates say.
    "Highlight.note": lambda house, mark, _: mark.texts["note"] if mark.owner is house.me else None,
    "Highlight.version": plain,
    "Highlight.book": lambda _, mark, __: mark.book,
    "Highlight.owner": lambda house, mark, _: mark.owner if house.knows(mark.owner) else None,
    "Highlight.conflictOf": _conflict_of,
    "Import.books": lambda house, upload, _: [upload] if house.owns(upload) else [],
    "Import.problems": lambda house, upload, _: [upload] if house.owns(upload) else [],
    "ImportBook.book": lambda house, upload, _: upload.book if house.asks_for(upload.book) else None,
    "ImportProblem.line": plain,
    "UserError.field": plain,
    "UserError.message": plain,
    "SignInPayload.token": plain,
    "SignInPayload.session": lambda _, payload, __: payload["session"],
    "RateLimit.cost": plain,
    "RateLimit.limit": plain,
    "RateLimit.remaining": plain,
    "Connection.edges": lambda _, listed, __: listed.page,
    "Connection.nodes": lambda _, listed, __: listed.page,
    "Connection.pageInfo": lambda _, listed, __: listed,
    "Connection.totalCount": lambda _, listed, __: len(listed.items),
    "PageInfo.hasNextPage": lambda _, listed, __: len(listed.items) > listed.first,
    "PageInfo.startCursor": plain,
    "PageInfo.endCursor": plain,
    "Edge.node": lambda _, thing, __: thing,
    "*.cursor": plain,
    "HighlightUpserted.highlight": lambda _, mark, __: mark,
    "HighlightChangePage.changes": lambda _, marks, __: marks,
}
