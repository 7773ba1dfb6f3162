"""ORM TABLES: columns, constraints, tiny properties.

May import core.
"""

from models.accounts import AuthAttempt, Device, Session
from models.audit import AuditEntry
from models.catalog import Book, BookHolder
from models.documents import PersistedDocument
from models.feeds import FeedEpoch
from models.highlights import Highlight
from models.imports import Import, ImportBook, ImportMark, ImportProblem
from models.jobs import IdempotencyKey, Job
from models.koreader import Document
from models.media import Media, StoredFile
from models.positions import DevicePosition, ReadingPosition
from models.posts import (
    Comment,
    CommentLike,
    Like,
    Post,
    PostHashtag,
    PostMention,
    PostTrend,
    Report,
    Repost,
)
from models.profiles import User
from models.social import Block, Follow, FollowRequest, Mute
from models.sync import SyncCounter, SyncEpoch, SyncOutcome

__all__ = [
    "AuditEntry",
    "AuthAttempt",
    "Block",
    "Book",
    "BookHolder",
    "Comment",
    "CommentLike",
    "Device",
    "DevicePosition",
    "Document",
    "FeedEpoch",
    "Follow",
    "FollowRequest",
    "Highlight",
    "IdempotencyKey",
    "Import",
    "ImportBook",
    "ImportMark",
    "ImportProblem",
    "Job",
    "Like",
    "Media",
    "Mute",
    "PersistedDocument",
    "Post",
    "PostHashtag",
    "PostMention",
    "PostTrend",
    "ReadingPosition",
    "Report",
    "Repost",
    "Session",
    "StoredFile",
    "SyncCounter",
    "SyncEpoch",
    "SyncOutcome",
    "User",
]
