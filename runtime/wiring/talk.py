"""Posts, what is said about them, and home feeds."""

from functools import cached_property

from repositories.catalog import BookRepository
from repositories.feeds import FeedRepository
from repositories.feeds_fanout import FanoutRepository
from repositories.feeds_live import LiveFeedRepository
from repositories.highlights import HighlightRepository
from repositories.posts import PostRepository
from repositories.posts_comments import CommentRepository
from repositories.posts_counts import PostCountsRepository
from repositories.posts_likes import LikeRepository
from repositories.posts_lists import PostListRepository
from repositories.posts_purge import PostPurgeRepository
from repositories.posts_reconcile import ReconcileRepository
from repositories.posts_reports import ReportRepository
from repositories.posts_reposts import RepostRepository
from repositories.posts_trends import PostTrendRepository
from runtime.wiring.library import LibraryServices
from services.feeds_fanout import FanoutService
from services.feeds_live import LiveFeedService
from services.posts import PostService
from services.posts_attachments import Attachments
from services.posts_comments import CommentService
from services.posts_counts import PostCountsService
from services.posts_likes import LikeService
from services.posts_purge import PostPurgeService
from services.posts_reconcile import ReconcileService
from services.posts_reports import ReportService
from services.posts_reposts import RepostService
from services.posts_trends import PostTrendService


class TalkServices(LibraryServices):
    """Services about what readers say."""

    @cached_property
    def posts(self) -> PostService:
        """Posts, as authors write them."""
        highlights, books = HighlightRepository(self._session), BookRepository(self._session)
        settings = self._parts.settings
        return PostService(
            posts=PostRepository(self._session),
            lists=PostListRepository(self._session),
            locks=self.locks,
            attachments=Attachments(highlights, books, self.locks, self.writer),
            media=self.media,
            jobs=self.jobs,
            idempotency=self.idempotency,
            events=self._events,
            undo_days=settings.undo_days,
            pull_threshold=settings.pull_threshold,
        )

    @cached_property
    def reposts(self) -> RepostService:
        """Posts passed on."""
        return RepostService(
            posts=PostRepository(self._session),
            reposts=RepostRepository(self._session),
            locks=self.locks,
            jobs=self.jobs,
            idempotency=self.idempotency,
            events=self._events,
            pull_threshold=self._parts.settings.pull_threshold,
        )

    @cached_property
    def likes(self) -> LikeService:
        """Likes of posts and comments."""
        return LikeService(
            likes=LikeRepository(self._session), locks=self.locks, idempotency=self.idempotency, events=self._events
        )

    @cached_property
    def comments(self) -> CommentService:
        """Comments on posts."""
        return CommentService(
            comments=CommentRepository(self._session),
            locks=self.locks,
            idempotency=self.idempotency,
            audit=self.audit,
            events=self._events,
        )

    @cached_property
    def reports(self) -> ReportService:
        """Reports to the moderators."""
        return ReportService(ReportRepository(self._session), self.locks, self.idempotency, self.audit)

    @cached_property
    def post_counts(self) -> PostCountsService:
        """Counts of posts, for those who watch them."""
        return PostCountsService(PostCountsRepository(self._session))

    @cached_property
    def post_trends(self) -> PostTrendService:
        """Trending posts."""
        return PostTrendService(PostTrendRepository(self._session))

    @cached_property
    def post_purge(self) -> PostPurgeService:
        """Posts that nobody can restore any longer."""
        return PostPurgeService(PostPurgeRepository(self._session), undo_days=self._parts.settings.undo_days)

    @cached_property
    def reconcile(self) -> ReconcileService:
        """The recount of what is counted."""
        return ReconcileService(ReconcileRepository(self._session), self.locks)

    @cached_property
    def feeds(self) -> FeedRepository:
        """Home feeds as this session sees them, for those who read them in several steps."""
        return FeedRepository(self._session, self._parts.feed_statements)

    @cached_property
    def live_feeds(self) -> LiveFeedService:
        """Home feeds of those who watch theirs."""
        return LiveFeedService(LiveFeedRepository(self._session))

    @cached_property
    def fanout(self) -> FanoutService:
        """What is written into timelines."""
        return FanoutService(
            fanout=FanoutRepository(self._session),
            locks=self.locks,
            jobs=self.jobs,
            timelines=self._parts.timelines,
            chunk=self._parts.settings.fanout_chunk,
        )
