"""Who is asking."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.errors import Unauthenticated
from models.profiles import Role


@dataclass(frozen=True, slots=True)
class Viewer:
    """The one whose eyes a request sees with; signed out when there is no user."""

    user_id: UUID | None = None
    session_id: UUID | None = None
    device_id: UUID | None = None
    role: Role = Role.READER
    expires_at: datetime | None = None
    address: str = ""
    user_agent: str = ""

    @property
    def is_signed_in(self) -> bool:
        """Tell whether there is a user."""
        return self.user_id is not None

    def require(self) -> UUID:
        """Name the user; raise Unauthenticated when nobody is signed in."""
        if self.user_id is None:
            raise Unauthenticated("Sign in first: send `Authorization: Bearer <token>`.")
        return self.user_id

    @property
    def moderates(self) -> bool:
        """Tell whether reports are this viewer's business."""
        return self.is_signed_in and self.role in (Role.MODERATOR, Role.ADMIN)

    @property
    def writer_id(self) -> UUID | None:
        """Name whose edits these are in the merge: the device, or the session where no device is known."""
        return self.device_id or self.session_id
