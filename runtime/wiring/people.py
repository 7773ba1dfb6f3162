"""Accounts, profiles and who has to do with whom."""

from functools import cached_property

from repositories.posts_departures import DepartureRepository
from repositories.profiles import ProfileRepository
from repositories.social import SocialRepository
from repositories.social_lists import SocialListRepository
from repositories.social_mutes import MuteRepository
from runtime.wiring.shared import SharedServices
from services.accounts import AccountService
from services.accounts_devices import DeviceService
from services.accounts_sessions import SessionService
from services.profiles import ProfileService
from services.social import SocialService
from services.social_mutes import MuteService


class PeopleServices(SharedServices):
    """Services about readers."""

    @cached_property
    def accounts(self) -> AccountService:
        """Accounts: their beginning, their passwords, their end."""
        return AccountService(
            accounts=self.attempts,
            social=SocialRepository(self._session),
            departures=DepartureRepository(self._session),
            locks=self.locks,
            devices=self.devices,
            sessions=self.sessions,
            audit=self.audit,
            events=self._events,
        )

    @cached_property
    def sessions(self) -> SessionService:
        """Sign-ins."""
        return SessionService(self.attempts, self.idempotency, self.audit, self._events)

    @cached_property
    def devices(self) -> DeviceService:
        """Reading devices."""
        return DeviceService(self.attempts, self.sessions, self.idempotency, self._events)

    @cached_property
    def social(self) -> SocialService:
        """Following and blocking."""
        return SocialService(
            social=SocialRepository(self._session),
            lists=SocialListRepository(self._session),
            profiles=ProfileRepository(self._session),
            locks=self.locks,
            idempotency=self.idempotency,
            audit=self.audit,
            follow_limit=self._parts.settings.follow_limit,
        )

    @cached_property
    def mutes(self) -> MuteService:
        """Mutes."""
        return MuteService(MuteRepository(self._session), self.locks, self.idempotency)

    @cached_property
    def profiles(self) -> ProfileService:
        """Profiles and privacy."""
        return ProfileService(
            ProfileRepository(self._session), self.attempts, self.idempotency, self.audit, self.media, self.social
        )
