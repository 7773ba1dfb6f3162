"""Signing in and up with limits: several short transactions, because an attempt must count even when it is refused."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from auth.passwords import Passwords
from auth.viewer import Viewer
from core import clock
from core.errors import Forbidden, RateLimited, Unauthenticated
from core.settings import SignUp
from core.text import fold
from repositories.accounts import AccountRepository
from services.accounts import (
    WRONG_CREDENTIALS,
    AccountService,
    DeviceDraft,
    SignedIn,
    SignUpDraft,
    check_password,
    reject_long,
)

WINDOW = timedelta(minutes=15)
FAILURES_PER_ACCOUNT, FAILURES_PER_ADDRESS = 10, 50
HOUR = timedelta(hours=1)


class Work(Protocol):
    """What a transaction offers here."""

    @property
    def accounts(self) -> AccountService:
        """Accounts of this transaction."""

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

    async def sign_up(self, draft: SignUpDraft, address: str) -> SignedIn:
        """Make an account and sign it in."""
        if self._sign_up is SignUp.CLOSED:
            raise Forbidden("This server takes no new accounts.")
        async with self._transaction() as work:
            await work.accounts.check_sign_up(draft)
        await self._count(
            f"sign-up:{address}", HOUR, self._sign_ups_per_hour, "accounts from here. Try again in an hour."
        )
        hashed = await self._passwords.hash(draft.password)
        async with self._transaction() as work:
            return await work.accounts.sign_up(draft, hashed, address)

    async def sign_in(self, login: str, password: str, device: DeviceDraft | None, address: str) -> SignedIn:
        """Open a session; wrong names and wrong passwords answer the same, after the same work."""
        reject_long(password, "password")
        async with self._transaction() as work:
            user = await work.accounts.by_login(login)
        # By account where there is one, so that name and e-mail address share one tally.
        account = str(user.id) if user else fold(login)[:200]
        attempts = [await self._count(f"address:{address}", WINDOW, FAILURES_PER_ADDRESS, "attempts. Try again later.")]
        attempts += [
            await self._count(f"account:{account}", WINDOW, FAILURES_PER_ACCOUNT, "attempts. Try again later.")
        ]
        if not await self._passwords.verify(password, user.password_hash if user else None) or user is None:
            raise Unauthenticated(WRONG_CREDENTIALS)
        async with self._transaction() as work:
            await work.attempts.forget_attempts(attempts)
            return await work.accounts.sign_in(user.id, device, address)

    async def change_password(self, viewer: Viewer, current: str, new: str) -> None:
        """Change the viewer's password; all other sessions end."""
        check_password(new, "newPassword")
        old_hash = await self._verified(viewer, current, "currentPassword")
        new_hash = await self._passwords.hash(new)
        async with self._transaction() as work:
            await work.accounts.change_password(viewer, old_hash, new_hash)

    async def delete_account(self, viewer: Viewer, password: str) -> UUID:
        """Delete the viewer's account; answer the id it had."""
        checked = await self._verified(viewer, password, "password")
        async with self._transaction() as work:
            return await work.accounts.delete(viewer, checked)

    async def _verified(self, viewer: Viewer, password: str, field: str) -> str:
        reject_long(password, field)
        async with self._transaction() as work:
            hashed = await work.accounts.password_hash(viewer)
        bucket = f"account:{viewer.require()}"
        attempt = await self._count(bucket, WINDOW, FAILURES_PER_ACCOUNT, "attempts. Try again later.")
        if not await self._passwords.verify(password, hashed):
            raise Forbidden("The password is wrong.", field)
        async with self._transaction() as work:
            await work.attempts.forget_attempts([attempt])
        return hashed

    async def _count(self, bucket: str, window: timedelta, most: int, of_what: str) -> int:
        async with self._transaction() as work:
            attempt, count = await work.attempts.attempt(bucket, clock.now() - window)
            if count > most:
                # A refused try is not one more failure: else whoever keeps knocking keeps the owner out.
                await work.attempts.forget_attempts([attempt])
        if count > most:
            raise RateLimited(f"Too many {of_what}")
        return attempt
