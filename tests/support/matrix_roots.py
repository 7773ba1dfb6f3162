"""How each query is asked for each thing, and what it should answer: a root field without an entry fails the matrix."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import get_named_type

from core.events import Event
from models.profiles import Visibility
from tests.support.matrix_oracle import House, Listed
from tests.support.matrix_paths import SCHEMA, SHALLOW, Branch, MissingFixture, Paths, spell
from tests.support.matrix_things import Complaint, Entry, Mark, Person, Remark, Thing, Volume
from tests.support.matrix_world import World

BATCH = 10


@dataclass(frozen=True)
class Call:
    """One call of a root field; `kinds` narrows what is selected of an interface; `expect` tells the answer or raises Refused."""

    arguments: str
    expect: Callable[[House], Any]
    kinds: frozenset[str] = frozenset()
    deep: bool = True
    """Whether what hangs on the owner is asked, too."""
    alone: bool = False
    """Sent in an operation of its own, because a refusal takes the whole answer."""
    rung: tuple[Event, ...] = ()
    """What is rung for once the server listens, where a subscription begins with the next change."""
    last: str = ""
    """The id of the thing behind which nothing more comes."""


@dataclass(frozen=True)
class Document:
    """One operation with several calls of one root field."""

    root: str
    text: str
    calls: tuple[Call, ...]
    branches: tuple[Branch, ...]


Calls = Callable[[World], list[Call]]
FETCHED: Mapping[str, Callable[[World], list[Any]]] = {
    "Book": lambda world: world.books,
    "Device": lambda world: world.devices,
    "Document": lambda world: world.papers,
    "Highlight": lambda world: world.marks,
    "Import": lambda world: world.imports,
    "ReadingPosition": lambda world: world.spots,
    "Mute": lambda world: world.mutes,
    "Session": lambda world: world.sessions,
    "Post": lambda world: world.entries,
    "Comment": lambda world: world.remarks,
    "Report": lambda world: world.complaints,
    "User": lambda world: list(world.people.values()),
}
"""All things of a type with ids."""


def _seen(house: House, thing: Any) -> bool:
    checks: dict[str, Callable[[Any], bool]] = {
        "Book": house.asks_for,
        "Device": house.owns,
        "Document": house.owns,
        "Highlight": house.reads,
        "Import": house.owns,
        "ReadingPosition": house.owns,
        "Mute": house.owns,
        "Session": house.owns,
        "Post": house.reads_post,
        "Comment": house.reads_remark,
        "Report": house.reads_report,
        "User": house.knows,
    }
    return checks[thing.kind](thing)


def _if_seen(thing: Thing) -> Callable[[House], Any]:
    return lambda house: thing if _seen(house, thing) else None


def _is_deep(thing: Thing) -> bool:
    """Pick things of every kind for what hangs on their owners; of people, `nodes` asks it of all."""
    if isinstance(thing, Person):
        return thing.name in ("open_on", "closed_off")
    if isinstance(thing, Entry):
        return thing.until is not None
    if isinstance(thing, Remark | Complaint):
        return False
    return not isinstance(thing, Mark) or (thing.visibility is Visibility.PUBLIC and not thing.copy_of)


def _those_seen(things: list[Any]) -> Callable[[House], Any]:
    return lambda house: [thing for thing in things if _seen(house, thing)]


def _things(kind: str, world: World) -> list[Any]:
    if kind not in FETCHED:
        raise MissingFixture(f"Query.node can answer a {kind}: say in tests/support/matrix_roots.py which there are")
    return FETCHED[kind](world)


def _node(world: World) -> list[Call]:
    members = [kind.name for kind in SCHEMA.get_possible_types(SCHEMA.type_map["Node"])]  # type: ignore[arg-type]
    return [
        Call(f'(id: "{thing.gid}")', _if_seen(thing), frozenset({kind}), deep=_is_deep(thing))
        for kind in sorted(members)
        for thing in _things(kind, world)
        if kind not in ("Post", "Comment") or _belongs_to_few(thing)
    ]


def _belongs_to_few(thing: Entry | Remark) -> bool:
    """Pick posts and what is said below them: all of them are asked for in `nodes` and in the lists of their authors."""
    entry = thing.entry if isinstance(thing, Remark) else thing
    return entry.owner.name in ("open_on", "closed_off")


def _nodes(world: World) -> list[Call]:
    calls = []
    for kind in sorted(FETCHED):
        things = _things(kind, world)
        ids = json.dumps([thing.gid for thing in things])
        calls.append(
            Call(
                f"(ids: {ids})",
                _those_seen(things),
                frozenset({kind}),
                deep=kind not in ("Highlight", "Post", "Comment", "Report"),
            )
        )
    return calls


def _highlight(world: World) -> list[Call]:
    return [Call(f'(id: "{mark.gid}")', _if_seen(mark), deep=_is_deep(mark)) for mark in world.marks]


def _user(world: World) -> list[Call]:
    people = world.people.values()
    return [Call(f'(username: "{p.username.upper()}")', _if_seen(p), deep=_is_deep(p)) for p in people]


def _post(world: World) -> list[Call]:
    few = [entry for entry in world.entries if _belongs_to_few(entry)]
    return [Call(f'(id: "{entry.gid}")', _if_seen(entry), deep=_is_deep(entry)) for entry in few]


def _tagged(entry: Entry) -> Callable[[House], Listed]:
    def answer(house: House) -> Listed:
        wanted = house.wants(entry.owner, entry.book, entry)
        return Listed([entry] if house.reads_post(entry) and house.has_read(entry) and wanted else [])

    return answer


def _hashtag_posts(world: World) -> list[Call]:
    few = [entry for entry in world.entries if entry.owner.name in ("open_on", "closed_on")]
    return [Call(f'(tag: "#{e.texts["hashtags"].upper()}", first: 1)', _tagged(e), deep=False) for e in few]


def _trending_posts(world: World) -> list[Call]:
    def trending(house: House) -> list[Entry]:
        mine = [entry for entry in house.world.entries if house.reads_post(entry)]
        return [entry for entry in mine if house.wants(entry.owner, entry.book, entry)]

    del world
    return [Call("(first: 100)", trending, deep=False)]


def is_fed(house: House, entry: Entry, by: Person) -> bool:
    """Tell whether a post belongs into the viewer's home feed because of who wrote it or passed it on."""
    is_member = by is house.account() or (house.follows(by) and house.knows(by) and house.wants(by))
    is_wanted = entry.owner is house.me or house.wants(entry.owner, entry.book, entry)
    return is_member and is_wanted and house.reads_post(entry)


def _home_feed(world: World) -> list[Call]:
    def feed(house: House) -> Listed:
        entries = reversed(world.entries)
        return Listed([e for e in entries if any(is_fed(house, e, by) for by in (e.owner, *e.reposted_by))])

    return [Call("(first: 100)", feed, deep=False, alone=True)]


def _some(world: World) -> list[Volume]:
    """Pick books of every kind for what is asked in several ways: public, held by few, held by one owner."""
    return [book for book in world.books if book.name in {"shared", "few"} or book.name.endswith("FOLLOWERS")]


def _book(world: World) -> list[Call]:
    calls = [Call(f'(ref: {{id: "{book.gid}"}})', _if_seen(book)) for book in world.books]
    for book in _some(world):
        named = json.dumps(book.texts["title"]), json.dumps(book.texts["authors"])
        calls.append(Call(f"(ref: {{named: {{title: {named[0]}, authors: {named[1]}}}}})", _if_seen(book)))
        calls += [Call(f'(ref: {{isbn: "{book.isbn}"}})', _if_seen(book))] if book.isbn else []
    return calls


def _books(world: World) -> list[Call]:
    def listing(matches: Callable[[House, Volume], bool], first: int = 100) -> Callable[[House], Listed]:
        def answer(house: House) -> Listed:
            return Listed([b for b in by_title if house.asks_for(b) and matches(house, b)], first)

        return answer

    by_title = sorted(world.books, key=lambda book: book.texts["title"])

    def is_mine(house: House, book: Volume) -> bool:
        return any(mark.book is book and house.owns(mark) for mark in house.marks())

    def is_this(wanted: Volume) -> Callable[[House, Volume], bool]:
        return lambda _, book: book is wanted

    calls = [
        Call("(first: 100)", listing(lambda *_: True)),
        Call("(first: 1)", listing(lambda *_: True, 1)),
        Call("(first: 100, filter: {hasMyHighlights: true})", listing(is_mine)),
        Call("(first: 100, filter: {hasMyHighlights: false})", listing(lambda h, b: not is_mine(h, b))),
    ]
    for book in _some(world):
        for part, words in (("title", book.texts["title"]), ("author", book.texts["authors"][0])):
            calls.append(Call(f'(first: 1, filter: {{{part}: "{words}"}})', listing(is_this(book))))
    return calls


def changes(house: House) -> dict[str, Any]:
    """What a pull from the beginning holds."""
    mine = [_change(mark) for mark in house.world.marks if house.account() and house.owns(mark)]
    return {"__typename": "HighlightChangePage", "changes": mine}


def _change(mark: Mark) -> dict[str, Any]:
    if mark.deleted:
        return {"__typename": "HighlightRemoved"}
    return {"__typename": "HighlightUpserted", "highlight": mark}


ROOTS: dict[str, Calls] = {
    "Query.node": _node,
    "Query.nodes": _nodes,
    "Query.viewer": lambda _: [Call("", lambda house: house.me)],
    "Query.user": _user,
    "Query.book": _book,
    "Query.books": _books,
    "Query.highlight": _highlight,
    "Query.post": _post,
    "Query.hashtagPosts": _hashtag_posts,
    "Query.trendingPosts": _trending_posts,
    "Query.homeFeed": _home_feed,
    "Query.rateLimit": lambda _: [Call("", lambda _: {})],
    "Query.highlightChanges": lambda _: [Call("(first: 500)", changes, alone=True)],
}


def documents(world: World, paths: Paths) -> Iterator[Document]:
    """Write the operations of all queries."""
    assert SCHEMA.query_type is not None
    for name, field in SCHEMA.query_type.fields.items():
        root = f"Query.{name}"
        if root not in ROOTS:
            raise MissingFixture(f"{root} is a new path: say in tests/support/matrix_roots.py how to ask it")
        calls = ROOTS[root](world)
        kind = get_named_type(field.type)
        for kinds, deep in sorted({(call.kinds, call.deep) for call in calls}, key=repr):
            found = paths.below(kind, frozenset() if deep else SHALLOW)
            branches = tuple(branch for branch in found if not kinds or branch.type in kinds)
            same = [call for call in calls if (call.kinds, call.deep) == (kinds, deep)]
            size = 1 if any(call.alone for call in same) else BATCH
            for start in range(0, len(same), size):
                batch = tuple(same[start : start + size])
                yield Document(root, _spell(name, kind.name, batch, branches), batch, branches)


def _spell(name: str, kind: str, calls: tuple[Call, ...], branches: tuple[Branch, ...]) -> str:
    asked = " ".join(f"c{index}: {name}{call.arguments} {{ ...all }}" for index, call in enumerate(calls))
    return f"query {{ {asked} }} fragment all on {kind} {{ {spell(branches)} }}"
