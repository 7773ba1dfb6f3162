"""Every argument of every mutation, fed what it should not be: a clear refusal, no internals, nothing written."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from graphql import get_named_type, is_input_type

from core.ids import global_id
from runtime.container import Container
from schema.describe import core_schema
from schema.root import schema
from tests.support.api import PASSWORD, Reader
from tests.support.bad_input import NOW, bad_ids, check, fields_of, send, spoiled
from tests.support.commenting import comment
from tests.support.posting import post
from tests.support.rows import contents, nothing_written, sql

BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
ANCHOR = {
    "locationStart": 1,
    "locationEnd": 5,
    "prefix": "p",
    "suffix": "s",
    "cfi": "c",
    "page": "7",
    "percent": 5.0,
}
PASSAGE = {"text": "The lamp does not ask who is at sea.", "anchor": ANCHOR}
LATER = "2999-01-01T00:00:00Z"


@dataclass
class World:
    """What there is to name: ada's own things, and ben's."""

    ada: Reader
    highlight: str
    book: str
    private_highlight_of_ben: str
    post: str
    post_of_ben: str
    comment: str
    ids_of_ben: list[str]


@pytest.fixture
async def world(ada: Reader, ben: Reader) -> World:
    def marked(reader: Reader) -> Any:
        return reader.mutate("createHighlight", "highlight { id book { id } }", book=BOOK, passage=PASSAGE)

    mine, his = (await marked(ada))["highlight"], (await marked(ben))["highlight"]
    my_post, his_post = (await post(ada))["id"], (await post(ben))["id"]
    session = (await ben.run("{ viewer { sessions { id } } }"))["viewer"]["sessions"][0]["id"]
    ids_of_ben = [his["id"], ben.id, ben.device_id, session, his_post]
    said = await comment(ada, his_post)
    return World(ada, mine["id"], mine["book"]["id"], his["id"], my_post, his_post, said, ids_of_ben)


def mutations(world: World) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name, selection and a complete input of every mutation; what would end the reader's session names nothing of theirs."""
    device = {"name": "Tablet", "platform": "test", "id": world.ada.device_id}
    sign_up = {"username": "cora", "email": "cora@example.org", "password": PASSWORD, "displayName": "Cora"}
    privacy = dict.fromkeys(
        [
            "isPrivate",
            "allowFollowers",
            "showHighlightsToFollowers",
            "contributeToPopular",
            "exportIncludesNotes",
            "exportIncludesTimestamps",
        ],
        True,
    )
    words = {"note": "n", "color": "BLUE", "visibility": "PUBLIC"}
    draft = {"book": BOOK, "passage": PASSAGE} | words
    ops = [
        {"opId": str(uuid4()), "highlightUuid": str(uuid4()), "doneAt": NOW, "basedOn": None, "change": change}
        for change in (
            {"create": draft | {"createdAt": NOW}},
            {"edit": {"passage": PASSAGE} | words},
            {"delete": True},
            {"restore": True},
        )
    ]
    keyed = {"clientMutationId": None}
    return {
        "signUp": ("token", sign_up | {"device": device, "transport": "BEARER"}),
        "signIn": ("token", {"login": "ada", "password": PASSWORD, "device": device, "transport": "BEARER"}),
        "revokeSession": ("revokedSessionId", {"id": global_id("Session", uuid4())} | keyed),
        "updateDevice": (
            "device { id }",
            {"id": world.ada.device_id, "name": "n", "syncHighlights": True, "syncNotes": True} | keyed,
        ),
        "separateDevice": ("device { id }", {"deviceId": global_id("Device", uuid4()), "name": "n"}),
        "removeDevice": ("removedDeviceId", {"id": global_id("Device", uuid4())} | keyed),
        "changePassword": ("__typename", {"currentPassword": "wrong password", "newPassword": "long enough"}),
        "deleteAccount": ("deletedUserId", {"password": "wrong password"}),
        "updateProfile": (
            "user { id }",
            {
                "displayName": "A",
                "bio": "b",
                "websiteUrl": "https://a.example",
                "expectedVersion": None,
                "avatarMediaId": None,
            }
            | keyed,
        ),
        "updatePrivacy": (
            "privacy { isPrivate }",
            privacy | {"defaultHighlightVisibility": "PUBLIC", "expectedVersion": None} | keyed,
        ),
        "createUpload": ("mediaId", {"contentType": "text/plain", "byteSize": 5, "purpose": "IMPORT"} | keyed),
        "addBook": (
            "book { id }",
            {"title": "T", "authors": ["A"], "isbn": "0306406152", "publisher": "P", "totalLocations": 9} | keyed,
        ),
        "createHighlight": ("highlight { id }", {"uuid": str(uuid4()), "createdAt": NOW} | draft | keyed),
        "updateHighlight": (
            "highlight { id }",
            {"id": world.highlight, "passage": PASSAGE, "basedOn": None} | words | keyed,
        ),
        "updateReadingPosition": (
            "position { id }",
            {"book": BOOK, "location": 5, "percent": 1.5, "progress": "p", "deviceId": world.ada.device_id}
            | {"recordedAt": NOW, "sentAt": NOW}
            | keyed,
        ),
        "linkDocument": ("document { id }", {"digest": "d1", "book": BOOK} | keyed),
        "unlinkDocument": ("document { id }", {"digest": "d2"} | keyed),
        "deleteHighlight": ("highlight { id }", {"id": world.private_highlight_of_ben, "basedOn": None} | keyed),
        "restoreHighlight": ("highlight { id }", {"id": world.highlight} | keyed),
        "exportHighlights": ("url", {"format": "CSV", "bookId": None} | keyed),
        "shareHighlight": ("url", {"id": world.highlight, "platform": "elsewhere"} | keyed),
        **{
            name: ("user { id }", {"userId": world.ids_of_ben[1]} | keyed)
            for name in ("follow", "unfollow", "removeFollower")
        },
        **{name: ("user { id }", {"userId": world.ids_of_ben[1]} | keyed) for name in ("block", "unblock")},
        "respondToFollowRequest": ("user { id }", {"userId": world.ids_of_ben[1], "accept": True} | keyed),
        "mute": ("mute { id }", {"target": {"word": "butler"}, "until": LATER} | keyed),
        "unmute": ("mute { id }", {"target": {"word": "butler"}} | keyed),
        "createPost": (
            "post { id }",
            {"text": "A post.", "highlightId": world.highlight, "bookId": world.book, "mediaId": None}
            | {"visibility": "PUBLIC", "spoilerUntilLocation": 5, "widenHighlight": True}
            | keyed,
        ),
        "deletePost": ("deletedPostId", {"id": world.post_of_ben} | keyed),
        "restorePost": ("post { id }", {"id": world.post} | keyed),
        "repost": ("post { id }", {"postId": world.post_of_ben} | keyed),
        "undoRepost": ("post { id }", {"postId": world.post_of_ben} | keyed),
        **{name: ("liked likeCount", {"targetId": world.comment} | keyed) for name in ("like", "unlike")},
        "addComment": (
            "comment { id }",
            {"postId": world.post_of_ben, "parentId": world.comment, "text": "So.", "spoilerUntilLocation": None}
            | keyed,
        ),
        "updateComment": ("comment { id }", {"id": world.comment, "text": "Other."} | keyed),
        "deleteComment": ("deletedCommentId", {"id": global_id("Comment", uuid4())} | keyed),
        "reportContent": (
            "report { id }",
            {"targetId": world.ids_of_ben[1], "reason": "SPAM", "text": "It sells lamps."} | keyed,
        ),
        "pushHighlightChanges": (
            "results { outcome error { code message } } changes { cursor }",
            {"deviceId": world.ada.device_id, "after": None, "previousOpId": None, "sentAt": NOW, "ops": ops},
        ),
    }


WITHOUT_INPUT = {"signOut"}
ELSEWHERE = {"importHighlights"}  # tested with the imports
CASES = [
    "signUp",
    "signIn",
    "revokeSession",
    "updateDevice",
    "separateDevice",
    "removeDevice",
    "changePassword",
    "deleteAccount",
    "updateProfile",
    "updatePrivacy",
    "createUpload",
    "addBook",
    "createHighlight",
    "updateHighlight",
    "updateReadingPosition",
    "linkDocument",
    "unlinkDocument",
    "deleteHighlight",
    "restoreHighlight",
    "exportHighlights",
    "shareHighlight",
    "follow",
    "unfollow",
    "respondToFollowRequest",
    "removeFollower",
    "block",
    "unblock",
    "mute",
    "unmute",
    "createPost",
    "deletePost",
    "restorePost",
    "repost",
    "undoRepost",
    "like",
    "unlike",
    "addComment",
    "updateComment",
    "deleteComment",
    "reportContent",
    "pushHighlightChanges",
]


def fresh(input_: Any, good: dict[str, Any]) -> Any:
    """Give the operations of a push new ids, where they are good ones: a known one would answer as the first time."""
    if not isinstance(input_, dict) or not isinstance(input_.get("ops"), list):
        return input_
    known = {op["opId"] for op in good["ops"]}
    ops = [
        op | {"opId": str(uuid4())} if isinstance(op, dict) and str(op.get("opId")) in known else op
        for op in input_["ops"]
    ]
    return input_ | {"ops": ops}


def test_every_mutation_has_a_case() -> None:
    kind = core_schema(schema).mutation_type
    assert kind is not None
    assert set(kind.fields) - WITHOUT_INPUT - ELSEWHERE == set(CASES)


@pytest.mark.parametrize("mutation", CASES)
async def test_a_mutation_refuses_bad_input_clearly_and_writes_nothing(
    world: World, container: Container, mutation: str
) -> None:
    fields = core_schema(schema).mutation_type
    assert fields is not None
    kind = fields.fields[mutation].args["input"].type
    assert is_input_type(kind)
    selection, good = mutations(world)[mutation]
    assert set(good) == set(fields_of(get_named_type(kind).name)), "the case names every field"
    query = f"mutation($input: {kind}) {{ it: {mutation}(input: $input) {{ {selection} userErrors {{ field code message }} }} }}"
    # How far a device was sent is written down a while after the answer.
    but = ("auth_attempts", "devices") if mutation == "pushHighlightChanges" else ("auth_attempts",)
    before = await contents(container, but=but)
    refused = 0
    ids = bad_ids(*world.ids_of_ben)
    # A push is spoiled one operation at a time.
    goods = [good | {"ops": [op]} for op in good["ops"]] if "ops" in good else [good]
    for label, input_ in (variant for one in goods for variant in spoiled(kind, one, ids)):
        whole = check(label, *await send(world.ada, query, {"input": fresh(input_, good)}))
        after = await contents(container, but=but)
        assert not whole or after == before, label
        before, refused = after, refused + whole
        await sql(container, "DELETE FROM auth_attempts")
    assert refused > 10


async def test_a_reader_who_is_gone_is_signed_out_to_every_mutation(
    world: World, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another process deleted the account; this one remembers the session for a few seconds, here for as long as it takes.
    monkeypatch.setattr("runtime.sessions.REMEMBERED", 600.0)
    assert (await world.ada.run("{ viewer { email } }"))["viewer"]
    await sql(container, "DELETE FROM users WHERE username = 'ada'")
    cases = mutations(world)
    async with nothing_written(container, but=("auth_attempts",)):
        for mutation in CASES:
            if mutation in ("signUp", "signIn"):
                continue
            selection, input_ = cases[mutation]
            payload = await world.ada.mutate(mutation, selection, **input_)
            assert [e["code"] for e in payload["userErrors"]] in (["UNAUTHENTICATED"], ["NOT_FOUND"]), mutation
    assert (await world.ada.run("{ viewer { email } }"))["viewer"] is None
