"""Posts as their author writes, deletes and restores them, and as others find them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Forbidden, Gone, Invalid, NotFound, Problems
from core.events import Event, FeedEntryAdded
from core.ids import read_id, uuid7
from core.pagination import Page
from core.text import is_storable, without_markup, words_of
from models import Post
from models.media import UploadPurpose
from models.posts import Fanout
from models.profiles import Visibility
from repositories.locks import Locks
from repositories.posts import PostRepository, SeenPost
from repositories.posts_lists import DELETED_POSTS, POSTS, PostListRepository
from services.idempotency import IdempotencyService
from services.jobs import JobService
from services.media import MediaService
from services.posts_attachments import Attachments
from services.posts_words import fold_tag, hashtags, mentions

TEXT_LENGTH, WORDS_MOST = 2_000, 30
NO_POST = "There is no such post."


@dataclass(frozen=True, slots=True)
class PostDraft:
    """A post that is to be written; ids are public ones."""

    text: str
    highlight_id: str | None = None
    book_id: str | None = None
    media_id: str | None = None
    visibility: Visibility = Visibility.PUBLIC
    spoiler_until_location: int | None = None
    widen_highlight: bool = False


@dataclass(frozen=True, slots=True)
class _Words:
    """What a text says once it is clean."""

    text: str
    tags: Sequence[str]
    names: Sequence[str]


def fanout_of(followers: int, pull_threshold: int) -> Fanout:
    """Decide how an entry of somebody with so many followers reaches them."""
    return Fanout.PULL if followers > pull_threshold else Fanout.PUSH


class PostService:
    """Posts of one transaction."""

    def __init__(
        self,
        *,
        posts: PostRepository,
        lists: PostListRepository,
        locks: Locks,
        attachments: Attachments,
        media: MediaService,
        jobs: JobService,
        idempotency: IdempotencyService,
        events: list[Event],
        undo_days: int,
        pull_threshold: int,
    ) -> None:
        self._posts = posts
        self._lists = lists
        self._locks = locks
        self._attachments = attachments
        self._media = media
        self._jobs = jobs
        self._idempotency = idempotency
        self._events = events
        self._undo = timedelta(days=undo_days)
        self._pull_threshold = pull_threshold

    # --- reading ---

    async def by_hashtag(self, viewer: Viewer, tag: str, first: int | None, after: str | None) -> Page[SeenPost]:
        """List posts under a hashtag, with or without its sign, in any spelling; raise Invalid for what is none."""
        request = POSTS.request(first, after)
        folded = fold_tag(tag) if is_storable(tag) else ""
        if not folded:
            raise Invalid("A hashtag has letters, digits and underscores only.", "tag")
        return await self._lists.by_hashtag(viewer, folded, request)

    async def deleted(self, viewer: Viewer, first: int | None, after: str | None) -> Page[SeenPost]:
        """List posts of the viewer's that can still be restored."""
        request = DELETED_POSTS.request(first, after)
        return await self._lists.own_deleted(viewer, clock.now() - self._undo, request)

    # --- writing ---

    async def create(self, viewer: Viewer, draft: PostDraft, key: str | None) -> SeenPost:
        """Write a post; its followers have it soon."""
        viewer.require()

        async def work() -> SeenPost:
            return SeenPost(await self._write(viewer, draft, _checked(draft)), is_hidden=False)

        async def again(post_id: UUID) -> SeenPost | None:
            return (await self._posts.visible(viewer, [post_id])).get(post_id)

        return await self._idempotency.once_for(
            viewer, "createPost", key, draft, work=work, id_of=lambda seen: seen.post.id, again=again
        )

    async def _write(self, viewer: Viewer, draft: PostDraft, words: _Words) -> Post:
        user_id, media_id = viewer.require(), draft.media_id
        attached = await self._attachments.find(viewer, draft.highlight_id, draft.book_id)
        if draft.spoiler_until_location is not None and attached.book_id is None:
            raise Invalid("Only a post about a book can be a spoiler: name the book.", "spoilerUntilLocation")
        named = await self._named(viewer, words.names)
        image = await self._media.attach(viewer, media_id, UploadPurpose.POST_IMAGE, "mediaId") if media_id else None
        await self._attachments.open_up(viewer, attached, draft.visibility, widen=draft.widen_highlight)
        followers = await self._posts.move_count(user_id, 1)
        row = Post(
            id=uuid7(),
            user_id=user_id,
            text=words.text,
            words=words_of(f"{words.text} {attached.text or ''}"),
            visibility=draft.visibility,
            image_key=image.file_key if image else None,
            spoiler_until_location=draft.spoiler_until_location,
            fanout=fanout_of(followers, self._pull_threshold),
            created_at=clock.now(),
            **attached.columns,
        )
        await self._posts.add(row, words.tags, named)
        await self._jobs.add("fanout_post", post_id=str(row.id))
        self._events.append(FeedEntryAdded(author_id=user_id, post_id=row.id, is_repost=False))
        return row

    async def delete(self, viewer: Viewer, post_gid: str, key: str | None) -> Post:
        """Take a post of the viewer's away; it can be restored for a while. Again is the same answer.

        Timelines keep it, and the statement that reads them leaves it out: so it is gone, and back, at once.
        """

        async def work(row: Post, now: datetime) -> None:
            if row.deleted_at is None:
                await self._posts.move_count(row.user_id, -1)
                await self._posts.set_deleted(row, now)

        return await self._change(viewer, "deletePost", post_gid, key, work)

    async def restore(self, viewer: Viewer, post_gid: str, key: str | None) -> Post:
        """Undo a delete; of a post that lives, the same answer."""

        async def work(row: Post, now: datetime) -> None:
            if row.deleted_at is None:
                return
            if row.deleted_at <= now - self._undo:
                raise Gone("This post was deleted too long ago to be restored.", "id")
            await self._posts.move_count(row.user_id, 1)
            await self._posts.set_deleted(row, None)

        return await self._change(viewer, "restorePost", post_gid, key, work)

    async def _change(
        self,
        viewer: Viewer,
        operation: str,
        post_gid: str,
        key: str | None,
        change: Callable[[Post, datetime], Awaitable[None]],
    ) -> Post:
        async def work() -> Post:
            post_id = read_id(post_gid, "Post", "id")
            await self._locks.users(viewer.require())
            await self._locks.posts([post_id])
            row = await self._own(viewer, post_id)
            await change(row, clock.now())
            return row

        async def again(post_id: UUID) -> Post | None:
            return await self._posts.known(post_id)

        viewer.require()
        return await self._idempotency.once_for(
            viewer, operation, key, post_gid, work=work, id_of=lambda row: row.id, again=again
        )

    async def _own(self, viewer: Viewer, post_id: UUID) -> Post:
        row = await self._posts.known(post_id)
        if row is not None and row.user_id == viewer.user_id:
            return row
        if await self._posts.visible(viewer, [post_id]):
            raise Forbidden("Only its author may do this to a post.", "id")
        raise NotFound(NO_POST, "id")

    async def _named(self, viewer: Viewer, names: Sequence[str]) -> Sequence[UUID]:
        """Find whom a text names; lock them and the author, whose count is about to move."""
        found = await self._posts.readers_named(viewer, names) if names else {}
        there = await self._locks.users(viewer.require(), *found.values())
        return [found[name] for name in names if name in found and found[name] in there]


def _checked(draft: PostDraft) -> _Words:
    problems = Problems()
    text, tags, names = draft.text.strip(), [], []
    if not is_storable(text):
        problems.add("The text has a character that cannot be stored.", "text")
    elif len(text) > TEXT_LENGTH:
        problems.add(f"A post has at most {TEXT_LENGTH:,} characters.", "text")
    else:
        text = without_markup(text).strip()
        tags, names = hashtags(text), mentions(text)
        problems.check(text, "A post needs some text.", "text")
        problems.check(len(tags) <= WORDS_MOST, f"A post has at most {WORDS_MOST} hashtags.", "text")
        problems.check(len(names) <= WORDS_MOST, f"A post names at most {WORDS_MOST} readers.", "text")
    until = draft.spoiler_until_location
    problems.check(until is None or until >= 0, "A location is 0 or more.", "spoilerUntilLocation")
    problems.raise_any()
    return _Words(text, tags, names)
