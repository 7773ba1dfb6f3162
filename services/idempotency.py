"""Do a thing once for each (reader, operation, key), and answer again what was answered."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import orjson

from auth.viewer import Viewer
from core.errors import Gone, IdempotencyInProgress, IdempotencyMismatch, Invalid
from core.text import is_storable
from models import IdempotencyKey
from repositories.jobs import IdempotencyRepository
from repositories.locks import Locks

KEY_LENGTH = 64

Result = TypeVar("Result")


def fingerprint(value: Any) -> bytes:
    """Hash an input; equal inputs have equal hashes, whatever the order of their fields."""
    try:
        return hashlib.sha256(orjson.dumps(value, default=repr, option=orjson.OPT_SORT_KEYS)).digest()
    except orjson.JSONEncodeError:  # lone surrogates: refused later, but hashed all the same
        return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).digest()


class IdempotencyService:
    """Remember successes by their key."""

    def __init__(self, keys: IdempotencyRepository, locks: Locks) -> None:
        self._keys = keys
        self._locks = locks

    async def once(
        self,
        viewer: Viewer,
        operation: str,
        key: str | None,
        value: Any,
        *,
        work: Callable[[], Awaitable[Result]],
        ids: Callable[[Result], tuple[UUID, UUID | None]],
        again: Callable[[UUID, UUID | None], Awaitable[Result | None]],
    ) -> Result:
        """Do the work, or answer as the first time.

        `ids(result)` names what was made; `again(*ids)` reads it once more with the viewer's eyes, None when it is gone.
        Raise IdempotencyMismatch for other input, IdempotencyInProgress for a twin that runs for two seconds, Gone.
        """
        if key is None:
            return await work()
        if not 0 < len(key) <= KEY_LENGTH or not is_storable(key):
            raise Invalid(f"An idempotency key has 1 to {KEY_LENGTH} characters.", "clientMutationId")
        user_id = viewer.require()
        if not await self._locks.idempotency_key(user_id, operation, key):
            raise IdempotencyInProgress("The first request with this key is still running. Try again in a moment.")
        mark = fingerprint(value)
        found = await self._keys.find(user_id, operation, key)
        if found is None:
            result = await work()
            result_id, fork_id = ids(result)
            await self._keys.add(
                IdempotencyKey(
                    user_id=user_id,
                    operation=operation,
                    key=key,
                    fingerprint=mark,
                    result_id=result_id,
                    fork_id=fork_id,
                )
            )
            return result
        if found.fingerprint != mark:
            raise IdempotencyMismatch("This key was used for another input. Use a new key.", "clientMutationId")
        remembered = await again(found.result_id, found.fork_id)
        if remembered is None:
            raise Gone("What this request made is gone since.")
        return remembered

    async def once_for(
        self,
        viewer: Viewer,
        operation: str,
        key: str | None,
        value: Any,
        *,
        work: Callable[[], Awaitable[Result]],
        id_of: Callable[[Result], UUID],
        again: Callable[[UUID], Awaitable[Result | None]],
    ) -> Result:
        """Do what makes or changes one thing, once."""

        async def read_again(thing_id: UUID, _: UUID | None) -> Result | None:
            return await again(thing_id)

        return await self.once(
            viewer, operation, key, value, work=work, ids=lambda result: (id_of(result), None), again=read_again
        )

    async def once_by_id(
        self, viewer: Viewer, operation: str, key: str | None, value: Any, *, work: Callable[[], Awaitable[UUID]]
    ) -> UUID:
        """Do what ends one thing, once; answer the id that it had."""

        async def again(thing_id: UUID) -> UUID:
            return thing_id

        viewer.require()
        return await self.once_for(
            viewer, operation, key, value, work=work, id_of=lambda thing_id: thing_id, again=again
        )
