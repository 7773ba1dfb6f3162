"""What a GraphQL operation carries: the viewer, loaders of its own, and the way to transactions."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from strawberry.types import Info as StrawberryInfo

from auth.viewer import Viewer
from loaders import Loaders
from runtime.container import Container, Services
from services.sync.pull import Sent


class Bell(Protocol):
    """Rings when something may have changed."""

    async def wait(self) -> None:
        """Return at the next ring, or at once if it rang since the last wait."""


class Listener(Protocol):
    """Where subscriptions learn that something may have changed."""

    def listen(self, user_id: UUID, topic: str) -> AbstractAsyncContextManager[Bell]:
        """Hear the bells of a user's topic; subscribed before the block begins."""

    def note_sent(self, sent: Sent) -> None:
        """Keep in mind how far a device has been sent, to be written down soon."""


@dataclass
class Context:
    """One operation's surroundings; a socket has one, from which each of its operations gets its own copy."""

    container: Container
    listener: Listener
    viewer: Viewer
    loaders: Loaders
    address: str
    authenticator: "Authenticator"
    connection_params: dict[str, Any] | None = None
    socket: "SignedSocket | None" = None

    @property
    def epoch(self) -> str:
        """The epoch that versions are spelled with."""
        return self.container.epoch.current

    def fresh(self) -> "Context":
        """Copy this context with loaders that remember nothing."""
        return replace(self, loaders=Loaders(self.container.database, self.viewer))

    def renew(self) -> None:
        """Forget what the loaders remember: before each event of a subscription, and after a write."""
        self.loaders = Loaders(self.container.database, self.viewer)

    def become(self, viewer: Viewer) -> None:
        """See with other eyes from here on: after signing in."""
        self.viewer = viewer
        self.renew()

    def forget_sessions(self) -> None:
        """Make the next request of this process read its session anew."""
        self.authenticator.forget(self.viewer.user_id)

    async def sent(self, epoch: str, sent: Sent | None) -> None:
        """Take note of the epoch that was read, and of how far a device has been sent."""
        self.container.epoch.current = epoch
        if sent is None:
            return
        if sent.began_anew:
            async with self.transaction() as services:
                await services.pull.note_sent(sent)
        else:
            self.listener.note_sent(sent)

    def reading(self) -> AbstractAsyncContextManager[Services]:
        """Open a short session that only reads."""
        return self.container.reading()

    def snapshot(self) -> AbstractAsyncContextManager[Services]:
        """Open a short session all of whose reads see one moment."""
        return self.container.snapshot()

    def transaction(self) -> AbstractAsyncContextManager[Services]:
        """Open a transaction that commits at its end."""
        return self.container.transaction()


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
