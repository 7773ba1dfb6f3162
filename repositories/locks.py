"""The one order in which rows are locked: a user's sync counter, names, then users, books, posts, comments, highlights, each by id.

Whoever takes locks takes them here, in this order; two transactions then never wait for each other in a circle.
What takes no counter begins with a share of its account (`presence`); a document's row and then a position's come last of all.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, cast, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from core.database import sqlstate
from core.errors import Unauthenticated
from models import Book, Comment, Post, SyncCounter, User

LOCK_NOT_AVAILABLE = "55P03"


def among(column: InstrumentedAttribute[UUID], ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Test for one of any number of ids: as one array, since a statement takes no more than 32,767 parameters."""
    return column == any_(cast(list(ids), ARRAY(Uuid)))


class Locks:
    """Take the locks of one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def sync_counter(self, user_id: UUID) -> SyncCounter:
        """Lock a user's counter: from here to the commit, nothing else changes that user's highlights.

        Raise Unauthenticated for a user who is gone, whose session another process still remembers.
        """
        locked = select(SyncCounter).where(SyncCounter.user_id == user_id).with_for_update()
        found = await self._session.scalar(locked.execution_options(populate_existing=True))
        if found is None:
            who = select(User.id).where(User.id == user_id)
            await self._session.execute(insert(SyncCounter).from_select(["user_id"], who).on_conflict_do_nothing())
            found = await self._session.scalar(locked)
        if found is None:
            raise Unauthenticated("This account is gone.")
        return found

    async def book_names(self, keys: Iterable[str]) -> None:
        """Lock the names of books that may have to be made, so that each is made once."""
        for key in sorted(set(keys)):
            await self._advisory(f"book|{key}")

    async def books(self, ids: Iterable[UUID]) -> None:
        """Lock books whose readers are about to be counted."""
        wanted = select(Book.id).where(Book.id.in_(set(ids))).order_by(Book.id)
        await self._session.execute(wanted.with_for_update(key_share=True))

    async def posts(self, ids: Iterable[UUID]) -> set[UUID]:
        """Lock posts whose counts are about to move, deleted ones included; tell which of them there are."""
        wanted = select(Post.id).where(among(Post.id, ids)).order_by(Post.id)
        return set(await self._session.scalars(wanted.with_for_update(key_share=True)))

    async def comments(self, ids: Iterable[UUID]) -> set[UUID]:
        """Lock comments that are about to change; tell which of them there are.

        Whoever adds or takes comments away has locked their posts before: a thread then keeps its shape meanwhile.
        """
        wanted = select(Comment.id).where(among(Comment.id, ids)).order_by(Comment.id)
        return set(await self._session.scalars(wanted.with_for_update(key_share=True)))

    async def presence(self, user_id: UUID) -> None:
        """See to it that an account outlives this transaction: whoever deletes it waits. Raise Unauthenticated for one that is gone.

        Taken first, before any row that hangs on the account: a delete holds the account while it takes those rows with it.
        """
        held = select(User.id).where(User.id == user_id).with_for_update(read=True, key_share=True)
        if await self._session.scalar(held) is None:
            raise Unauthenticated("This account is gone.")

    async def presences(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """See to it that accounts outlive this transaction; tell which of them there are."""
        held = select(User.id).where(among(User.id, user_ids)).order_by(User.id)
        return set(await self._session.scalars(held.with_for_update(read=True, key_share=True)))

    async def user(self, user_id: UUID) -> None:
        """Lock a user's row; raise Unauthenticated for one who is gone, whose session another process still remembers."""
        found = await self._session.scalar(select(User.id).where(User.id == user_id).with_for_update())
        if found is None:
            raise Unauthenticated("This account is gone.")

    async def accounts(self, ids: Iterable[UUID]) -> None:
        """Lock accounts whose counts are about to be set right."""
        wanted = select(User.id).where(among(User.id, ids)).order_by(User.id)
        await self._session.execute(wanted.with_for_update(key_share=True))

    async def graph(self, user_id: UUID) -> None:
        """Lock who waits for a reader's answer: nobody can ask to follow while all who asked are let in."""
        await self._advisory(f"graph|{user_id}")

    async def users(self, me: UUID, *others: UUID) -> set[UUID]:
        """Lock a user, and others whose counts are about to move; tell which of them there are.

        Raise Unauthenticated when the user is gone, whose session another process still remembers.
        """
        wanted = select(User.id).where(User.id.in_({me, *others})).order_by(User.id)
        there = set(await self._session.scalars(wanted.with_for_update(key_share=True)))
        if me not in there:
            raise Unauthenticated("This account is gone.")
        return there

    async def idempotency_key(self, user_id: UUID, operation: str, key: str) -> bool:
        """Lock a reader's key for an operation; False when its twin still holds it after two seconds."""
        await self._session.execute(text("SET LOCAL lock_timeout = '2s'"))
        try:
            await self._advisory(f"{user_id}|{operation}|{key}")
        except DBAPIError as error:
            if sqlstate(error) == LOCK_NOT_AVAILABLE:
                return False
            raise
        await self._session.execute(text("SET LOCAL lock_timeout = 0"))
        return True

    async def _advisory(self, name: str) -> None:
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
