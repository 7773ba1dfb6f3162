"""Profiles and privacy: reading as others see them, editing one's own."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from auth.viewer import Viewer
from core import clock, opaque
from core.errors import Invalid, Problems, StaleVersion, Unauthenticated
from core.text import is_storable, without_markup
from core.unset import UNSET, UnsetType
from models import User
from models.profiles import Visibility
from repositories.accounts import AccountRepository
from repositories.profiles import Profile, ProfileRepository
from services.audit import AuditService
from services.idempotency import IdempotencyService
from services.media import MediaService
from services.social import SocialService

DISPLAY_NAME_LENGTH, BIO_LENGTH, URL_LENGTH = 100, 500, 500
BAD_USERNAME = "Username must be 3-30 characters and contain only letters, numbers, and underscores"
BAD_EMAIL = "Please provide a valid email address"
BAD_DISPLAY_NAME = "Display name cannot be empty or contain HTML"
LONG_DISPLAY_NAME = "Display name cannot exceed 100 characters"
BAD_BIO = "Bio cannot exceed 500 characters"
BAD_WEBSITE = "Please provide a valid website URL"
UNSTORABLE = "This text has a character that cannot be stored"


@dataclass(frozen=True, slots=True)
class ProfilePatch:
    """An edit of a profile: what is UNSET stays; null clears what may be empty."""

    display_name: str | UnsetType | None = UNSET
    bio: str | UnsetType | None = UNSET
    website_url: str | UnsetType | None = UNSET
    avatar_media_id: str | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True)
class PrivacyPatch:
    """An edit of privacy settings: None stays."""

    is_private: bool | None = None
    allow_followers: bool | None = None
    default_highlight_visibility: Visibility | None = None
    show_highlights_to_followers: bool | None = None
    contribute_to_popular: bool | None = None
    export_includes_notes: bool | None = None
    export_includes_timestamps: bool | None = None


def version_of(user: User) -> str:
    """Spell the version of a profile."""
    return opaque.pack("u", user.revision)


def check_username(problems: Problems, username: str) -> None:
    """Check a name that is to be taken."""
    good = re.fullmatch(r"[A-Za-z0-9_]{3,30}", username)
    problems.check(good, BAD_USERNAME, "username")


def check_display_name(problems: Problems, name: str | None) -> None:
    """Check a display name."""
    value = name or ""
    if not is_storable(value):
        problems.add(UNSTORABLE, "displayName")
    elif len(value) > DISPLAY_NAME_LENGTH:
        problems.add(LONG_DISPLAY_NAME, "displayName")
    else:
        problems.check(value.strip() and without_markup(value) == value, BAD_DISPLAY_NAME, "displayName")


def is_website(value: str) -> bool:
    """Tell whether a text is an absolute http or https URL with a host."""
    if len(value) > URL_LENGTH or not is_storable(value) or re.search(r"[\s<>\"\\^`{|}\x00-\x1f]", value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _check(patch: ProfilePatch) -> None:
    problems = Problems()
    if patch.display_name is not UNSET:
        check_display_name(problems, patch.display_name)
    if patch.bio is not UNSET and patch.bio:
        problems.check(len(patch.bio) <= BIO_LENGTH, BAD_BIO, "bio")
        problems.check(is_storable(patch.bio), UNSTORABLE, "bio")
    if patch.website_url is not UNSET and patch.website_url:
        problems.check(is_website(patch.website_url), BAD_WEBSITE, "websiteUrl")
    problems.raise_any()


class ProfileService:
    """Profiles of one transaction."""

    def __init__(
        self,
        profiles: ProfileRepository,
        accounts: AccountRepository,
        idempotency: IdempotencyService,
        audit: AuditService,
        media: MediaService,
        social: SocialService,
    ) -> None:
        self._media = media
        self._audit = audit
        self._profiles = profiles
        self._accounts = accounts
        self._idempotency = idempotency
        self._social = social

    async def by_name(self, viewer: Viewer, username: str) -> Profile | None:
        """Find a user the viewer may know of, by name without regard to case."""
        return await self._profiles.visible_by_name(viewer, username) if is_storable(username) else None

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, Profile]:
        """Read users the viewer may know of."""
        return await self._profiles.visible(viewer, ids)

    async def me(self, viewer: Viewer) -> User | None:
        """Read the viewer's own account; None when signed out."""
        return await self._accounts.me(viewer) if viewer.is_signed_in else None

    async def default_visibility(self, viewer: Viewer) -> Visibility:
        """Tell how open the viewer's new highlights are where they do not say."""
        return (await self._mine(viewer, lock=False)).default_highlight_visibility

    async def update(self, viewer: Viewer, patch: ProfilePatch, expected_version: str | None, key: str | None) -> User:
        """Edit the viewer's profile: all of the edit or nothing."""

        async def work() -> User:
            user = await self._mine(viewer)
            _check(patch)
            _expect(user, expected_version)
            if patch.display_name is not UNSET and patch.display_name:
                user.display_name = patch.display_name.strip()
            if patch.bio is not UNSET:
                user.bio = without_markup(patch.bio or "")
            if patch.website_url is not UNSET:
                user.website_url = patch.website_url or None
            if patch.avatar_media_id is not UNSET:
                user.avatar_key = await self._media.avatar(
                    viewer, user.avatar_key, patch.avatar_media_id, "avatarMediaId"
                )
            return await self._saved(user)

        return await self._once(viewer, "updateProfile", key, [patch, expected_version], work)

    async def update_privacy(
        self, viewer: Viewer, patch: PrivacyPatch, expected_version: str | None, key: str | None
    ) -> User:
        """Edit the viewer's privacy settings. Who waits for an answer is let in when the account becomes public."""

        async def work() -> User:
            if patch.is_private is False:
                await self._social.let_all_in(viewer.require())
            user = await self._mine(viewer)
            _expect(user, expected_version)
            changed = {}
            for name in patch.__dataclass_fields__:
                old, new = getattr(user, name), getattr(patch, name)
                if new is not None and new != old:
                    changed[name] = [old, new]
                    setattr(user, name, new)
            if changed:
                await self._audit.record(viewer, "privacy.changed", ("user", user.id), **changed)
            return await self._saved(user)

        return await self._once(viewer, "updatePrivacy", key, [patch, expected_version], work)

    async def _once(
        self, viewer: Viewer, operation: str, key: str | None, value: object, work: Callable[[], Awaitable[User]]
    ) -> User:
        async def again(_: UUID) -> User | None:
            return await self._accounts.me(viewer)

        viewer.require()
        return await self._idempotency.once_for(
            viewer, operation, key, value, work=work, id_of=lambda user: user.id, again=again
        )

    async def _mine(self, viewer: Viewer, *, lock: bool = True) -> User:
        user = await self._accounts.by_id(viewer.require(), lock=lock)
        if user is None:
            raise Unauthenticated("This account is gone.")
        return user

    async def _saved(self, user: User) -> User:
        user.revision += 1
        user.updated_at = clock.now()
        await self._accounts.save()
        return user


def _expect(user: User, expected_version: str | None) -> None:
    if expected_version is None or expected_version == version_of(user):
        return
    if opaque.unpack("u", expected_version, 1) is None:
        raise Invalid("This is not a version: take it from `User.version`.", "expectedVersion")
    raise StaleVersion("The profile was changed meanwhile. Read it again, then repeat your edit.", "expectedVersion")
