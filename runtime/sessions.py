"""Whose request it is: tokens to viewers, remembered for four seconds; and the end of sockets whose session ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog

from auth.viewer import Viewer
from core import clock, metrics
from core.errors import Unavailable
from core.metrics import SocketEnd
from runtime.container import Container
from runtime.context import Socket
from services.accounts_sessions import SESSION_LIFE, TOUCH_EVERY

log = structlog.get_logger(__name__)
REMEMBERED = 4.0
WATCH_EVERY = 4.0
MOST_REMEMBERED = 10_000
REVOKED, EXPIRED = (4403, "Forbidden"), (4401, "Unauthorized")


@dataclass(frozen=True, slots=True)
class BadToken(Exception):
    """A token that is nobody's, or no longer anybody's."""

    expired: bool


class SessionCache:
    """Ask the database about a token at most every four seconds."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._known: dict[str, tuple[float, Viewer]] = {}

    async def viewer(self, token: str, address: str) -> Viewer:
        """Tell whose token it is; raise BadToken."""
        known = self._known.get(token)
        if known is not None and time.monotonic() - known[0] < REMEMBERED:
            return self._unless_expired(replace(known[1], address=address))
        async with self._container.reading() as services:
            found = await services.sessions.authenticate(token, address)
        if found is None:
            self._known.pop(token, None)
            raise BadToken(expired=False)
        viewer = await self._touched(self._unless_expired(found))
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[token] = (time.monotonic(), viewer)
        return viewer

    def forget(self, user_id: UUID | None) -> None:
        """Read a user's sessions anew from now on."""
        self._known = {token: known for token, known in self._known.items() if known[1].user_id != user_id}

    def forget_all(self) -> None:
        """Read every session anew from now on."""
        self._known.clear()

    @staticmethod
    def _unless_expired(viewer: Viewer) -> Viewer:
        if viewer.expires_at is not None and viewer.expires_at <= clock.now():
            raise BadToken(expired=True)
        return viewer

    async def _touched(self, viewer: Viewer) -> Viewer:
        now = clock.now()
        if viewer.expires_at is None or viewer.expires_at - now > SESSION_LIFE - TOUCH_EVERY:
            return viewer
        async with self._container.transaction() as services:
            await services.sessions.touch(viewer)
        return replace(viewer, expires_at=now + SESSION_LIFE)


@dataclass(eq=False)
class OpenSocket:
    """A socket, and as whom it signed in."""

    socket: Socket
    viewer: Viewer = field(default_factory=Viewer)


class SocketRegistry:
    """All open sockets of this process; closes those whose session was revoked (4403) or has expired (4401)."""

    def __init__(
        self,
        container: Container,
        *,
        watch: Callable[[UUID], Awaitable[None]],
        unwatch: Callable[[UUID], Awaitable[None]],
    ) -> None:
        self._container = container
        self._watch = watch
        self._unwatch = unwatch
        self._open: set[OpenSocket] = set()
        self._ending: dict[OpenSocket, asyncio.Task[None]] = {}
        self._sooner = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    def count_of(self, user_id: UUID | None) -> int:
        """Count a reader's open sockets."""
        return sum(one.viewer.user_id == user_id for one in self._open)

    def add(self, opened: OpenSocket) -> None:
        """Know a socket."""
        self._open.add(opened)

    async def signed_in(self, opened: OpenSocket, viewer: Viewer) -> None:
        """Note as whom a socket signed in."""
        before, opened.viewer = opened.viewer.user_id, viewer
        if before not in (None, viewer.user_id):
            await self._unwatch_unless_open(before)
        if viewer.user_id is not None:
            await self._watch(viewer.user_id)
            # Its session may have ended after its token was read, and before anybody listened for that.
            self.look()

    async def remove(self, opened: OpenSocket) -> None:
        """Forget a socket that has closed."""
        self._open.discard(opened)
        await self._unwatch_unless_open(opened.viewer.user_id)

    async def _unwatch_unless_open(self, user_id: UUID | None) -> None:
        if user_id is not None and all(other.viewer.user_id != user_id for other in self._open):
            await self._unwatch(user_id)

    def look(self) -> None:
        """Look at the sessions now rather than at the next turn."""
        self._sooner.set()

    async def run(self) -> None:
        """Look at the sessions behind open sockets every four seconds, in one statement."""
        while True:
            try:
                async with asyncio.timeout(WATCH_EVERY):
                    await self._sooner.wait()
            except TimeoutError:
                pass
            self._sooner.clear()
            try:
                await self.check()
            except Unavailable:
                log.warning("sessions_unchecked")
            except Exception:
                # Nothing else ends the sockets of revoked sessions: the task must outlive a fault nobody thought of.
                log.exception("sessions_unchecked")

    async def check(self) -> None:
        """Close the sockets whose sessions are over."""
        signed_in = {s: s.viewer.session_id for s in self._open if s.viewer.session_id is not None}
        if not signed_in:
            return
        async with self._container.reading() as services:
            alive = await services.sessions.alive([key for key in signed_in.values() if key])
        now = clock.now()
        for opened, key in signed_in.items():
            if opened.viewer.session_id != key or opened in self._ending:
                continue
            if key not in alive:
                self._end(opened, SocketEnd.REVOKED, *REVOKED)
            elif alive[key] <= now:
                self._end(opened, SocketEnd.EXPIRED, *EXPIRED)

    def _end(self, opened: OpenSocket, end: SocketEnd, code: int, reason: str) -> None:
        metrics.socket_closed(end)
        # In a task of its own: a peer that takes nothing any more must not hold up the next look at the others.
        task = asyncio.create_task(opened.socket.close(code, reason), name="close-socket")
        self._ending[opened] = task
        task.add_done_callback(lambda _: self._ending.pop(opened, None))

    async def close_all(self, code: int, reason: str) -> None:
        """Close every socket."""
        await asyncio.gather(*(s.socket.close(code, reason) for s in self._open), return_exceptions=True)
