"""What each field shows to a viewer who sees its object: one line a field. A field of the schema that is missing here fails the matrix."""

from typing import Any

from tests.support.matrix_oracle import RULES, House, Listed, Rule, plain
from tests.support.matrix_paths import Variant
from tests.support.matrix_rules_posts import POST_RULES, first_of, post_variants
from tests.support.matrix_things import Gadget, Mark, Person, SignIn, Silence, Spot, Volume
from tests.support.matrix_world import World

PEOPLE = (Variant("", "(first: 100)"), Variant("page", "(first: 1)"))


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
        "Viewer.readingPositions": (Variant("", "(first: 100)"), Variant("page", "(first: 1)")),
        "Viewer.documents": (
            Variant("", "(first: 100)"),
            Variant("linked", "(linked: true, first: 100)"),
            Variant("unlinked", "(linked: false, first: 100)"),
            Variant("page", "(first: 1)"),
        ),
        "Import.problems": (Variant("", "(first: 100)"),),
        **dict.fromkeys(("User.followers", "User.following", "Viewer.followRequests", "Viewer.blocked"), PEOPLE),
        "Viewer.mutes": (Variant("", "(first: 100)"), Variant("page", "(first: 1)")),
        **post_variants(),
    }


def _words(name: str) -> Rule:
    return lambda _, thing, __: thing.texts[name]


def texts(kind: str, *names: str) -> None:
    """Declare fields that hold the thing's own words."""
    for name in names:
        RULES[f"{kind}.{name}"] = _words(name)


def _users_highlights(house: House, person: Person, arguments: str) -> Listed:
    book = house.world.shared if "bookId" in arguments else None
    return Listed(house.of_owner(person, book), first_of(arguments))


def _my_highlights(house: House, _: Person, arguments: str) -> Listed:
    found = [mark for mark in house.marks(deleted="deleted: true" in arguments) if house.owns(mark)]
    if "bookId" in arguments:
        found = [mark for mark in found if mark.book is house.world.shared]
    return Listed(found, first_of(arguments))


def _highlight_count(house: House, book: Volume, _: str) -> int:
    return sum(mark.book is book and house.owns(mark) for mark in house.marks())


def _pending(house: House, device: Gadget, _: str) -> int:
    return sum(mark.owner is device.owner for mark in house.world.marks)


def _follow_count(place: int) -> Rule:
    return lambda house, person, _: sum(pair[place] == person.name for pair in house.world.follows)


def _people(pairs: str, mine: int, theirs: int) -> Rule:
    """List those around a reader whom the viewer may know of; the youngest account first, as all relations are of one age."""

    def answer(house: House, person: Person, arguments: str) -> Listed | None:
        if not house.reads_profile(person):
            return None
        around = {pair[theirs] for pair in getattr(house.world, pairs) if pair[mine] == person.name}
        found = [
            other for other in reversed(house.world.people.values()) if other.name in around and house.knows(other)
        ]
        return Listed(found, first_of(arguments))

    return answer


def _around_me(pairs: str, mine: int, theirs: int, *, hidden: bool) -> Rule:
    def answer(house: House, person: Person, arguments: str) -> Listed:
        world, doors = house.world, house.open_doors
        around = [pair[theirs] for pair in getattr(world, pairs) if doors or pair[mine] == person.name]
        people = [p for p in reversed(world.people.values()) for _ in range(around.count(p.name))]
        return Listed([p for p in people if hidden or house.knows(p)], first_of(arguments))

    return answer


def _mutes(house: House, _: Person, arguments: str) -> Listed:
    return Listed([mute for mute in reversed(house.world.mutes) if house.owns(mute)], first_of(arguments))


def _relationship(house: House, person: Person, _: str) -> Any:
    return None if house.me in (None, person) else {"__typename": "Relationship"}


def _muted_person(house: House, mute: Silence, _: str) -> Person | None:
    return mute.person if mute.person and house.knows(mute.person) else None


def _devices(house: House, _: Person, __: str) -> list[Gadget]:
    return [device for device in house.world.devices if house.owns(device)]


def _sessions(house: House, _: Person, __: str) -> list[SignIn]:
    return [session for session in house.world.sessions if house.owns(session)]


def _my_spots(house: House, _: Person, arguments: str) -> Listed:
    return Listed([spot for spot in reversed(house.world.spots) if house.owns(spot)], first_of(arguments))


def _my_papers(house: House, _: Person, arguments: str) -> Listed:
    found = [paper for paper in reversed(house.world.papers) if house.owns(paper)]
    return Listed([] if "linked: false" in arguments else found, first_of(arguments))


def _spots_device(house: House, spot: Spot, _: str) -> Gadget | None:
    return spot.device if house.owns(spot.device) else None


def _conflict_of(house: House, mark: Mark, _: str) -> Mark | None:
    return mark.copy_of if mark.copy_of and house.reads(mark.copy_of) else None


def _if_open(name: str, closed: Any) -> Rule:
    return lambda house, person, _: person.texts[name] if house.reads_profile(person) else closed


texts("Book", "title", "authors", "publisher")
texts("Highlight", "text")
texts("Anchor", "prefix", "suffix", "cfi", "page")
texts("Device", "name", "platform")
texts("User", "displayName")
texts("ReadingPosition", "progress")
texts("Document", "digest", "filename", "title", "authors", "progress", "deviceName")
texts("DevicePosition", "progress", "deviceName")
texts("Mute", "word")
texts("Import", "error")
texts("ImportBook", "title")
texts("ImportProblem", "message")
texts("ShareHighlightPayload", "text")
texts("ExportHighlightsPayload", "highlightCount")
RULES |= {f"{kind}.url": plain for kind in ("ExportHighlightsPayload", "ShareHighlightPayload")}
COUNTS = ("done", "total", "created", "merged", "unchanged", "skipped", "attachedNotes", "collapsed")
RULES |= {f"{kind}.{name}": plain for kind in ("Import", "ImportBook") for name in COUNTS}
RULES |= {
    "User.username": lambda _, person, __: person.username,
    "User.bio": _if_open("bio", ""),
    "User.websiteUrl": _if_open("websiteUrl", None),
    "User.avatarUrl": plain,
    "User.version": plain,
    "User.followerCount": _follow_count(1),
    "User.followingCount": _follow_count(0),
    "User.highlights": _users_highlights,
    "User.relationship": _relationship,
    "User.followers": _people("follows", 1, 0),
    "User.following": _people("follows", 0, 1),
    "Viewer.followRequests": _around_me("requests", 1, 0, hidden=False),
    "Viewer.blocked": _around_me("blocks", 0, 1, hidden=True),
    "Viewer.mutes": _mutes,
    "Mute.user": _muted_person,
    "Mute.post": lambda house, mute, _: mute.entry if mute.entry and house.reads_post(mute.entry) else None,
    "Mute.book": lambda _, mute, __: mute.book,
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
    "Viewer.readingPositions": _my_spots,
    "Viewer.documents": _my_papers,
    "Document.book": lambda _, paper, __: paper.book,
    "ReadingPosition.book": lambda _, spot, __: spot.book,
    "ReadingPosition.device": _spots_device,
    "ReadingPosition.devicePositions": lambda house, spot, _: [
        one for one in house.world.spots if one.book is spot.book and house.owns(one)
    ],
    "ReadingPosition.location": plain,
    "ReadingPosition.furthestLocation": plain,
    "DevicePosition.device": _spots_device,
    "DevicePosition.location": plain,
    "UserError.field": plain,
    "UserError.message": plain,
    "SignInPayload.token": plain,
    "SignInPayload.session": lambda _, payload, __: payload["session"],
    "SeparateDevicePayload.token": plain,
    "SeparateDevicePayload.session": lambda _, payload, __: payload["session"],
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
RULES |= POST_RULES
