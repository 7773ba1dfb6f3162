"""What people send to make accounts and sign in, and the rules it must keep."""

import re
from dataclasses import dataclass

from core.errors import AppError, Invalid, Problems
from core.ids import read_id
from core.text import is_storable
from services.profiles import BAD_EMAIL, check_display_name, check_username

PASSWORD_SHORTEST, PASSWORD_LONGEST = 8, 256
EMAIL_LENGTH, DEVICE_NAME_LENGTH, PLATFORM_LENGTH = 255, 100, 50
_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@(?:[^\s@.<>()\[\]\\,;:\"]{1,63}\.)+[^\s@.<>()\[\]\\,;:\"]{2,63}")


@dataclass(frozen=True, slots=True)
class DeviceDraft:
    """A device that signs in: one of the user's known ones by id, else a new one."""

    name: str
    platform: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class SignUpDraft:
    """What a new account is made of."""

    username: str
    email: str
    password: str
    display_name: str
    device: DeviceDraft | None = None


def check_sign_up(draft: SignUpDraft) -> None:
    """Check what a new account is made of; raise Invalid with every problem."""
    problems = Problems()
    check_username(problems, draft.username)
    problems.check(_is_email(draft.email), BAD_EMAIL, "email")
    _check_password(problems, draft.password, "password")
    check_display_name(problems, draft.display_name)
    if draft.device is not None:
        _check_device(problems, draft.device)
    problems.raise_any()


def check_device(draft: DeviceDraft | None) -> None:
    """Check the device of a sign-in; raise Invalid with every problem."""
    problems = Problems()
    if draft is not None:
        _check_device(problems, draft)
    problems.raise_any()


def check_password(password: str, field: str) -> None:
    """Check a password that is to be set; raise Invalid."""
    problems = Problems()
    _check_password(problems, password, field)
    problems.raise_any()


def reject_long(password: str, field: str) -> None:
    """Refuse what cannot be a password before any work is spent on it."""
    if len(password) > PASSWORD_LONGEST or not is_storable(password):
        raise Invalid("This cannot be a password of this server.", field)


def check_device_name(name: str) -> None:
    """Check what a device is to be called; raise Invalid."""
    problems = Problems()
    _check_device_name(problems, name)
    problems.raise_any()


def _check_device_name(problems: Problems, name: str, *path: str) -> None:
    good = name.strip() and len(name) <= DEVICE_NAME_LENGTH and is_storable(name)
    problems.check(good, f"A device's name has 1 to {DEVICE_NAME_LENGTH} characters", *path, "name")


def _check_device(problems: Problems, draft: DeviceDraft) -> None:
    _check_device_name(problems, draft.name, "device")
    platform = draft.platform
    good = platform.strip() and len(platform) <= PLATFORM_LENGTH and is_storable(platform)
    problems.check(good, f"A platform's name has 1 to {PLATFORM_LENGTH} characters", "device", "platform")
    try:
        if draft.id is not None:
            read_id(draft.id, "Device", "device", "id")
    except AppError as error:
        problems.add(str(error), "device", "id")


def _check_password(problems: Problems, password: str, field: str) -> None:
    good = PASSWORD_SHORTEST <= len(password) <= PASSWORD_LONGEST
    text = f"Password must be {PASSWORD_SHORTEST}-{PASSWORD_LONGEST} characters"
    problems.check(good and is_storable(password), text, field)


def _is_email(value: str) -> bool:
    return len(value) <= EMAIL_LENGTH and is_storable(value) and _EMAIL.fullmatch(value) is not None
