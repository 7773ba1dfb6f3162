"""An author with followers, and what their timelines hold."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from auth.viewer import Viewer
from clients.timelines_local import LocalTimelines
from models import Post
from models.feeds import FeedEntry
from repositories.posts import PostRepository
from runtime.container import Container
from tests.support.seeding import START, Seeder


class World:
    """One author, and readers who follow."""

    def __init__(self, container: Container, author: UUID, readers: Sequence[UUID]) -> None:
        self.container = container
        self.author = author
        self.readers = sorted(readers)

    async def post(self, *, job: str | None = "fanout_post", minutes: float = 0) -> Post:
        """Let the author write."""
        at = START + timedelta(minutes=minutes)
        async with self.container.database.writing() as session:
            seeder = Seeder(session)
            row = await seeder.post(self.author, f"{minutes}", created_at=at)
            if job:
                await seeder.job(job, post_id=str(row.id))
        return row

    async def repost(self, row: Post, user_id: UUID) -> None:
        """Let somebody pass a post on, without a job."""
        async with self.container.database.writing() as session:
            await Seeder(session).repost(row.id, user_id, created_at=row.created_at + timedelta(seconds=1))

    async def seen(self, reader: UUID, first: int = 100) -> list[str]:
        """Read a home feed; the texts."""
        feed = await self.container.feeds.page(Viewer(user_id=reader), first, None)
        async with self.container.database.reading() as session:
            ids = [entry.post_id for entry in feed.page.rows]
            posts = await PostRepository(session).visible(Viewer(user_id=reader), ids)
        return [posts[entry.post_id].post.text for entry in feed.page.rows]


def entries(timelines: LocalTimelines, reader: UUID) -> list[FeedEntry]:
    """Tell what a reader's timeline holds."""
    return timelines.kept[reader].entries()
