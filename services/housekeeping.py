"""What time takes away: erased content, old tombstones, old answers, dead sessions. Each call is one slice of a recurring job."""

from datetime import timedelta

from core import clock
from repositories.accounts import AccountRepository
from repositories.audit import AuditRepository
from repositories.jobs import IdempotencyRepository
from repositories.locks import Locks
from repositories.sync import SyncRepository

SLICE = 1_000


class HousekeepingService:
    """Clean up, a slice at a time; True when nothing is left."""

    def __init__(
        self,
        *,
        sync: SyncRepository,
        accounts: AccountRepository,
        idempotency: IdempotencyRepository,
        locks: Locks,
        tombstone_days: int,
        outcome_days: int,
        audit: AuditRepository,
        audit_days: int,
    ) -> None:
        self._sync = sync
        self._accounts = accounts
        self._idempotency = idempotency
        self._locks = locks
        self._tombstone_days = tombstone_days
        self._outcome_days = outcome_days
        self._audit = audit
        self._audit_days = audit_days

    async def erase_deleted(self) -> bool:
        """Erase the content of one reader's deleted highlights that can no longer be restored."""
        now = clock.now()
        users = await self._sync.users_with_erasable(now, 1)
        for user_id in users:
            await self._locks.sync_counter(user_id)
            await self._sync.erase(user_id, now, SLICE)
        return not users

    async def purge_tombstones(self) -> bool:
        """Forget one reader's tombstones that every device has had half a year to see."""
        before = clock.now() - timedelta(days=self._tombstone_days)
        users = await self._sync.users_with_purgeable(before, 1)
        for user_id in users:
            await self._locks.sync_counter(user_id)
            await self._sync.purge(user_id, before, SLICE)
        return not users

    async def forget_answers(self) -> bool:
        """Forget outcomes and idempotency keys that are old enough."""
        before = clock.now() - timedelta(days=self._outcome_days)
        gone = await self._sync.forget_outcomes(before, SLICE) + await self._idempotency.purge(before, SLICE)
        return gone == 0

    async def purge_audit(self) -> bool:
        """Delete audit entries that are old enough."""
        return await self._audit.purge(clock.now() - timedelta(days=self._audit_days), SLICE) == 0

    async def purge_sessions(self) -> bool:
        """Delete expired sessions, and sign-in attempts that count no longer."""
        now = clock.now()
        await self._accounts.purge_sessions(now)
        await self._accounts.purge_attempts(now - timedelta(hours=2))
        return True
