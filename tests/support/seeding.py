"""Write rows straight into the tables: a factory per model, for states that no mutation makes yet, or that take too long to make."""

import itertools
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from auth.tokens import hash_token, new_token
from core.database import Base
from core.ids import uuid7
from core.text import words_of
from models import (
    AuthAttempt,
    Block,
    Book,
    BookHolder,
    Comment,
    CommentLike,
    Device,
    DevicePosition,
    Document,
    Follow,
    FollowRequest,
    Highlight,
    IdempotencyKey,
    Import,
    ImportBook,
    ImportMark,
    ImportProblem,
    Job,
    Like,
    Media,
    Mute,
    Post,
    PostHashtag,
    PostMention,
    PostTrend,
    ReadingPosition,
    Report,
    Repost,
    Session,
    StoredFile,
    SyncCounter,
    SyncOutcome,
    User,
)
from models.imports import ImportFormat
from models.media import MediaState, UploadPurpose
from models.posts import ReportReason, TrendWindow
from models.profiles import Visibility
from models.sync import OpOutcome
from services.catalog import match_key

Row = TypeVar("Row", bound=Base)
START = datetime(2026, 3, 1, tzinfo=UTC)
_numbers = itertools.count(1)


class Seeder:
    """Rows of one transaction, each flushed at once so that the next may refer to it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._seqs: dict[UUID, int] = {}

    async def add(self, row: Row) -> Row:
        """Write one row."""
        self._session.add(row)
        await self._session.flush()
        return row

    async def user(self, username: str = "", **more: Any) -> User:
        """Make an account nobody can sign in to by password, with its change counter."""
        name = username or f"seeded{next(_numbers)}"
        values = {"email": f"{name}@example.org", "display_name": name, "bio": "", "password_hash": "none"} | more
        row = await self.add(User(id=uuid7(), username=name, **values))
        await self.add(SyncCounter(user_id=row.id))
        return row

    async def device(self, user_id: UUID, name: str = "Reader", **more: Any) -> Device:
        """Make a device."""
        return await self.add(Device(id=uuid7(), user_id=user_id, name=name, **({"platform": "test"} | more)))

    async def session(self, user_id: UUID, device_id: UUID | None = None, **more: Any) -> tuple[Session, str]:
        """Make a session that is good for a week; answer its token, too."""
        token, now = new_token(), datetime.now(UTC)
        values = {"expires_at": now + timedelta(days=7), "created_at": now, "last_seen_at": now} | more
        row = Session(id=uuid7(), user_id=user_id, device_id=device_id, token_hash=hash_token(token), **values)
        return await self.add(row), token

    async def book(self, title: str = "", authors: tuple[str, ...] = ("Ada Quill",), **more: Any) -> Book:
        """Make a book that nobody holds."""
        name = title or f"Seeded Volume {next(_numbers)}"
        values = {"match_key": match_key(name, authors)} | more
        return await self.add(Book(id=uuid7(), title=name, authors=list(authors), **values))

    async def hold(self, user_id: UUID, book_id: UUID) -> BookHolder:
        """Let a reader hold a book."""
        return await self.add(BookHolder(user_id=user_id, book_id=book_id))

    async def highlight(self, user_id: UUID, book_id: UUID, **more: Any) -> Highlight:
        """Make a highlight with the owner's next sequence number; the n-th is n minutes younger than the first."""
        seq = self._seqs[user_id] = self._seqs.get(user_id, 0) + 1
        at = START + timedelta(minutes=seq)
        values: dict[str, Any] = {"text": f"Passage {seq}", "visibility": Visibility.PRIVATE, "created_at": at}
        for register in ("passage", "note", "color", "visibility", "life"):
            values |= {f"{register}_seq": seq, f"{register}_at": at}
        row = await self.add(Highlight(id=uuid7(), user_id=user_id, book_id=book_id, seq=seq, **(values | more)))
        await self._session.execute(update(SyncCounter).where(SyncCounter.user_id == user_id).values(seq=seq))
        return row

    async def follow(self, follower_id: UUID, followed_id: UUID) -> Follow:
        """Let one reader follow another, counts included."""
        rises = {User.following_count: follower_id, User.follower_count: followed_id}
        for column, user_id in rises.items():
            await self._session.execute(update(User).where(User.id == user_id).values({column: column + 1}))
        return await self.add(Follow(follower_id=follower_id, followed_id=followed_id))

    async def follow_request(self, follower_id: UUID, followed_id: UUID) -> FollowRequest:
        """Let one reader ask to follow another."""
        return await self.add(FollowRequest(follower_id=follower_id, followed_id=followed_id))

    async def block(self, blocker_id: UUID, blocked_id: UUID) -> Block:
        """Let one reader block another; follows stay as they are, which no block of the API would leave."""
        return await self.add(Block(blocker_id=blocker_id, blocked_id=blocked_id))

    async def post(self, user_id: UUID, text: str = "", *, tags: Sequence[str] = (), **more: Any) -> Post:
        """Make a post; each is a minute younger than the one before, unless told otherwise."""
        number = next(_numbers)
        values: dict[str, Any] = {"created_at": START + timedelta(minutes=number)} | more
        text = text or f"Post {number}"
        words = words_of(f"{text} {values.get('quote_text') or ''}")
        row = await self.add(Post(id=uuid7(), user_id=user_id, text=text, words=words, **values))
        for position, tag in enumerate(tags):
            await self.add(PostHashtag(post_id=row.id, tag=tag, position=position, created_at=row.created_at))
        if row.deleted_at is None:
            await self._rise(User, user_id, "post_count")
        return row

    async def mention(self, post_id: UUID, user_id: UUID, position: int = 0) -> PostMention:
        """Let a post name a reader."""
        return await self.add(PostMention(post_id=post_id, user_id=user_id, position=position))

    async def comment(
        self, post_id: UUID, user_id: UUID, text: str = "", *, parent: Comment | None = None, **more: Any
    ) -> Comment:
        """Make a comment, counts included; each is a minute younger than the one before, unless told otherwise."""
        number = next(_numbers)
        values: dict[str, Any] = {"created_at": START + timedelta(minutes=number)} | more
        text = text or f"Comment {number}"
        if parent is not None:
            values |= {"parent_id": parent.id, "depth": parent.depth + 1}
            await self._rise(Comment, parent.id, "reply_count")
        await self._rise(Post, post_id, "comment_count")
        row = Comment(id=uuid7(), post_id=post_id, user_id=user_id, text=text, words=words_of(text), **values)
        return await self.add(row)

    async def like(self, post_id: UUID, user_id: UUID, **more: Any) -> Like:
        """Let a reader like a post, its count included."""
        await self._rise(Post, post_id, "like_count")
        return await self.add(Like(post_id=post_id, user_id=user_id, **more))

    async def like_comment(self, comment_id: UUID, user_id: UUID) -> CommentLike:
        """Let a reader like a comment, its count included."""
        await self._rise(Comment, comment_id, "like_count")
        return await self.add(CommentLike(comment_id=comment_id, user_id=user_id))

    async def repost(self, post_id: UUID, user_id: UUID, **more: Any) -> Repost:
        """Let a reader pass a post on, its count included."""
        await self._rise(Post, post_id, "repost_count")
        return await self.add(Repost(post_id=post_id, user_id=user_id, **more))

    async def report(self, reporter_id: UUID, **more: Any) -> Report:
        """Let a reader report something."""
        return await self.add(Report(id=uuid7(), reporter_id=reporter_id, **({"reason": ReportReason.OTHER} | more)))

    async def trend(self, post_id: UUID, window: TrendWindow = TrendWindow.DAY, score: float = 1.0) -> PostTrend:
        """Let a post trend."""
        return await self.add(PostTrend(window=window, post_id=post_id, score=score, computed_at=START))

    async def _rise(self, model: Any, key: UUID, count: str) -> None:
        column = getattr(model, count)
        await self._session.execute(update(model).where(model.id == key).values({column: column + 1}))

    async def mute(self, user_id: UUID, **target: Any) -> Mute:
        """Let a reader mute `muted_user_id`, `muted_book_id` or a `word`."""
        return await self.add(Mute(id=uuid7(), user_id=user_id, **target))

    async def import_(self, user_id: UUID, **more: Any) -> Import:
        """Make an import that waits."""
        values = {"format": ImportFormat.MY_CLIPPINGS, "dry_run": False, "time_zone": "UTC"} | more
        return await self.add(Import(id=uuid7(), user_id=user_id, **values))

    async def import_book(self, import_id: UUID, position: int = 0, **more: Any) -> ImportBook:
        """Make a book of an import's report."""
        values = {"title": "A Book", "authors": ["Ada Quill"]} | more
        return await self.add(ImportBook(import_id=import_id, position=position, **values))

    async def import_problem(self, import_id: UUID, line: int = 1, message: str = "unreadable") -> ImportProblem:
        """Make a problem of an import's report."""
        return await self.add(ImportProblem(import_id=import_id, line=line, message=message))

    async def import_mark(self, user_id: UUID, key: str, highlight_id: UUID) -> ImportMark:
        """Remember a place that was imported."""
        return await self.add(ImportMark(user_id=user_id, key=key, highlight_id=highlight_id, content_hash=b"0" * 32))

    async def media(self, user_id: UUID, **more: Any) -> Media:
        """Write a file that has come, and where it would lie."""
        key = f"images/{secrets.token_urlsafe(24)}.webp"
        values = {
            "purpose": UploadPurpose.AVATAR,
            "state": MediaState.READY,
            "content_type": "image/webp",
            "byte_size": 9,
            "sha256": b"0" * 32,
            "file_key": key,
            "expires_at": START,
        }
        row = await self.add(Media(id=uuid7(), user_id=user_id, **(values | more)))
        await self.add(StoredFile(key=key, media_id=row.id))
        return row

    async def position(
        self, user_id: UUID, book_id: UUID, device_id: UUID | None = None, **more: Any
    ) -> ReadingPosition:
        """Let a reader be somewhere, told by one device."""
        writer, name = f"device:{device_id}", more.pop("device_name", None)
        values = {"location": 1, "recorded_at": START, "writer": writer, "device_id": device_id} | more
        told = {name: value for name, value in values.items() if not name.startswith("furthest")}
        await self.add(DevicePosition(user_id=user_id, book_id=book_id, device_name=name, **told))
        return await self.add(ReadingPosition(id=uuid7(), user_id=user_id, book_id=book_id, **values))

    async def document(self, user_id: UUID, digest: str, **more: Any) -> Document:
        """Let a KOReader device have synced a file."""
        values = {"percentage": 0.5, "progress": "7", "device": "shelf", "pushed_at": START, "touched_at": START} | more
        return await self.add(Document(id=uuid7(), user_id=user_id, digest=digest, **values))

    async def outcome(self, user_id: UUID, device_id: UUID, highlight_id: UUID, **more: Any) -> SyncOutcome:
        """Remember what became of an operation."""
        values = {"fingerprint": b"0" * 32, "outcome": OpOutcome.APPLIED} | more
        return await self.add(
            SyncOutcome(user_id=user_id, op_id=uuid7(), device_id=device_id, highlight_id=highlight_id, **values)
        )

    async def idempotency_key(self, user_id: UUID, key: str, result_id: UUID) -> IdempotencyKey:
        """Remember a success."""
        return await self.add(
            IdempotencyKey(
                user_id=user_id, operation="createHighlight", key=key, fingerprint=b"0" * 32, result_id=result_id
            )
        )

    async def auth_attempt(self, bucket: str) -> AuthAttempt:
        """Count an attempt to sign in."""
        return await self.add(AuthAttempt(bucket=bucket))

    async def job(self, kind: str, **payload: Any) -> Job:
        """Write a job that nothing runs."""
        return await self.add(Job(id=uuid7(), kind=kind, payload=payload))
