"""What happened in a transaction, told to others after it has committed.

Events are bells, not letters: whoever hears one reads again. A lost one costs seconds, never data.
"""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class HighlightsChanged:
    """A reader's highlights have a new change to pull."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class SessionsChanged:
    """Some of a reader's sessions ended, or a device's switches changed: look again at their open sockets."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class ImportProgressed:
    """A reader's import has moved on."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class PositionsChanged:
    """A reader is somewhere else in a book."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class FeedEntryAdded:
    """Somebody wrote a post, or passed one on: it belongs into the home feeds of those who follow them."""

    author_id: UUID
    post_id: UUID
    is_repost: bool


@dataclass(frozen=True, slots=True)
class PostCountsChanged:
    """A post has other counts than before."""

    post_id: UUID


@dataclass(frozen=True, slots=True)
class JobAdded:
    """A job waits in the ledger."""


Event = (
    HighlightsChanged
    | SessionsChanged
    | ImportProgressed
    | PositionsChanged
    | FeedEntryAdded
    | PostCountsChanged
    | JobAdded
)
