"""Every list of the schema costs the same number of SQL statements with one row and with fifty, however deep it nests."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from graphql import (
    FieldNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_composite_type,
    parse,
    validate,
    visit,
)
from sqlalchemy import update

from core import clock
from core.ids import global_id
from models import User
from models.profiles import Role, Visibility
from runtime.container import Container
from tests.support.api import Reader
from tests.support.matrix_paths import SCHEMA, all_places
from tests.support.matrix_watch import Http, lift_limits
from tests.support.seeding import Seeder
from tests.support.statements import counted

MANY = 50
DEPTH = 3
KINDS = (
    *("Book", "Highlight", "User", "Device", "Session", "Import", "Mute", "ReadingPosition", "Document", "Post"),
    *("Report", "Comment"),
)


@dataclass
class Shelf:
    """A reader with so many of everything, and where to find it."""

    reader: Reader
    username: str = ""
    ids: dict[str, list[str]] = field(default_factory=dict)


async def heard(seeder: Seeder, user_id: UUID, highlight_id: UUID) -> None:
    """Let a reader follow one more, who wrote a post and passed it on."""
    voice = await seeder.user()
    await seeder.follow(user_id, voice.id)
    post = await seeder.post(voice.id, highlight_id=highlight_id)
    await seeder.repost(post.id, voice.id, created_at=post.created_at)


async def filled(http: Http, container: Container, count: int) -> Shelf:
    """Make a reader with so many devices, sessions, highlights in books of their own, imports, and readers followed."""
    async with container.database.writing() as session:
        seeder = Seeder(session)
        user = await seeder.user(f"shelf{count}", role=Role.MODERATOR)
        friends = [await seeder.user(f"friend{count}_{number}") for number in range(count)]
        found: dict[str, list[str]] = {kind: [] for kind in KINDS}
        token = ""
        for friend in friends:
            await session.execute(update(User).where(User.id == friend.id).values(is_private=True))
            await seeder.follow(user.id, friend.id)
            await seeder.follow(friend.id, user.id)
            await seeder.follow_request(friend.id, user.id)
            shut = await seeder.user(f"shut{count}_{len(found['Mute'])}")
            await seeder.block(user.id, shut.id)
            device = await seeder.device(user.id)
            opened, token = await seeder.session(user.id, device.id)
            book = await seeder.book()
            await seeder.hold(user.id, book.id)
            first = await seeder.highlight(user.id, book.id)
            copy = await seeder.highlight(user.id, book.id, conflict_of=first.id, note="a note")
            await seeder.highlight(friend.id, book.id, visibility=Visibility.FOLLOWERS)
            await heard(seeder, user.id, first.id)
            upload = await seeder.import_(user.id)
            for number in range(count if friend is friends[0] else 1):
                await seeder.import_book(upload.id, number, book_id=book.id)
                await seeder.import_problem(upload.id, number + 1)
            position = await seeder.position(user.id, book.id, device.id)
            document = await seeder.document(user.id, f"digest-{book.id}", book_id=book.id)
            marked: dict[str, Any] = {
                "book_id": book.id,
                "highlight_id": copy.id,
                "quote_text": "a passage",
                "image_key": "images/x.webp",
            }
            written = await seeder.post(user.id, tags=["tides", f"tag{book.id}"], **marked)
            await seeder.mention(written.id, friend.id)
            await seeder.like(written.id, user.id)
            # As old as the post: in the feed, what others wrote stands in between.
            await seeder.repost(written.id, user.id, created_at=written.created_at)
            passed_on = await seeder.post(friend.id, tags=["tides"], **marked)
            await seeder.mention(passed_on.id, user.id)
            await seeder.post(user.id, tags=["tides"], deleted_at=clock.now(), **marked)
            talk = await discussed(seeder, passed_on.id, user.id, count if friend is friends[0] else 1)
            found["Comment"].append(global_id("Comment", talk))
            made = {"ReadingPosition": position.id, "Document": document.id, "Book": book.id, "Highlight": copy.id}
            for kind, key in (made | {"User": friend.id, "Device": device.id, "Post": passed_on.id}).items():
                found[kind].append(global_id(kind, key))
            muted = await seeder.mute(user.id, muted_user_id=friend.id)
            await seeder.mute(user.id, muted_book_id=book.id)
            said = await seeder.post(friend.id)
            await seeder.trend(said.id)
            await seeder.mute(user.id, muted_post_id=(await seeder.post(friend.id)).id)
            reported = await seeder.report(friend.id, post_id=said.id)
            answer = await seeder.comment(said.id, friend.id)
            await seeder.report(friend.id, comment_id=answer.id)
            found["Report"].append(global_id("Report", reported.id))
            found["Mute"].append(global_id("Mute", muted.id))
            found["Session"].append(global_id("Session", opened.id))
            found["Import"].append(global_id("Import", upload.id))
    return Shelf(Reader(http, token), user.username, found)


async def discussed(seeder: Seeder, post_id: UUID, user_id: UUID, count: int) -> UUID:
    """Have a post liked and commented on by so many, each answered by a user whom so many answer; one of the last answers."""
    for number in range(count):
        guest = await seeder.user()
        await seeder.like(post_id, guest.id)
        top = await seeder.comment(post_id, guest.id)
        await seeder.like_comment(top.id, user_id)
        reply = await seeder.comment(post_id, user_id, parent=top)
        for _ in range(count if number == 0 else 1):
            last = await seeder.comment(post_id, guest.id, parent=reply)
    return last.id


BOOK = "book { title highlightCount }"
MARK = f"text note version {BOOK} owner {{ displayName followerCount }} conflictOf {{ text {BOOK} owner {{ bio }} }}"
DEEP = f"""
  totalCount pageInfo {{ hasNextPage }}
  edges {{ cursor node {{ {MARK} }} }}
  nodes {{ {MARK} owner {{ highlights(first: 3) {{ totalCount nodes {{ {MARK} }} edges {{ node {{ {MARK} }} }} }} }} }}
"""
DEVICE = "name pendingChangeCount"
POSITION = f"progress {BOOK} device {{ {DEVICE} }} devicePositions {{ progress device {{ {DEVICE} }} }}"
DOCUMENT = f"digest {BOOK}"
IMPORT = "state books { title book { title highlightCount } } problems(first: 100) { line message }"
CHANGE = f"__typename ... on HighlightUpserted {{ cursor highlight {{ {MARK} }} }} ... on HighlightRemoved {{ uuid }}"


PERSON = "displayName bio relationship { following followedBy requested blocking muting }"
PEOPLE = f"nodes {{ {PERSON} }} edges {{ cursor node {{ {PERSON} }} }}"
MUTE = "word user { displayName } book { title highlightCount } post { text viewerHasLiked }"
REPORTED = "post { text viewerHasLiked } comment { text }"
REPORT = f"reason reporter {{ displayName }} user {{ displayName }} {REPORTED}"


COMMENT = f"text isHidden viewerHasLiked author {{ {PERSON} }} parent {{ text }} post {{ text viewerHasLiked }}"
REPLIES = f"replies(first: 100) {{ nodes {{ {COMMENT} }} edges {{ node {{ {COMMENT} }} }} }}"
COMMENTS = f"nodes {{ {COMMENT} {REPLIES} }} edges {{ cursor node {{ {COMMENT} }} }}"
THREAD = f"""likedBy(first: 100) {{ {PEOPLE} }} comments(first: 100) {{ {COMMENTS} nodes {{ three: replies(first: 3) {{ {COMMENTS} }} }} }}
  top: comments(sort: TOP, first: 100) {{ nodes {{ {COMMENT} }} }} hot: comments(sort: HOT, first: 100) {{ nodes {{ {COMMENT} }} }}"""


POST = f"""text isHidden hashtags mentions {{ {PERSON} }} {BOOK} highlight {{ {MARK} }} quote {{ text }} imageUrl
  author {{ displayName followerCount postCount }} viewerHasLiked viewerHasReposted likeCount"""
POSTS = f"nodes {{ {POST} }} edges {{ cursor node {{ {POST} }} }}"
NESTED_POSTS = f"posts(first: 3) {{ {POSTS} nodes {{ author {{ posts(first: 3) {{ {POSTS} }} }} }} }}"


ANSWERED = "comments(first: 3) { nodes { text replies(first: 3) { nodes { text } } } }"
TALKED = f"posts(first: 5) {{ nodes {{ text likedBy(first: 3) {{ nodes {{ displayName }} }} {ANSWERED} }} }}"
MARKED = "book { followedHighlights(first: 3) { nodes { text } } }"
WRITTEN = f"posts(first: 3) {{ nodes {{ text mentions {{ displayName }} {MARKED} }} }}"
AROUND = "highlights(first: 3) { nodes { text } } following(first: 3) { nodes { displayName } }"
THREE_DEEP = f"""displayName following(first: 1) {{ nodes {{ {AROUND} {WRITTEN} followers(first: 3) {{ nodes {{ {TALKED} }} }} }} }}"""


def _nodes(kind: str, selection: str) -> Callable[[Shelf], str]:
    return lambda shelf: f"{{ nodes(ids: {json.dumps(shelf.ids[kind])}) {{ ... on {kind} {{ {selection} }} }} }}"


CASES: dict[str, Callable[[Shelf], str]] = {
    "my highlights": lambda _: f"{{ viewer {{ highlights(first: 100) {{ {DEEP} }} }} }}",
    "my highlights by place": lambda _: (
        f'{{ viewer {{ highlights(first: 100, orderBy: LOCATION, text: "Passage") {{ {DEEP} }} }} }}'
    ),
    "my positions": lambda _: (
        f"{{ viewer {{ readingPositions(first: 100) {{ nodes {{ {POSITION} }} edges {{ node {{ {POSITION} }} }} }} }} }}"
    ),
    "my documents": lambda _: (
        f"{{ viewer {{ documents(first: 100, linked: true) {{ nodes {{ {DOCUMENT} }} edges {{ node {{ {DOCUMENT} }} }} }} }} }}"
    ),
    # One list of the viewer's at a time: beside each other they share batches, or do not, as it comes.
    "my devices": lambda _: f"{{ viewer {{ devices {{ {DEVICE} }} }} }}",
    "my sessions": lambda _: f"{{ viewer {{ sessions {{ current device {{ {DEVICE} }} }} }} }}",
    "a reader's highlights": lambda shelf: (
        f'{{ user(username: "{shelf.username}") {{ highlights(first: 100) {{ {DEEP} }} }} }}'
    ),
    "my home feed": lambda _: (
        f"{{ homeFeed(first: 20) {{ nodes {{ {POST} }} edges {{ node {{ {POST} }} repostedBy {{ displayName }} }} }} }}"
    ),
    "who asks to follow me": lambda _: f"{{ viewer {{ followRequests(first: 100) {{ {PEOPLE} }} }} }}",
    "whom I block": lambda _: f"{{ viewer {{ blocked(first: 100) {{ {PEOPLE} }} }} }}",
    "what I mute": lambda _: (
        f"{{ viewer {{ mutes(first: 100) {{ nodes {{ {MUTE} }} edges {{ node {{ {MUTE} }} }} }} }} }}"
    ),
    "what was reported": lambda shelf: (
        f"{{ viewer {{ reports(first: {2 * len(shelf.ids['Report']) or 1}) {{ nodes {{ {REPORT} }} edges {{ node {{ {REPORT} }} }} }} }} }}"
    ),
    "what trends": lambda _: f"{{ trendingPosts(first: 100) {{ {POST} }} }}",
    "people around a reader, and around them": lambda shelf: (
        f'{{ user(username: "{shelf.username}") {{ followers(first: 100) {{ {PEOPLE} nodes {{ following(first: 3)'
        f" {{ {PEOPLE} }} }} }} following(first: 100) {{ {PEOPLE} }} }} }}"
    ),
    "a reader's posts, and their author's": lambda shelf: (
        f'{{ user(username: "{shelf.username}") {{ posts(first: 100) {{ {POSTS} nodes {{ author {{ {NESTED_POSTS} }} }} }} }} }}'
    ),
    "posts under a hashtag": lambda _: f'{{ hashtagPosts(tag: "#Tides", first: 100) {{ {POSTS} }} }}',
    "what I deleted": lambda _: f"{{ viewer {{ deletedPosts(first: 100) {{ {POSTS} }} }} }}",
    "posts by id": _nodes("Post", f"{POST} author {{ {NESTED_POSTS} }}"),
    "what my friends marked in books": _nodes(
        "Book", f"followedHighlights(first: 20) {{ totalCount nodes {{ {MARK} }} edges {{ node {{ {MARK} }} }} }}"
    ),
    "books": lambda _: "{ books(first: 100) { nodes { title highlightCount } edges { node { highlightCount } } } }",
    "a pull": lambda _: f"{{ highlightChanges(first: 500) {{ hasMore changes {{ {CHANGE} }} }} }}",
    "posts by id, with their threads": _nodes("Post", THREAD),
    "comments by id": _nodes("Comment", f"{COMMENT} parent {{ {COMMENT} {REPLIES} }}"),
    "books by id": _nodes("Book", "title highlightCount"),
    "highlights by id": _nodes("Highlight", MARK),
    "readers by id, with their highlights": _nodes("User", f"displayName highlights(first: 20) {{ {DEEP} }}"),
    "readers by id, with what is three deep and more": _nodes("User", THREE_DEEP),
    "devices by id": _nodes("Device", DEVICE),
    "sessions by id": _nodes("Session", f"current device {{ {DEVICE} }}"),
    "positions by id": _nodes("ReadingPosition", POSITION),
    "documents by id": _nodes("Document", DOCUMENT),
    "mutes by id": _nodes("Mute", MUTE),
    "reports by id": _nodes("Report", REPORT),
    "imports by id": _nodes("Import", IMPORT),
}
NESTING = ("Book", "Comment", "Post", "User")
"""What lists hold that has lists of such things again."""
NOT_A_LIST_OF_THINGS = {"PushHighlightChangesPayload.results": "written one after another, each behind its savepoint"}


@pytest.fixture
async def shelves(http: Http, container: Container, monkeypatch: pytest.MonkeyPatch) -> tuple[Shelf, Shelf]:
    """One with one of everything, one with fifty."""
    lift_limits(monkeypatch)
    # The process's own look at counters and epoch belongs to no request.
    monkeypatch.setattr("subscriptions.broker.SWEEP", 1_000.0)
    return await filled(http, container, 1), await filled(http, container, MANY)


async def cost(shelf: Shelf, container: Container, query: str) -> list[str]:
    """Note what a query takes, without the reading of the session, which is remembered for four seconds."""
    first = await shelf.reader.run(query)
    with counted(container.database.engine) as statements:
        assert await shelf.reader.run(query) == first
    return [statement for statement in statements if "token_hash" not in statement]


@pytest.mark.timeout(300)
async def test_no_list_costs_more_statements_when_it_is_longer(
    shelves: tuple[Shelf, Shelf], container: Container
) -> None:
    different = {}
    for name, query in CASES.items():
        few, many = [await cost(shelf, container, query(shelf)) for shelf in shelves]
        if len(few) != len(many):
            different[name] = (len(few), len(many), *sorted(set(many), key=many.count)[-2:])
    assert not different


async def test_twenty_highlights_with_their_books_take_three_statements(
    shelves: tuple[Shelf, Shelf], container: Container
) -> None:
    plain = "{ viewer { highlights(first: 20) { nodes { id text note color book { id title authors } } } } }"
    statements = await cost(shelves[1], container, plain)
    # The viewer, the highlights, the books.
    assert len(statements) == 3, statements


def is_list(kind: GraphQLType) -> bool:
    """Tell whether a type is a list of objects, or a connection."""
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(bare, GraphQLList):
        return is_composite_type(get_named_type(bare)) and get_named_type(bare).name != "UserError"
    return get_named_type(bare).name.endswith("Connection")


def lists_in(query: str) -> dict[str, int]:
    """Name the list fields that a document asks for, and in how many lists each stands at most, itself counted."""
    document, info = parse(query), TypeInfo(SCHEMA)
    met: dict[str, int] = {}
    above: list[bool] = []
    assert not validate(SCHEMA, document), query

    class Noting(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            definition, parent = info.get_field_def(), info.get_parent_type()
            assert definition is not None
            assert parent is not None
            # The edges and nodes of a connection are one list with it.
            above.append(is_list(definition.type) and not parent.name.endswith("Connection"))
            if is_list(definition.type):
                name = f"{parent.name}.{node.name.value}"
                met[name] = max(met.get(name, 0), sum(above))

        def leave_field(self, *_: Any) -> None:
            above.pop()

    visit(document, TypeInfoVisitor(info, Noting()))
    return met


def test_every_list_of_the_schema_has_a_case(nobody: Reader) -> None:
    lists = {f"{parent}.{name}" for parent, name, definition in all_places() if is_list(definition.type)}
    shelf = Shelf(nobody, "name", {kind: [] for kind in KINDS})
    met: dict[str, int] = {}
    for query in CASES.values():
        for name, depth in lists_in(query(shelf)).items():
            met[name] = max(met.get(name, 0), depth)
    assert lists - set(met) == set(NOT_A_LIST_OF_THINGS)
    assert not {name for name, depth in met.items() if name.split(".")[0] in NESTING and depth < DEPTH}
