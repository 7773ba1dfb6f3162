"""The tabs that GraphiQL opens with: a tour of the API, to be played from left to right."""

import json
import secrets
from typing import Any

from core.clock import now
from core.ids import uuid7

# The page puts the device of the last sign-in in its place.
DEVICE = "$DEVICE"
PASSWORD = "correct horse battery"  # noqa: S105 - of an account that the reader of the page makes

SIGN_UP = """\
# 1. Make an account: press play, or Ctrl-Enter.
#
# The answer holds a token. While this browser tab is open,
# the page sends it along by itself: just go on to the next
# tab. Your own program sends it with each request:
#   Authorization: Bearer <token>
mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
    token
    session {
      expiresAt
      device { id name }
    }
    viewer { user { id username } }
    userErrors { field message code }
  }
}
"""
SIGN_IN = """\
# 2. Come back later, or from another device: the same
# account, another token. The page sends this one now.
# After `make run` there is also the demo reader: login
# "mara", password "open-the-book".
#
# To be somebody else in one tab, write into its Headers
# (below, beside Variables); what stands there goes first:
#   { "Authorization": "Bearer <another token>" }
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    token
    session {
      expiresAt
      device { id name }
    }
    userErrors { field message code }
  }
}
"""
WHO_AM_I = """\
# 3. Who am I? null says that nobody is signed in:
# then play tab 1 or 2 first.
query WhoAmI {
  viewer {
    user { id username displayName }
    email
    devices { id name pendingChangeCount }
    sessions { current lastSeenAt device { name } }
    highlights(first: 5) {
      totalCount
      nodes { text color book { title } }
    }
  }
}
"""
ADD_BOOK = """\
# 4. Put a book on your shelf. Played twice it is still one
# book: clientMutationId makes both answers the same.
mutation AddBook($input: AddBookInput!) {
  addBook(input: $input) {
    book { id title authors }
    userErrors { field message code }
  }
}
"""
HIGHLIGHT = """\
# 5. Mark a passage in it.
mutation Highlight($input: CreateHighlightInput!) {
  createHighlight(input: $input) {
    highlight { id uuid text note version createdAt }
    userErrors { field message code }
  }
}
"""
FOLLOW = """\
# 6. Listen, as a device does: what changed so far, then
# each change as it happens. Changing tabs ends it, so open
# this page in a second window, play tabs 2 and 5 there, and
# watch this one.
#
# It goes over a WebSocket: the token, or what Headers say,
# goes into connection_init. "$DEVICE" in Variables stands
# for the device you signed in on; the page fills it in.
subscription FollowHighlights($deviceId: ID!) {
  highlightChanges(deviceId: $deviceId) {
    __typename
    ... on HighlightUpserted {
      cursor
      highlight { uuid text note color version }
    }
    ... on HighlightRemoved { cursor uuid removedAt }
    ... on SyncCaughtUp { cursor }
    ... on ResyncRequired { reason }
  }
}
"""
PULL = """\
# 7. Catch up after being offline: what changed after a
# cursor, in the order it happened. To go on, put the
# answer's cursor into Variables, as "after".
query Pull($deviceId: ID, $after: String) {
  highlightChanges(
    deviceId: $deviceId
    after: $after
    first: 20
  ) {
    changes {
      __typename
      ... on HighlightUpserted {
        highlight { uuid text note color }
        originDeviceId
      }
      ... on HighlightRemoved { uuid removedAt }
    }
    cursor
    hasMore
    resync
  }
}
"""
PUSH = """\
# 8. Send what was done offline, in its order. Each
# operation takes effect once: play it again, and each
# result says  replayed: true.
mutation Push($input: PushHighlightChangesInput!) {
  pushHighlightChanges(input: $input) {
    results {
      outcome
      replayed
      highlight { text note color version }
      error { message code }
    }
    changes {
      cursor
      hasMore
      changes { __typename }
    }
    userErrors { field message code }
  }
}
"""
POST = """\
# 9. Say something about what you read. #tags and @names in
# the text are found; who follows you has it soon.
mutation Post($input: CreatePostInput!) {
  createPost(input: $input) {
    post { id text hashtags visibility likeCount }
    userErrors { field message code }
  }
}
"""
FEED = """\
# 10. What those whom you follow say, and you. As "mara"
# (tab 2) there is more of it. isHidden marks what would
# tell you how a book goes on; text(reveal: true) shows it.
query HomeFeed {
  homeFeed(first: 10) {
    degraded
    edges {
      repostedBy { username }
      node {
        author { displayName }
        text
        isHidden
        book { title }
        quote { text }
        likeCount
        comments(first: 3, sort: HOT) {
          nodes { text author { username } replyCount }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def tour() -> list[dict[str, str]]:
    """Make the tabs, with names and ids that nobody has used yet."""
    name = f"guest_{secrets.token_hex(3)}"
    book = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
    new = {
        "username": name,
        "email": f"{name}@example.org",
        "password": PASSWORD,
        "displayName": "A Guest",
        "device": {"name": "Browser", "platform": "web"},
    }
    back = {"login": name, "password": PASSWORD, "device": {"name": "Tablet", "platform": "web"}}
    added = {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"], "clientMutationId": str(uuid7())}
    marked = {
        "book": book,
        "passage": {
            "text": "The lamp does not ask who is at sea.",
            "anchor": {"locationStart": 10, "locationEnd": 46},
        },
        "note": "for the preface",
    }
    return [
        _tab(SIGN_UP, input=new),
        _tab(SIGN_IN, input=back),
        _tab(WHO_AM_I),
        _tab(ADD_BOOK, input=added),
        _tab(HIGHLIGHT, input=marked),
        _tab(FOLLOW, deviceId=DEVICE),
        _tab(PULL, deviceId=DEVICE, after=None),
        _tab(PUSH, input=_offline_work(book)),
        _tab(POST, input={"text": "The lamp does not ask. #lighthouse", "clientMutationId": str(uuid7())}),
        _tab(FEED),
    ]


def _offline_work(book: dict[str, Any]) -> dict[str, Any]:
    uuid, at = str(uuid7()), now().isoformat()
    draft = {
        "book": book,
        "passage": {
            "text": "Ink keeps better than oil.",
            "anchor": {"locationStart": 90, "locationEnd": 116},
        },
        "color": "BLUE",
    }
    done = [{"create": draft}, {"edit": {"note": "written on the train"}}]
    ops = [{"opId": str(uuid7()), "highlightUuid": uuid, "doneAt": at, "change": change} for change in done]
    return {"deviceId": DEVICE, "sentAt": at, "ops": ops}


def _tab(query: str, **variables: Any) -> dict[str, str]:
    return {"query": query, "variables": json.dumps(variables, indent=2) if variables else ""}
