"""Who KOReader is: a name and a key with every request, where the key is the MD5 of the password.

The key is as good as a password to whoever overhears it, so it opens this protocol and nothing else. Looking at one costs an
argon2 hash; what came of it is remembered in this process together with the hash it was compared with, so that a page turn
costs none, and a changed password is felt at once. A wrong key that comes again is no new guess: a device with an old password
must not lock its owner out.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from auth.passwords import Passwords
from auth.viewer import Viewer
from core.errors import Unauthenticated
from core.text import fold, is_storable
from services.accounts import AccountService
from services.accounts_sign_in import Gatekeeper
from services.koreader import KoreaderService

UNAUTHORIZED = "Unauthorized"
KEY_LENGTH = 256
REMEMBERED = 10_000


class Work(Protocol):
    """What a transaction offers here."""

    @property
    def accounts(self) -> AccountService:
        """Accounts of this transaction."""

    @property
    def koreader(self) -> KoreaderService:
        """KOReader's files of this transaction."""


Transaction = Callable[[], AbstractAsyncContextManager[Work]]


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody whose key was right, and the hash that said so."""

    viewer: Viewer
    koreader_hash: str


class Remembered:
    """The outcomes of the last comparisons."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, mark: bytes) -> bool:
        if mark not in self._kept:
            return False
        self._kept.move_to_end(mark)
        return True

    def add(self, mark: bytes) -> None:
        """Remember one more; the one that was not asked for longest goes."""
        self._kept[mark] = None
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class KoreaderGate:
    """Let KOReader in."""

    def __init__(
        self, reading: Transaction, transaction: Transaction, gatekeeper: Gatekeeper, passwords: Passwords
    ) -> None:
        self._reading = reading
        self._transaction = transaction
        self._gatekeeper = gatekeeper
        self._passwords = passwords
        self._secret = secrets.token_bytes(32)
        self._right = Remembered()
        self._wrong = Remembered()

    async def admit(self, username: str, key: str, address: str) -> Admitted:
        """Tell whose key this is; raise Unauthenticated, the same for wrong names and wrong keys, or RateLimited."""
        if not username or not 0 < len(key) <= KEY_LENGTH or not is_storable(key):
            raise Unauthenticated(UNAUTHORIZED)
        async with self._reading() as work:
            user = await work.accounts.by_login(username)
        who: UUID | str = user.id if user else fold(username)[:200]
        hashed = user.koreader_hash if user else None
        mark = self._mark(f"{who}", hashed or "", key)
        if mark in self._wrong:
            raise Unauthenticated(UNAUTHORIZED)
        if mark not in self._right and not await self._compare(who, address, key, hashed):
            self._wrong.add(mark)
            raise Unauthenticated(UNAUTHORIZED)
        if user is None or hashed is None:
            raise Unauthenticated(UNAUTHORIZED)
        self._right.add(mark)
        return Admitted(Viewer(user_id=user.id, address=address), hashed)

    async def register(self, username: str, key: str, address: str) -> bool | None:
        """Register the account of this name with its own key: True the first time, False when it is taken, None when there is none.

        Accounts are made elsewhere: a key alone could not sign in there, and has no e-mail address.
        """
        async with self._reading() as work:
            # By name alone: an e-mail address must not be told to have an account.
            known = "@" not in username and await work.accounts.by_login(username) is not None
        if not known:
            return None
        try:
            admitted = await self.admit(username, key, address)
        except Unauthenticated:
            return False
        async with self._transaction() as work:
            return await work.koreader.register(admitted.viewer.require(), admitted.koreader_hash)

    async def _compare(self, who: UUID | str, address: str, key: str, hashed: str | None) -> bool:
        attempts = await self._gatekeeper.count_guess(who, address)
        right = await self._passwords.verify(key, hashed)
        if right:
            await self._gatekeeper.take_back(attempts)
        return right

    def _mark(self, *parts: str) -> bytes:
        said = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(said, key=self._secret, digest_size=16).digest()
