"""The real services over the real database, and one statement that asks for everybody what they may see."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import String, Uuid, and_, cast, func, literal, select, text, union_all

from auth.viewer import Viewer
from core.database import Database
from core.errors import AppError
from core.events import Event
from core.ids import global_id
from core.settings import Settings
from models import Comment, Highlight, Post, User
from models.profiles import Role
from repositories import visibility
from repositories.social_lists import PEOPLE, People, SocialListRepository
from runtime.container import Container, Services
from tests.support.seeding import Seeder
from tests.support.who_sees_what import Eyes, Reader, Society, Volume

NAMES = ("anna", "bert", "cleo", "dora", "moderator")
Seen = dict[tuple[str, str], set[UUID]]
"""By viewer and kind of thing."""
CLEARED = (
    *("follows", "follow_requests", "blocks", "mutes", "highlights", "comments", "posts"),
    *("reading_positions", "device_positions", "jobs", "audit_log"),
)


class Deaf:
    """A bus to which nobody listens."""

    def publish(self, events: Sequence[Event]) -> None:
        """Do nothing."""


def name_of(eyes: Eyes) -> str:
    """Name a viewer."""
    return eyes.name if eyes else "anonymous"


def gid(reader: Reader) -> str:
    """Spell the public id of a reader."""
    return global_id("User", reader.key)


def viewer_of(eyes: Eyes) -> Viewer:
    """Look through somebody's eyes, as a session of theirs does."""
    if eyes is None:
        return Viewer()
    role = Role.MODERATOR if eyes.name == "moderator" else Role.READER
    return Viewer(user_id=eyes.key, session_id=eyes.key, role=role)


class Server:
    """One database with five readers and two books; each example begins with nothing between them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.container = Container(Settings(_env_file=None), database, Deaf())
        self._people: list[UUID] = []
        self._books: list[tuple[UUID, int | None]] = []
        self._question = ""

    async def begin(self) -> Society:
        """Make or find the readers, and clear away what the example before has left."""
        if not self._people:
            await self._settle_in()
        async with self.database.writing() as session:
            for table in CLEARED:
                await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
            defaults = "is_private = false, allow_followers = true, show_highlights_to_followers = true"
            counts = "follower_count = 0, following_count = 0, post_count = 0"
            await session.execute(text(f"UPDATE users SET {defaults}, {counts}"))  # noqa: S608
        readers = [Reader(name, key) for name, key in zip(NAMES, self._people, strict=True)]
        society = Society(readers, [Volume(*book) for book in self._books])
        self._question = self._question or question(society, self.database)
        return society

    async def _settle_in(self) -> None:
        await self.container.refresh_epoch()
        async with self.database.writing() as session:
            seeder = Seeder(session)
            self._people = [(await seeder.user(name)).id for name in NAMES]
            for locations in (20, None):
                self._books.append(((await seeder.book(is_public=True, total_locations=locations)).id, locations))

    async def do(self, deed: Callable[[Services], Awaitable[Any]]) -> tuple[Any, str | None]:
        """Do something in a transaction of its own; the answer, or the code of a refusal."""
        try:
            async with self.container.transaction() as services:
                return await deed(services), None
        except AppError as error:
            return None, error.problems[0].code.value

    async def seen(self) -> Seen:
        """Ask what everybody may see of each kind."""
        async with self.database.engine.connect() as connection:
            rows: Any = await connection.exec_driver_sql(self._question)
            return {(row[0], row[1]): set(row[2] or ()) for row in rows}

    async def lists(self, society: Society) -> Seen:
        """Ask, as lists and single reads do, who is around whom and whose whole profile is open."""
        everybody = [reader.key for reader in society.readers]
        found: Seen = {}
        async with self.container.reading() as services, self.database.reading() as session:
            for eyes in society.eyes():
                viewer = viewer_of(eyes)
                profiles = await services.profiles.visible(viewer, everybody)
                found[name_of(eyes), "whole profiles"] = {key for key, one in profiles.items() if one.is_open}
                for which in People:
                    pages = await SocialListRepository(session).pages(
                        viewer, which, everybody, PEOPLE.request(50, None)
                    )
                    for reader in society.readers:
                        people = {profile.user.id for profile in pages[reader.key].rows}
                        found[name_of(eyes), f"{which} of {reader.name}"] = people
        return found


def question(society: Society, database: Database) -> str:
    """Write the statement: the readers stay the same, so it is built once, and planned once."""
    parts = [part for eyes in society.eyes() for part in _parts(name_of(eyes), viewer_of(eyes))]
    return str(union_all(*parts).compile(database.engine.sync_engine, compile_kwargs={"literal_binds": True}))


def _parts(name: str, viewer: Viewer) -> Iterator[Any]:
    posts, comments = visibility.posts(viewer), visibility.comments(viewer)
    gathered = visibility.unmuted(viewer, user_id=Post.user_id, book_id=Post.book_id, post_id=Post.id, words=Post.words)
    kinds: dict[str, tuple[Any, Any]] = {
        "users": (User, visibility.users(viewer)),
        "open profiles": (User, and_(visibility.users(viewer), visibility.profiles(viewer))),
        "highlights": (Highlight, visibility.highlights(viewer)),
        "posts": (Post, posts),
        "words of posts": (Post, and_(posts, visibility.revealed_posts(viewer))),
        "gathered posts": (Post, and_(posts, gathered)),
        "own deleted posts": (Post, visibility.own_deleted_posts(viewer)),
        "comments": (Comment, comments),
        "words of comments": (Comment, and_(comments, visibility.revealed_comments(viewer))),
    }
    for kind, (model, predicate) in kinds.items():
        keys = func.array_agg(cast(model.id, Uuid))
        yield select(cast(literal(name), String), cast(literal(kind), String), keys).where(predicate)
