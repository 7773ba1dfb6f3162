"""Signing in and up with limits: several short transactions, because an attempt must count even when it is refused."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from auth.passwords import Passwords, koreader_key
from auth.viewer import Viewer
from core import clock
from core.errors import Forbidden, RateLimited, Unauthenticated
from core.settings import SignUp
from core.text import fold
from repositories.accounts import AccountRepository
from services.accounts import WRONG_CREDENTIALS, AccountService
from services.accounts_input import (
    DeviceDraft,
    SignUpDraft,
    check_device,
    check_password,
    check_sign_up,
    reject_long,
)
from services.accounts_sessions import SignedIn
from services.koreader import KoreaderService

QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
FAILURES_PER_ACCOUNT, FAILURES_PER_ADDRESS = 10, 50
TOO_MANY_ATTEMPTS = "Too many attempts. Try again later."
TOO_MANY_ACCOUNTS = "Too many accounts from here. Try again in an hour."


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts a bucket takes within a window."""

    bucket: str
    window: timedelta
    most: int


class Work(Protocol):
    """What a transaction offers here."""

    @property
    def accounts(self) -> AccountService:
        """Accounts of this transaction."""

    @property
    def koreader(self) -> KoreaderService:
        """KOReader's keys in this transaction."""

    @property
    def attempts(self) -> AccountRepository:
        """The tally of attempts in this transaction."""


Transaction = Callable[[], AbstractAsyncContextManager[Work]]


class Gatekeeper:
    """Let people in. Passwords are hashed between transactions, never inside one."""

    def __init__(
        self, transaction: Transaction, passwords: Passwords, *, sign_up: SignUp, sign_ups_per_hour: int
    ) -> None:
        self._transaction = transaction
        self._passwords = passwords
        self._sign_up = sign_up
        self._sign_ups_per_hour = sign_ups_per_hour

    async def sign_up(self, draft: SignUpDraft, asker: Viewer) -> SignedIn:
        """Make an account and sign it in."""
        if self._sign_up is SignUp.CLOSED:
            raise Forbidden("This server takes no new accounts.")
        check_sign_up(draft)
        # Counted before it tells that a name or an address is taken: else anybody could ask for all of them.
        await self._count(Limit(f"sign-up:{asker.address}", HOUR, self._sign_ups_per_hour), refusal=TOO_MANY_ACCOUNTS)
        async with self._transaction() as work:
            await work.accounts.refuse_taken(draft)
        hashes = await self._passwords.hashes(draft.password)
        async with self._transaction() as work:
            return await work.accounts.sign_up(draft, hashes, asker)

    async def sign_in(self, login: str, password: str, device: DeviceDraft | None, asker: Viewer) -> SignedIn:
        """Open a session; wrong names and wrong passwords answer the same, after the same work."""
        reject_long(password, "password")
        check_device(device)
        async with self._transaction() as work:
            user = await work.accounts.by_login(login)
        # By account where there is one, so that name and e-mail address share one tally.
        by_account = _by_account(user.id if user else fold(login)[:200])
        _, at_address = await self._count(by_account, _by_address(asker.address))
        if not await self._passwords.verify(password, user.password_hash if user else None) or user is None:
            raise Unauthenticated(WRONG_CREDENTIALS)
        async with self._transaction() as work:
            await work.attempts.forget_attempts([at_address])
            await work.attempts.forget_bucket(by_account.bucket)
        key_hash = await self._passwords.hash(koreader_key(password)) if user.koreader_hash is None else None
        async with self._transaction() as work:
            if key_hash is not None:
                await work.koreader.fill_key(user.id, user.password_hash, key_hash)
            return await work.accounts.sign_in(user.id, device, asker)

    async def change_password(self, viewer: Viewer, current: str, new: str) -> None:
        """Change the viewer's password; all other sessions end."""
        viewer.require()
        check_password(new, "newPassword")
        old_hash = await self._verified(viewer, current, "currentPassword")
        hashes = await self._passwords.hashes(new)
        async with self._transaction() as work:
            await work.accounts.change_password(viewer, old_hash, hashes)

    async def delete_account(self, viewer: Viewer, password: str) -> UUID:
        """Delete the viewer's account; answer the id it had."""
        checked = await self._verified(viewer, password, "password")
        async with self._transaction() as work:
            return await work.accounts.delete(viewer, checked)

    async def count_guess(self, account: UUID | str, address: str) -> list[int]:
        """Count a guess at an account's key like one at its password; raise RateLimited."""
        return await self._count(_by_account(account), _by_address(address))

    async def take_back(self, attempts: list[int]) -> None:
        """Take back what turned out to be no guess."""
        async with self._transaction() as work:
            await work.attempts.forget_attempts(attempts)

    async def _verified(self, viewer: Viewer, password: str, field: str) -> str:
        by_account = _by_account(viewer.require())
        reject_long(password, field)
        async with self._transaction() as work:
            hashed = await work.accounts.password_hash(viewer)
        await self._count(by_account)
        if not await self._passwords.verify(password, hashed):
            raise Forbidden("The password is wrong.", field)
        async with self._transaction() as work:
            await work.attempts.forget_bucket(by_account.bucket)
        return hashed

    async def _count(self, *limits: Limit, refusal: str = TOO_MANY_ATTEMPTS) -> list[int]:
        """Write an attempt for each limit, in a transaction of its own; raise RateLimited when one is reached."""
        made: list[int] = []
        full = False
        async with self._transaction() as work:
            for limit in limits:
                attempt, count = await work.attempts.attempt(limit.bucket, clock.now() - limit.window)
                made.append(attempt)
                full = full or count > limit.most
            if full:
                # A refused try is not one more failure: else whoever keeps knocking keeps the owner out.
                await work.attempts.forget_attempts(made)
        if full:
            raise RateLimited(refusal)
        return made


def _by_address(address: str) -> Limit:
    return Limit(f"address:{address}", QUARTER, FAILURES_PER_ADDRESS)


def _by_account(account: UUID | str) -> Limit:
    return Limit(f"account:{account}", QUARTER, FAILURES_PER_ACCOUNT)
