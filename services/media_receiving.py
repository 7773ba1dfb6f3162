"""Bytes that come to a signed address: counted, looked at, made harmless, stored. What is refused leaves nothing behind."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from clients.spool import Spool, Spooled, TooMuch
from clients.storage import Storage
from core.errors import Conflict, Forbidden, Gone, Invalid, LimitExceeded, Unavailable
from core.signing import Expired, Signer
from models import Media
from models.media import MediaState, UploadPurpose
from repositories.media import MediaRepository
from services.media import TOKEN
from services.media_images import Picture, redrawn
from services.media_rules import type_of_import

AT_ONCE, OF_ONE_READER = 32, 3
"""Uploads that one process takes at the same time; each may keep 1 MB of memory. Nobody's slow line holds up all others."""
LONGEST = 300.0
BUSY = "Too many files are coming in at this moment. Send it again in a few seconds."


class HasMedia(Protocol):
    """A transaction with uploaded files."""

    @property
    def media_rows(self) -> MediaRepository:
        """Their rows."""


Transaction = Callable[[], AbstractAsyncContextManager[HasMedia]]


@dataclass(frozen=True, slots=True)
class _Finished:
    path: Path
    content_type: str
    suffix: str = ""
    width: int | None = None
    height: int | None = None


class Receiver:
    """Takes files in; transactions are short, and none is open while bytes come or storage is waited for."""

    def __init__(self, transaction: Transaction, *, storage: Storage, signer: Signer, spool: Spool) -> None:
        self._transaction = transaction
        self._storage = storage
        self._signer = signer
        self._spool = spool
        self._drawing = asyncio.Semaphore(1)
        self._coming: Counter[UUID] = Counter()

    async def receive(self, token: str, chunks: AsyncIterable[bytes], *, length: int | None) -> Media:
        """Take the bytes of an announced file.

        The same bytes again are taken for what they are. Raise Forbidden for an address that is not ours, Gone for one whose time is
        over or whose file was swept, LimitExceeded for more bytes than announced, Conflict for other bytes, Invalid, Unavailable.
        """
        row = await self._announced(token)
        if length is not None and length > row.byte_size:
            raise _too_much(row)
        if self._coming.total() >= AT_ONCE or self._coming[row.user_id] >= OF_ONE_READER:
            raise Unavailable(BUSY)
        self._coming[row.user_id] += 1
        try:
            async with asyncio.timeout(LONGEST), self._spool.taken(chunks, row.byte_size) as came:
                return await self._take(row, came)
        except TooMuch:
            raise _too_much(row) from None
        except TimeoutError:
            raise Invalid(f"The file did not come within {LONGEST / 60:.0f} minutes. Send it again.") from None
        finally:
            self._coming -= Counter([row.user_id])

    async def _announced(self, token: str) -> Media:
        try:
            parts = self._signer.read(TOKEN, token, 1)
        except Expired:
            raise Gone("This address has expired. Ask for a new one with createUpload.") from None
        if parts is None:
            raise Forbidden("This address was not given out by this server. Ask for one with createUpload.")
        async with self._transaction() as work:
            row = await work.media_rows.by_id(UUID(parts[0]))
        if row is None:
            raise Gone("This upload is gone. Ask for a new one with createUpload.")
        return row

    async def _take(self, row: Media, came: Spooled) -> Media:
        if came.size != row.byte_size:
            raise Invalid(f"{row.byte_size:,} bytes were announced, and {came.size:,} came.")
        if row.state is MediaState.READY:
            return _same(row, came)
        async with self._spool.file() as drawn:
            return await self._store(row, came, await self._finished(row, came, drawn))

    async def _finished(self, row: Media, came: Spooled, drawn: Path) -> _Finished:
        if row.purpose is UploadPurpose.IMPORT:
            kind = await asyncio.to_thread(type_of_import, came.path, row.content_type)
            return _Finished(came.path, kind)
        # One at a time: a large picture takes a hundred megabytes while it is drawn.
        async with self._drawing:
            picture: Picture = await asyncio.to_thread(redrawn, came.path, drawn, row.purpose, row.content_type)
        return _Finished(drawn, picture.content_type, picture.suffix, picture.width, picture.height)

    async def _store(self, row: Media, came: Spooled, finished: _Finished) -> Media:
        folder = "imports" if row.purpose is UploadPurpose.IMPORT else "images"
        key = f"{folder}/{secrets.token_urlsafe(24)}{finished.suffix}"
        async with self._transaction() as work:
            if await work.media_rows.by_id(row.id, lock=True) is None:
                raise Gone("This upload is gone. Ask for a new one with createUpload.")
            await work.media_rows.list_file(key, row.id)
        try:
            await self._storage.put(key, finished.path, finished.content_type)
        except BaseException:
            # Perhaps it is there all the same: the sweep sees to it.
            async with self._transaction() as work:
                await work.media_rows.let_go_of(key)
            raise
        return await self._kept(row.id, key, came, finished)

    async def _kept(self, media_id: UUID, key: str, came: Spooled, finished: _Finished) -> Media:
        async with self._transaction() as work:
            row = await work.media_rows.by_id(media_id, lock=True)
            if row is None:
                raise Gone("This upload is gone. Ask for a new one with createUpload.")
            if row.state is MediaState.READY:  # another request with the same address was quicker
                await work.media_rows.let_go_of(key)
            else:
                row.state, row.file_key, row.sha256 = MediaState.READY, key, came.sha256
                row.content_type, row.width, row.height = finished.content_type, finished.width, finished.height
                await work.media_rows.save()
                await work.media_rows.let_go(media_id, but=key)
        return _same(row, came)


def _same(row: Media, came: Spooled) -> Media:
    if row.sha256 != came.sha256:
        raise Conflict("This upload has its file already. Ask for a new address with createUpload.")
    return row


def _too_much(row: Media) -> LimitExceeded:
    return LimitExceeded(f"More than the {row.byte_size:,} bytes came that were announced.")
