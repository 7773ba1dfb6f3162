"""What one process has, as far as services are given it."""

from typing import Protocol

from clients.storage import Storage
from clients.timelines import Timelines
from core.settings import Settings
from core.signing import Signer
from repositories.feeds_pages import FeedStatements
from services.imports.prepared import PreparedFiles


class Epoch:
    """The epoch as this process last read it."""

    def __init__(self) -> None:
        self.current = ""


class Parts(Protocol):
    """The container, as services see it."""

    @property
    def settings(self) -> Settings:
        """All settings."""

    @property
    def epoch(self) -> Epoch:
        """The epoch of the database."""

    @property
    def files(self) -> PreparedFiles:
        """Files that are being imported."""

    @property
    def storage(self) -> Storage:
        """Where uploaded files are."""

    @property
    def signer(self) -> Signer:
        """What signs links that expire."""

    @property
    def feed_statements(self) -> FeedStatements:
        """Statements of home feeds, put together once."""

    @property
    def timelines(self) -> Timelines:
        """Timelines in Valkey."""
