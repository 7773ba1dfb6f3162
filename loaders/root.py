"""All loaders of one operation."""

from functools import cached_property
from typing import TypeVar

from auth.viewer import Viewer
from core.database import Database
from loaders.accounts import DeviceByIdLoader, PendingCountByDeviceIdLoader, SessionByIdLoader
from loaders.batch import BatchLoader
from loaders.catalog import BookByIdLoader, HighlightCountByBookIdLoader, ShownBookByIdLoader
from loaders.highlights import (
    FollowedHighlightCountByBookIdLoader,
    FollowedHighlightsByBookIdLoader,
    HighlightByIdLoader,
    HighlightCountByOwnerLoader,
    HighlightsByOwnerLoader,
)
from loaders.imports import ImportBooksByImportIdLoader, ImportByIdLoader, ImportProblemsByImportIdLoader
from loaders.koreader import DocumentByIdLoader
from loaders.positions import DevicePositionsByBookIdLoader, PositionByIdLoader
from loaders.posts import (
    DeedsByPostIdLoader,
    HashtagsByPostIdLoader,
    MentionsByPostIdLoader,
    PostByIdLoader,
    PostsByAuthorLoader,
)
from loaders.posts_comments import CommentByIdLoader, CommentsByPostIdLoader, RepliesByCommentIdLoader
from loaders.posts_likes import LikedByCommentIdLoader, LikersByPostIdLoader
from loaders.posts_reports import ReportByIdLoader
from loaders.profiles import ProfileByIdLoader
from loaders.social import MuteByIdLoader, PeopleByUserIdLoader, RelationshipByUserIdLoader

Loader = TypeVar("Loader", bound=BatchLoader)  # type: ignore[type-arg]


class Loaders:
    """Made anew for each operation and each event: what they remember is what one answer may contain twice."""

    def __init__(self, database: Database, viewer: Viewer, *, shared: bool = False) -> None:
        self._database = database
        self._viewer = viewer
        self._shared = shared

    @property
    def failed(self) -> bool:
        """Whether something could not be read: what was answered with it has holes."""
        return any(loader.failed for loader in vars(self).values() if isinstance(loader, BatchLoader))

    def _make(self, kind: type[Loader]) -> Loader:
        made = kind(self._database, self._viewer)
        made.shared = self._shared
        return made

    @cached_property
    def book_by_id(self) -> BookByIdLoader:
        """Books asked for by themselves."""
        return self._make(BookByIdLoader)

    @cached_property
    def shown_book_by_id(self) -> ShownBookByIdLoader:
        """Books that something visible leads to."""
        return self._make(ShownBookByIdLoader)

    @cached_property
    def highlight_count_by_book_id(self) -> HighlightCountByBookIdLoader:
        """The number of the viewer's highlights in a book."""
        return self._make(HighlightCountByBookIdLoader)

    @cached_property
    def highlight_by_id(self) -> HighlightByIdLoader:
        """Highlights that the viewer may see."""
        return self._make(HighlightByIdLoader)

    @cached_property
    def highlights_by_owner(self) -> HighlightsByOwnerLoader:
        """Pages of readers' highlights."""
        return self._make(HighlightsByOwnerLoader)

    @cached_property
    def highlight_count_by_owner(self) -> HighlightCountByOwnerLoader:
        """Numbers of readers' highlights."""
        return self._make(HighlightCountByOwnerLoader)

    @cached_property
    def followed_highlights_by_book_id(self) -> FollowedHighlightsByBookIdLoader:
        """Pages of what those whom the viewer follows marked in books."""
        return self._make(FollowedHighlightsByBookIdLoader)

    @cached_property
    def followed_highlight_count_by_book_id(self) -> FollowedHighlightCountByBookIdLoader:
        """Numbers of what those whom the viewer follows marked in books."""
        return self._make(FollowedHighlightCountByBookIdLoader)

    @cached_property
    def profile_by_id(self) -> ProfileByIdLoader:
        """Users that the viewer may know of."""
        return self._make(ProfileByIdLoader)

    @cached_property
    def device_by_id(self) -> DeviceByIdLoader:
        """The viewer's devices."""
        return self._make(DeviceByIdLoader)

    @cached_property
    def session_by_id(self) -> SessionByIdLoader:
        """The viewer's sessions."""
        return self._make(SessionByIdLoader)

    @cached_property
    def pending_count_by_device_id(self) -> PendingCountByDeviceIdLoader:
        """How many changes wait for a device."""
        return self._make(PendingCountByDeviceIdLoader)

    @cached_property
    def import_by_id(self) -> ImportByIdLoader:
        """The viewer's imports."""
        return self._make(ImportByIdLoader)

    @cached_property
    def import_books_by_import_id(self) -> ImportBooksByImportIdLoader:
        """The books of imports."""
        return self._make(ImportBooksByImportIdLoader)

    @cached_property
    def import_problems_by_import_id(self) -> ImportProblemsByImportIdLoader:
        """The problems of imports."""
        return self._make(ImportProblemsByImportIdLoader)

    @cached_property
    def position_by_id(self) -> PositionByIdLoader:
        """Where the viewer is in books."""
        return self._make(PositionByIdLoader)

    @cached_property
    def device_positions_by_book_id(self) -> DevicePositionsByBookIdLoader:
        """Where each of the viewer's devices is in books."""
        return self._make(DevicePositionsByBookIdLoader)

    @cached_property
    def document_by_id(self) -> DocumentByIdLoader:
        """Files that the viewer's KOReader devices tell of."""
        return self._make(DocumentByIdLoader)

    @cached_property
    def relationship_by_user_id(self) -> RelationshipByUserIdLoader:
        """How readers stand to the viewer."""
        return self._make(RelationshipByUserIdLoader)

    @cached_property
    def people_by_user_id(self) -> PeopleByUserIdLoader:
        """Pages of the people around readers."""
        return self._make(PeopleByUserIdLoader)

    @cached_property
    def mute_by_id(self) -> MuteByIdLoader:
        """The viewer's mutes."""
        return self._make(MuteByIdLoader)

    @cached_property
    def post_by_id(self) -> PostByIdLoader:
        """Posts that the viewer may see."""
        return self._make(PostByIdLoader)

    @cached_property
    def posts_by_author(self) -> PostsByAuthorLoader:
        """Pages of readers' posts."""
        return self._make(PostsByAuthorLoader)

    @cached_property
    def hashtags_by_post_id(self) -> HashtagsByPostIdLoader:
        """Hashtags of posts."""
        return self._make(HashtagsByPostIdLoader)

    @cached_property
    def mentions_by_post_id(self) -> MentionsByPostIdLoader:
        """Whom posts name."""
        return self._make(MentionsByPostIdLoader)

    @cached_property
    def deeds_by_post_id(self) -> DeedsByPostIdLoader:
        """What the viewer did with posts."""
        return self._make(DeedsByPostIdLoader)

    @cached_property
    def report_by_id(self) -> ReportByIdLoader:
        """Reports."""
        return self._make(ReportByIdLoader)

    @cached_property
    def comment_by_id(self) -> CommentByIdLoader:
        """Comments that the viewer may see."""
        return self._make(CommentByIdLoader)

    @cached_property
    def comments_by_post_id(self) -> CommentsByPostIdLoader:
        """Pages of the comments on posts."""
        return self._make(CommentsByPostIdLoader)

    @cached_property
    def replies_by_comment_id(self) -> RepliesByCommentIdLoader:
        """Pages of the replies to comments."""
        return self._make(RepliesByCommentIdLoader)

    @cached_property
    def liked_by_comment_id(self) -> LikedByCommentIdLoader:
        """Whether the viewer likes comments."""
        return self._make(LikedByCommentIdLoader)

    @cached_property
    def likers_by_post_id(self) -> LikersByPostIdLoader:
        """Pages of those who like posts."""
        return self._make(LikersByPostIdLoader)
