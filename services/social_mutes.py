"""Muting: what a reader does not want to meet in lists, with or without an end."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.viewer import Viewer
from core import clock
from core.errors import Invalid, LimitExceeded, NotFound
from core.ids import read_id
from core.pagination import Page
from core.text import is_storable, words_of
from models import Mute
from repositories.locks import Locks
from repositories.social_mutes import MUTES, MuteRepository, MuteTarget
from services.idempotency import IdempotencyService

WORD_LENGTH, MUTES_MOST = 100, 1_000


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """What to mute, as a client names it: exactly one of these."""

    user_id: str | None = None
    book_id: str | None = None
    post_id: str | None = None
    word: str | None = None


@dataclass(frozen=True, slots=True)
class Unmuted:
    """The mute that was taken away; None when there was none."""

    mute: Mute | None


class MuteService:
    """Mutes of one transaction."""

    def __init__(self, mutes: MuteRepository, locks: Locks, idempotency: IdempotencyService) -> None:
        self._mutes = mutes
        self._locks = locks
        self._idempotency = idempotency

    async def mute(self, viewer: Viewer, named: NamedTarget, until: datetime | None, key: str | None) -> Mute:
        """Mute, until a moment or for good; again moves the end."""

        async def work() -> Mute:
            target = _read(named)
            if until is not None and until <= clock.now():
                raise Invalid("A mute ends in the future, or not at all.", "until")
            await self._locks.users(viewer.require())
            if target.user_id == viewer.user_id:
                raise Invalid("You cannot mute yourself.", "target", "userId")
            if not await self._mutes.is_there(viewer, target):
                raise NotFound("There is nothing of this id to mute.", "target")
            # What has ended counts no longer, and moving an end takes no place.
            await self._mutes.forget_ended(viewer)
            if await self._mutes.count_others(viewer, target) >= MUTES_MOST:
                raise LimitExceeded(f"You already mute {MUTES_MOST:,} things.", "target")
            return await self._mutes.put(viewer, target, until)

        async def again(mute_id: UUID) -> Mute | None:
            return (await self._mutes.visible(viewer, [mute_id])).get(mute_id)

        viewer.require()
        return await self._idempotency.once_for(
            viewer, "mute", key, [named, until], work=work, id_of=lambda mute: mute.id, again=again
        )

    async def unmute(self, viewer: Viewer, named: NamedTarget, key: str | None) -> Unmuted:
        """Take a mute away; what is not muted is no error."""
        me = viewer.require()

        async def work() -> Unmuted:
            target = _read(named)
            await self._locks.users(me)
            return Unmuted(await self._mutes.remove(viewer, target))

        async def again(_: UUID) -> Unmuted:
            return Unmuted(None)

        return await self._idempotency.once_for(
            viewer, "unmute", key, named, work=work, id_of=lambda _: me, again=again
        )

    async def page(self, viewer: Viewer, first: int | None, after: str | None) -> Page[Mute]:
        """List the viewer's mutes that are in force, the latest first."""
        return await self._mutes.page(viewer, MUTES.request(first, after))


def _read(named: NamedTarget) -> MuteTarget:
    """Read what is to be muted; raise Invalid."""
    if named.user_id is not None:
        return MuteTarget(user_id=read_id(named.user_id, "User", "target", "userId"))
    if named.book_id is not None:
        return MuteTarget(book_id=read_id(named.book_id, "Book", "target", "bookId"))
    if named.post_id is not None:
        return MuteTarget(post_id=read_id(named.post_id, "Post", "target", "postId"))
    word = named.word or ""
    if not is_storable(word):
        raise Invalid("The word has a character that cannot be stored.", "target", "word")
    word = words_of(word).strip()
    if not 0 < len(word) <= WORD_LENGTH:
        raise Invalid(f"A muted word or phrase has 1 to {WORD_LENGTH} characters.", "target", "word")
    return MuteTarget(word=word)
