"""What each mutation is tried with, on one's own things and on others'; a mutation that is not named here fails the matrix."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from graphql import get_named_type

from core.ids import uuid7
from models.profiles import Visibility
from tests.support.matrix_oracle import House
from tests.support.matrix_paths import SCHEMA, Branch, MissingFixture, Paths, spell
from tests.support.matrix_roots import changes
from tests.support.matrix_things import Entry, Gadget, Mark, Paper, Person, Remark, SignIn, Volume
from tests.support.matrix_world import World

PASSAGE = {"text": "Nothing but the tide table.", "anchor": {"page": "7"}}


@dataclass(frozen=True)
class Attempt:
    """One input, whose thing it touches, and what the payload holds when it goes well."""

    root: str
    input: dict[str, Any]
    thing: str
    """The payload's field that would show it."""
    victim: Any
    by_predicate: bool
    """Whether the thing is looked up through a predicate; else its owner is compared in the service, whatever the predicates say."""


def _of_marks(mark: Mark) -> Iterator[Attempt]:
    yield Attempt("updateHighlight", {"id": mark.gid, "color": "PINK"}, "highlight", mark, by_predicate=False)
    yield Attempt("deleteHighlight", {"id": mark.gid}, "highlight", mark, by_predicate=False)
    yield Attempt("restoreHighlight", {"id": mark.gid}, "highlight", mark, by_predicate=False)
    yield Attempt("shareHighlight", {"id": mark.gid, "platform": "elsewhere"}, "text", mark, by_predicate=False)


def _making(book: Volume, mark: Mark) -> Iterator[Attempt]:
    hidden = {"book": {"id": book.gid}, "passage": PASSAGE}
    taken = {"book": {"named": {"title": "Tide Tables", "authors": []}}, "passage": PASSAGE, "uuid": str(mark.key)}
    yield Attempt("createHighlight", hidden, "highlight", book, by_predicate=True)
    yield Attempt("exportHighlights", {"format": "JSON", "bookId": book.gid}, "url", book, by_predicate=True)
    yield Attempt("createHighlight", taken, "highlight", mark, by_predicate=False)


def _positions(book: Volume, device: Gadget) -> Iterator[Attempt]:
    here = {"book": {"id": book.gid}, "location": 1}
    theirs = {"book": {"named": {"title": "Tide Tables", "authors": []}}, "location": 1, "deviceId": device.gid}
    yield Attempt("updateReadingPosition", here, "position", book, by_predicate=True)
    yield Attempt("linkDocument", {"digest": "d", "book": {"id": book.gid}}, "document", book, by_predicate=True)
    yield Attempt("updateReadingPosition", theirs, "position", device, by_predicate=True)


def _of_papers(paper: Paper) -> Iterator[Attempt]:
    digest = {"digest": paper.texts["digest"]}
    yield Attempt("unlinkDocument", digest, "document", paper, by_predicate=True)


def _of_books(book: Volume) -> Iterator[Attempt]:
    yield Attempt("mute", {"target": {"bookId": book.gid}}, "mute", book, by_predicate=True)


def _of_devices(device: Gadget, session: SignIn) -> Iterator[Attempt]:
    yield Attempt("updateDevice", {"id": device.gid, "syncNotes": True}, "device", device, by_predicate=True)
    yield Attempt("revokeSession", {"id": session.gid}, "revokedSessionId", session, by_predicate=False)
    yield Attempt("pushHighlightChanges", push(device, []), "changes", device, by_predicate=True)
    yield Attempt("separateDevice", {"deviceId": device.gid}, "device", device, by_predicate=False)
    yield Attempt("removeDevice", {"id": device.gid}, "removedDeviceId", device, by_predicate=True)


def _of_posts(entry: Entry, remark: Remark, mark: Mark) -> Iterator[Attempt]:
    yield Attempt("deletePost", {"id": entry.gid}, "deletedPostId", entry, by_predicate=False)
    yield Attempt("restorePost", {"id": entry.gid}, "post", entry, by_predicate=False)
    # Seen or not, a private post is not passed on.
    yield Attempt("repost", {"postId": entry.gid}, "post", entry, by_predicate=False)
    yield Attempt("undoRepost", {"postId": entry.gid}, "post", entry, by_predicate=True)
    yield Attempt("createPost", {"text": "Low.", "highlightId": mark.gid}, "post", mark, by_predicate=False)
    yield Attempt("addComment", {"postId": entry.gid, "text": "High."}, "post", entry, by_predicate=True)
    yield Attempt("mute", {"target": {"postId": entry.gid}}, "mute", entry, by_predicate=True)
    yield Attempt("updateComment", {"id": remark.gid, "text": "Low."}, "comment", remark, by_predicate=False)
    yield Attempt("deleteComment", {"id": remark.gid}, "deletedCommentId", remark, by_predicate=False)
    for thing in (entry, remark):
        yield Attempt("unlike", {"targetId": thing.gid}, "target", thing, by_predicate=True)
        yield Attempt("like", {"targetId": thing.gid}, "target", thing, by_predicate=True)
        yield Attempt("reportContent", {"targetId": thing.gid, "reason": "SPAM"}, "report", thing, by_predicate=True)


def push(device: Gadget, changed: list[tuple[Mark, dict[str, Any]]]) -> dict[str, Any]:
    """Write the input of a push."""
    now = datetime.now(UTC).isoformat()
    ops = [
        {"opId": str(uuid7()), "highlightUuid": str(mark.key), "doneAt": now, "change": change}
        for mark, change in changed
    ]
    return {"deviceId": device.gid, "sentAt": now, "ops": ops}


def on_others_things(world: World) -> list[Attempt]:
    """Try every mutation that takes an id, on everything that one reader has."""
    owner = world.people["closed_on"]
    marks = [mark for mark in world.marks if mark.owner is owner]
    private = next(book for book in world.books if book.holders == {owner.name})
    attempts = [attempt for mark in marks for attempt in _of_marks(mark)]
    attempts += _making(private, marks[0])
    attempts += _positions(private, things_of(world, owner)[0])
    attempts += _of_papers(next(paper for paper in world.papers if paper.owner is owner))
    attempts += _of_books(private)
    hidden = next(e for e in world.entries if e.owner is owner and e.visibility is Visibility.PRIVATE)
    below = next(r for r in world.remarks if r.entry.owner is owner and r.entry.deleted)
    attempts += _of_posts(hidden, below, marks[0])
    attempts += _of_devices(*things_of(world, owner))
    return attempts


def things_of(world: World, owner: Person) -> tuple[Gadget, SignIn]:
    """Find a reader's device and session."""
    device = next(device for device in world.devices if device.owner is owner)
    return device, next(session for session in world.sessions if session.owner is owner)


ELSEWHERE = {
    "signUp": "test_signing_in_shows_the_one_who_signed_in",
    "signIn": "test_signing_in_shows_the_one_who_signed_in",
    "signOut": "answers nothing",
    "changePassword": "answers nothing",
    "deleteAccount": "answers the viewer's own id",
    "addBook": "whoever names a book holds it from then on: test_naming_a_book_is_holding_it",
    "createUpload": "answers an address of the viewer's own; what becomes of it: tests/graphql/test_uploads.py",
    "importHighlights": "answers an import that has no report yet; Import itself is under node",
}
"""Mutations that take no id of anything private, and where they are looked at."""


def own_answers(house: House) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each mutation that shows something, done by its owner: the input, and the payload as the rules have it."""
    me = house.account()
    mark = next(m for m in house.world.marks if m.owner is me and m.copy_of)
    device, _ = things_of(house.world, me)
    spot = next(spot for spot in house.world.spots if spot.owner is me)
    here = {"book": {"id": spot.book.gid}, "location": 5}
    source = ", ".join([*mark.book.texts["authors"], mark.book.texts["title"]])
    told = f'"{mark.texts["text"]}"\n\n— {source}'
    mine = sum(house.owns(one) for one in house.marks())
    paper = next(paper for paper in house.world.papers if paper.owner is me)
    this = {"digest": paper.texts["digest"], "book": {"id": paper.book.gid}}
    highlight: dict[str, Any] = {"highlight": mark, "fork": None, "userErrors": []}
    people, names = house.world.people, ("ex", "stranger", "follower", "blocked")
    ex, stranger, follower, shut = (people[name] for name in names)
    word = next(mute for mute in house.world.mutes if mute.owner is me and mute.texts["word"])
    said = next(e for e in house.world.entries if e.owner is me and e.until is not None)
    told_of = next(c for c in house.world.complaints if c.owner is me)
    report = {"targetId": ex.gid, "reason": "OTHER", "text": told_of.texts["text"]}
    result: dict[str, Any] = {"highlight": mark, "fork": None, "error": None}
    return [
        ("updateHighlight", {"id": mark.gid, "color": "PINK"}, highlight),
        ("restoreHighlight", {"id": mark.gid}, highlight),
        ("shareHighlight", {"id": mark.gid, "platform": "elsewhere"}, {"text": told, "userErrors": []}),
        ("exportHighlights", {"format": "CSV"}, {"highlightCount": mine, "userErrors": []}),
        ("updateDevice", {"id": device.gid, "syncNotes": True}, {"device": device, "userErrors": []}),
        ("updateReadingPosition", here | {"recordedAt": "2020-01-01T00:00:00Z"}, {"position": spot, "userErrors": []}),
        ("linkDocument", this, {"document": paper, "userErrors": []}),
        ("updateProfile", {}, {"user": me, "userErrors": []}),
        ("updatePrivacy", {}, {"privacy": me, "userErrors": []}),
        # What these ask for is so already: nothing changes, and the payload shows the other.
        *(
            (name, {"userId": other.gid}, {"user": other, "userErrors": []})
            for name, other in (
                ("follow", ex),
                ("unfollow", stranger),
                ("removeFollower", stranger),
                ("block", shut),
                ("unblock", stranger),
            )
        ),
        ("respondToFollowRequest", {"userId": follower.gid, "accept": True}, {"user": follower, "userErrors": []}),
        ("mute", {"target": {"word": word.texts["word"]}}, {"mute": word, "userErrors": []}),
        ("unlike", {"targetId": said.gid}, {"target": said, "userErrors": []}),
        ("undoRepost", {"postId": said.gid}, {"post": said, "userErrors": []}),
        ("restorePost", {"id": said.gid}, {"post": said, "userErrors": []}),
        ("reportContent", report, {"report": told_of, "userErrors": []}),
        ("unmute", {"target": {"word": "never muted"}}, {"mute": None, "userErrors": []}),
        (
            "pushHighlightChanges",
            push(device, [(mark, {"edit": {"color": "BLUE"}})]),
            {"results": [result], "changes": changes(house), "userErrors": []},
        ),
    ]


def operation(paths: Paths, name: str) -> tuple[str, tuple[Branch, ...]]:
    """Write a mutation that selects everything of its payload."""
    assert SCHEMA.mutation_type is not None
    field = SCHEMA.mutation_type.fields[name]
    branches = paths.below(get_named_type(field.type))
    kind = field.args["input"].type
    return f"mutation($input: {kind}) {{ it: {name}(input: $input) {{ {spell(branches)} }} }}", branches


def check_complete(tried: set[str]) -> None:
    """Fail for a mutation that is neither tried nor looked at elsewhere."""
    assert SCHEMA.mutation_type is not None
    for name in SCHEMA.mutation_type.fields:
        if name not in tried | set(ELSEWHERE):
            raise MissingFixture(
                f"Mutation.{name} is a new path: say in tests/support/matrix_mutations.py how to try it"
            )
