"""Profiles as viewers see them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from models import User
from repositories import visibility
from repositories.prepared import IDS, prepared


@dataclass(frozen=True, slots=True)
class Profile:
    """A user, and whether the viewer may read the whole profile."""

    user: User
    is_open: bool


@prepared
def _visible(viewer: Viewer) -> Select[User, bool]:
    return select(User, visibility.profiles(viewer)).where(User.id.in_(IDS), visibility.named_users(viewer))


class ProfileRepository:
    """Profiles, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Profile]:
        """Read users that the viewer may know of, or has to name."""
        rows = await self._session.execute(*_visible(viewer, ids))
        return {user.id: Profile(user, is_open) for user, is_open in rows}

    async def visible_by_name(self, viewer: Viewer, username: str) -> Profile | None:
        """Read a user by name, without regard to case."""
        row = (
            await self._session.execute(
                select(User, visibility.profiles(viewer)).where(
                    func.lower(User.username) == username.lower(), visibility.users(viewer)
                )
            )
        ).one_or_none()
        return Profile(*row) if row else None
