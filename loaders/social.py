"""How readers stand to the viewer, and lists of the people around them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from core.pagination import Page, PageRequest
from loaders.batch import BatchLoader
from models import Mute
from repositories.profiles import Profile
from repositories.social import Relationship, SocialRepository
from repositories.social_lists import People, SocialListRepository
from repositories.social_mutes import MuteRepository


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of a reader's followers, or of whom the reader follows."""

    which: People
    user_id: UUID
    request: PageRequest


class RelationshipByUserIdLoader(BatchLoader[UUID, Relationship]):
    """How readers stand to the viewer, who is signed in."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Relationship]:
        """Read relationships by user."""
        return await SocialRepository(session).relationships(viewer, keys)


class PeopleByUserIdLoader(BatchLoader[PeoplePage, Page[Profile]]):
    """Pages of people: one statement for each set of arguments, however many readers."""

    async def read(
        self, session: AsyncSession, viewer: Viewer, keys: Sequence[PeoplePage]
    ) -> Mapping[PeoplePage, Page[Profile]]:
        """Read a page for each reader."""
        groups: dict[tuple[People, PageRequest], list[UUID]] = defaultdict(list)
        for key in keys:
            groups[key.which, key.request].append(key.user_id)
        found: dict[PeoplePage, Page[Profile]] = {}
        for (which, request), user_ids in groups.items():
            pages = await SocialListRepository(session).pages(viewer, which, user_ids, request)
            found |= {PeoplePage(which, user_id, request): page for user_id, page in pages.items()}
        return found


class MuteByIdLoader(BatchLoader[UUID, Mute]):
    """The viewer's mutes."""

    async def read(self, session: AsyncSession, viewer: Viewer, keys: Sequence[UUID]) -> Mapping[UUID, Mute]:
        """Read mutes by id."""
        return await MuteRepository(session).visible(viewer, keys)
