"""Every mutation that takes an idempotency key, with two inputs for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
PASSAGE = {"text": "The lamp does not ask who is at sea.", "anchor": {}}


@dataclass
class Things:
    """What a reader has, for mutations to work on."""

    highlight: str
    deleted: str
    spare_session: str
    spare_device: str
    device: str
    digest: str
    readers: tuple[str, str]
    """One who is not followed, and one who follows."""
    post: str
    deleted_post: str
    others_posts: tuple[str, str]
    comments: tuple[str, str]
    """By the reader: one without replies, and one with some."""


@dataclass(frozen=True)
class Case:
    """A mutation that takes keys, two inputs for it, and what it answers."""

    selection: str
    one: Callable[[Things], dict[str, Any]]
    other: Callable[[Things], dict[str, Any]]


HIGHLIGHT = "highlight { id text note color deletedAt version }"
CASES = {
    "updateProfile": Case("user { bio version }", lambda _: {"bio": "One."}, lambda _: {"bio": "Other."}),
    "updatePrivacy": Case(
        "privacy { isPrivate }", lambda _: {"isPrivate": True}, lambda _: {"isPrivate": True, "allowFollowers": False}
    ),
    "updateDevice": Case(
        "device { id name syncNotes }",
        lambda t: {"id": t.device, "name": "Shelf", "syncNotes": False},
        lambda t: {"id": t.device, "name": "Shelf"},
    ),
    "revokeSession": Case(
        "revokedSessionId", lambda t: {"id": t.spare_session}, lambda t: {"id": t.spare_session[:-4] + "AAA="}
    ),
    "removeDevice": Case("removedDeviceId", lambda t: {"id": t.spare_device}, lambda t: {"id": t.device}),
    "addBook": Case(
        "book { id title }",
        lambda _: {"title": "Tides", "authors": ["Ib Lund"]},
        lambda _: {"title": "Tides", "authors": ["Ib Lund"], "totalLocations": 5},
    ),
    "createUpload": Case(
        "mediaId uploadUrl expiresAt",
        lambda _: {"contentType": "text/plain", "byteSize": 5, "purpose": "IMPORT"},
        lambda _: {"contentType": "text/plain", "byteSize": 6, "purpose": "IMPORT"},
    ),
    "createHighlight": Case(
        HIGHLIGHT,
        lambda _: {"book": BOOK, "passage": PASSAGE},
        lambda _: {"book": BOOK, "passage": PASSAGE, "note": "n"},
    ),
    "updateReadingPosition": Case(
        "position { id location recordedAt }",
        lambda _: {"book": BOOK, "location": 5, "recordedAt": "2026-01-31T18:30:00Z"},
        lambda _: {"book": BOOK, "location": 6, "recordedAt": "2026-01-31T18:30:00Z"},
    ),
    "linkDocument": Case(
        "document { digest book { title } }",
        lambda _: {"digest": "d1", "book": BOOK},
        lambda _: {"digest": "d2", "book": BOOK},
    ),
    "unlinkDocument": Case(
        "document { digest book { title } }", lambda t: {"digest": t.digest}, lambda _: {"digest": "none"}
    ),
    "updateHighlight": Case(
        HIGHLIGHT, lambda t: {"id": t.highlight, "color": "PINK"}, lambda t: {"id": t.highlight, "color": "BLUE"}
    ),
    "deleteHighlight": Case(HIGHLIGHT, lambda t: {"id": t.highlight}, lambda t: {"id": t.deleted}),
    "exportHighlights": Case("highlightCount", lambda _: {"format": "CSV"}, lambda _: {"format": "JSON"}),
    "shareHighlight": Case(
        "text url",
        lambda t: {"id": t.highlight, "platform": "mastodon"},
        lambda t: {"id": t.highlight, "platform": "bluesky"},
    ),
    **{
        name: Case(
            "status user { id followerCount relationship { following requested } }",
            lambda t: {"userId": t.readers[0]},
            lambda t: {"userId": t.readers[1]},
        )
        for name in ("follow", "unfollow", "removeFollower")
    },
    **{
        name: Case("user { id bio }", lambda t: {"userId": t.readers[0]}, lambda t: {"userId": t.readers[1]})
        for name in ("block", "unblock")
    },
    "respondToFollowRequest": Case(
        "status user { id }",
        lambda t: {"userId": t.readers[1], "accept": True},
        lambda t: {"userId": t.readers[1], "accept": False},
    ),
    **{
        name: Case(
            "mute { word }", lambda _: {"target": {"word": "butler"}}, lambda _: {"target": {"word": "gardener"}}
        )
        for name in ("mute", "unmute")
    },
    "createPost": Case(
        "post { id text createdAt }", lambda _: {"text": "One."}, lambda _: {"text": "One.", "visibility": "PRIVATE"}
    ),
    "deletePost": Case("deletedPostId", lambda t: {"id": t.post}, lambda t: {"id": t.deleted_post}),
    "restorePost": Case("post { id deletedAt }", lambda t: {"id": t.deleted_post}, lambda t: {"id": t.post}),
    **{
        name: Case(
            "post { id repostCount viewerHasReposted }",
            lambda t: {"postId": t.others_posts[0]},
            lambda t: {"postId": t.others_posts[1]},
        )
        for name in ("repost", "undoRepost")
    },
    **{
        name: Case(
            "liked likeCount target { __typename ... on Post { id likeCount } ... on Comment { id likeCount } }",
            lambda t: {"targetId": t.others_posts[0]},
            lambda t: {"targetId": t.comments[0]},
        )
        for name in ("like", "unlike")
    },
    "addComment": Case(
        "comment { id text depth } post { commentCount }",
        lambda t: {"postId": t.others_posts[0], "text": "One."},
        lambda t: {"postId": t.others_posts[0], "text": "One.", "parentId": t.comments[0]},
    ),
    "updateComment": Case(
        "comment { id text editedAt } post { id }",
        lambda t: {"id": t.comments[0], "text": "Other."},
        lambda t: {"id": t.comments[1], "text": "Other."},
    ),
    "deleteComment": Case(
        "comment { id } deletedCommentId post { commentCount }",
        lambda t: {"id": t.comments[0]},
        lambda t: {"id": t.comments[1]},
    ),
    "reportContent": Case(
        "report { id reason text user { id } }",
        lambda t: {"targetId": t.readers[0], "reason": "SPAM", "text": "lamps"},
        lambda t: {"targetId": t.readers[0], "reason": "ABUSE", "text": "lamps"},
    ),
    "restoreHighlight": Case(HIGHLIGHT, lambda t: {"id": t.deleted}, lambda t: {"id": t.highlight}),
}
