"""Password hashing: argon2id with t=2, 19 MiB, p=1 (the OWASP minimum), in threads, two at a time."""

import asyncio
import hashlib
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

STRONG = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
HASHER = STRONG
"""What hashes passwords; tests that are about other things take a cheaper one."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """What is kept of a password: its own hash, and that of what KOReader sends instead."""

    password: str
    koreader: str


def koreader_key(password: str) -> str:
    """Make what KOReader sends instead of a password: its MD5, in lower-case hex."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


class Passwords:
    """Hash and check passwords without stalling the event loop; each hash holds a core for tens of milliseconds."""

    def __init__(self, *, at_once: int = 2) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Hash a password with a fresh salt."""
        async with self._slots:
            return await asyncio.to_thread(HASHER.hash, password)

    async def hashes(self, password: str) -> Hashes:
        """Hash a password that is set, in both ways."""
        return Hashes(*await asyncio.gather(self.hash(password), self.hash(koreader_key(password))))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Compare; with no hash, work as long as with one, so that the time does not tell whether an account exists."""
        if hashed is None:
            if self._nobodys is None:
                self._nobodys = await self.hash("nobody's password")
            await self._matches(self._nobodys, password)
            return False
        return await self._matches(hashed, password)

    async def _matches(self, hashed: str, password: str) -> bool:
        async with self._slots:
            return await asyncio.to_thread(_matches, hashed, password)


def _matches(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
