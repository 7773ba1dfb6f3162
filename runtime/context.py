"""What a GraphQL operation carries: the viewer, loaders of its own, and the way to transactions."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import UUID

from strawberry.types import Info as StrawberryInfo

from auth.viewer import Viewer
from clients.limits import Allowance
from core.errors import RateLimited
from loaders import Loaders
from models.feeds import FeedEntry
from repositories.posts_counts import Counts
from runtime.container import Container, Services
from services.sync.pull import ChangePage, Sent


class Bell(Protocol):
    """Rings when something may have changed."""

    async def wait(self) -> None:
        """Return at the next ring, or at once if it rang since the last wait."""


class Watch(Protocol):
    """What one subscription hears of the counts of posts."""

    async def begin(self) -> bool:
        """Wait for the present counts; tell whether any of the posts may be seen."""

    async def next(self) -> tuple[UUID, Counts]:
        """Wait for counts that were not told yet."""


class TooSlow(Exception):
    """A subscription leaves so much lying that it is not told more."""


class EntryWatch(Protocol):
    """What one subscription hears of a home feed."""

    async def begin(self) -> None:
        """Wait until entries that come are not missed any more."""

    async def next(self) -> FeedEntry:
        """Wait for an entry that belongs into the viewer's feed now; raise TooSlow once too many lay untaken."""


class Listener(Protocol):
    """Where subscriptions learn that something may have changed."""

    def listen(self, user_id: UUID, topic: str) -> AbstractAsyncContextManager[Bell]:
        """Hear the bells of a user's topic; subscribed before the block begins."""

    def watch_counts(self, viewer: Viewer, post_ids: Collection[UUID]) -> AbstractAsyncContextManager[Watch]:
        """Hear of the counts of posts, as far as the viewer may see them; subscribed before the block begins."""

    def watch_feed(self, viewer: Viewer) -> AbstractContextManager[EntryWatch]:
        """Hear of what comes into the viewer's home feed."""

    async def pull(self, viewer: Viewer, device_id: UUID, after: str | None) -> "Pulled":
        """Read what a device is sent next, as of after this call, in one read for all that ask for the same at once."""

    def note_sent(self, sent: Sent) -> None:
        """Keep in mind how far a device has been sent, to be written down soon."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A page of changes, and the loaders that the reader's sockets may share for its events."""

    page: ChangePage
    sent: Sent | None
    share: Callable[[], Loaders]


@dataclass
class Meter:
    """What one request has cost so far; shared by all operations of a batch."""

    cost: int = 0
    allowance: Allowance | None = None


@dataclass
class Reply:
    """What an answer carries besides its body."""

    cookie: str | None = None
    """A session token for the browser to keep."""
    ends_cookie: bool = False


@dataclass
class Context:
    """One operation's surroundings; a socket has one, from which each of its operations gets its own copy."""

    container: Container
    listener: Listener
    viewer: Viewer
    loaders: Loaders
    address: str
    origin: str
    """The URL under which the one who asks reaches this server."""
    authenticator: "Authenticator"
    meter: Meter = field(default_factory=Meter)
    reply: Reply = field(default_factory=Reply)
    connection_params: dict[str, Any] | None = None
    socket: "SignedSocket | None" = None

    @property
    def epoch(self) -> str:
        """The epoch that versions are spelled with."""
        return self.container.epoch.current

    def fresh(self) -> "Context":
        """Copy this context with loaders that remember nothing; on a socket each operation has a meter of its own, too."""
        meter = Meter() if self.socket else self.meter
        return replace(self, loaders=Loaders(self.container.database, self.viewer), meter=meter)

    async def charge(self, cost: int) -> None:
        """Take the cost of an operation from the viewer's minute; raise RateLimited when it is used up."""
        settings = self.container.settings
        if self.viewer.user_id is not None:
            bucket, limit = f"user:{self.viewer.user_id}", settings.cost_per_minute
        else:
            bucket, limit = f"address:{self.address}", settings.cost_per_minute_signed_out
        allowance = await self.container.buckets.take(bucket, cost, limit)
        self.meter.cost += cost
        self.meter.allowance = allowance
        if not allowance.allowed:
            raise RateLimited(
                f"Your allowance of {limit:,} a minute is used up. Try again in {allowance.retry_after} s."
            )

    def renew(self) -> None:
        """Forget what the loaders remember: before each event of a subscription, and after a write."""
        self.loaders = Loaders(self.container.database, self.viewer)

    def share(self, pulled: Pulled) -> None:
        """Load for the next event together with the reader's other sockets, or, when that read is old, anew."""
        self.loaders = pulled.share()

    def become(self, viewer: Viewer) -> None:
        """See with other eyes from here on: after signing in."""
        self.viewer = viewer
        self.renew()

    def keep_in_cookie(self, token: str) -> None:
        """Hand the session to the browser as a cookie."""
        self.reply.cookie = token

    def forget_cookie(self) -> None:
        """Take the cookie back."""
        self.reply.cookie, self.reply.ends_cookie = None, True

    def forget_sessions(self) -> None:
        """Make the next request of this process read its session anew."""
        self.authenticator.forget(self.viewer.user_id)

    async def sent(self, epoch: str, sent: Sent | None) -> None:
        """Take note of the epoch that was read, and of how far a device has been sent."""
        self.container.epoch.current = epoch
        if sent is None:
            return
        if sent.began_anew:
            async with self.container.transaction() as services:
                await services.pull.note_sent(sent)
        else:
            self.listener.note_sent(sent)

    def reading(self) -> AbstractAsyncContextManager[Services]:
        """Open a short session that only reads."""
        return self.container.reading()

    def snapshot(self) -> AbstractAsyncContextManager[Services]:
        """Open a short session all of whose reads see one moment."""
        return self.container.snapshot()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Services]:
        """Open a transaction that commits at its end; what is read after it is read anew, also later in the same document."""
        async with self.container.transaction() as services:
            yield services
        self.renew()


class Authenticator(Protocol):
    """Who remembers sessions for a few seconds."""

    def forget(self, user_id: UUID | None) -> None:
        """Read a user's sessions anew from now on."""


class Socket(Protocol):
    """An open socket."""

    async def close(self, code: int, reason: str) -> None:
        """Close it, telling why."""


class SignedSocket(Protocol):
    """An open socket, and as whom it signed in."""

    socket: Socket
    viewer: Viewer


Info = StrawberryInfo[Context, Any]
