"""Uploaded files: announced, sent to a signed address, attached to what uses them; what nothing uses is swept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from auth.viewer import Viewer
from clients.storage import FileGone, Storage
from core import clock
from core.errors import Gone, Invalid, LimitExceeded, NotFound
from core.ids import read_id, uuid7
from core.signing import Signer
from models import Media
from models.media import MediaState, UploadPurpose
from repositories.locks import Locks
from repositories.media import MediaRepository
from services.idempotency import IdempotencyService
from services.media_rules import Sizes, UploadDraft, bare_type, check_draft

TOKEN = "upload"  # noqa: S105 - a kind of signed string
OPEN_FOR = timedelta(hours=1)
UNATTACHED_MOST = 10
KEEP_UNATTACHED = timedelta(hours=24)
KEEP_IMPORTS = timedelta(days=7)
"""The file of an import that is over is let go by the import; this is for those whose import never ends."""
STRAY_AFTER = timedelta(minutes=15)
"""A file that is being written at this moment must not be deleted before it is there: it would stay for ever."""
ROWS_SLICE, FILES_SLICE = 500, 20
_NAMES = {UploadPurpose.AVATAR: "an avatar", UploadPurpose.POST_IMAGE: "a post", UploadPurpose.IMPORT: "an import"}


def upload_token(signer: Signer, row: Media) -> str:
    """Spell the last part of the address that takes a file's bytes."""
    return signer.sign(TOKEN, row.expires_at, row.id.hex)


class MediaService:
    """Uploaded files of one transaction."""

    def __init__(
        self,
        *,
        media: MediaRepository,
        locks: Locks,
        idempotency: IdempotencyService,
        storage: Storage,
        sizes: Sizes,
    ) -> None:
        self._media = media
        self._locks = locks
        self._idempotency = idempotency
        self._storage = storage
        self._sizes = sizes

    async def create(self, viewer: Viewer, draft: UploadDraft, key: str | None) -> Media:
        """Announce a file; its bytes are taken for an hour."""
        user_id = viewer.require()

        async def work() -> Media:
            check_draft(draft, self._sizes)
            await self._locks.user(user_id)
            now = clock.now()
            if await self._media.unattached(user_id, now) >= UNATTACHED_MOST:
                raise LimitExceeded(
                    f"{UNATTACHED_MOST} of your uploads wait to be used. Use one of them; those that nothing uses go after a day."
                )
            row = Media(
                id=uuid7(),
                user_id=user_id,
                purpose=draft.purpose,
                content_type=bare_type(draft.content_type),
                byte_size=draft.byte_size,
                expires_at=_whole_seconds(now + OPEN_FOR),
            )
            return await self._media.add(row)

        async def again(media_id: UUID) -> Media | None:
            row = await self._media.by_id(media_id)
            return row if row is not None and row.user_id == user_id else None

        return await self._idempotency.once_for(
            viewer, "createUpload", key, draft, work=work, id_of=lambda row: row.id, again=again
        )

    async def avatar(self, viewer: Viewer, present: str | None, media_id: str | None, *field: str) -> str | None:
        """Attach another avatar in place of the present one, or none; tell its file. The file that nothing uses any more is let go."""
        new: str | None = None
        if media_id is not None:
            row = await self._own(viewer, media_id, *field)
            if present is not None and row.file_key == present:
                return present
            new = (await self.attach(viewer, media_id, UploadPurpose.AVATAR, *field)).file_key
        if present is not None:
            await self._media.delete_by_file(viewer.require(), present)
        return new

    async def attach(self, viewer: Viewer, media_id: str, purpose: UploadPurpose, *field: str) -> Media:
        """Use a file of the viewer's for something, once; lock users before. Raise NotFound or Invalid, at the field."""
        row = await self._own(viewer, media_id, *field)
        if row.purpose is not purpose:
            raise Invalid(f"This file was uploaded for {_NAMES[row.purpose]}, not for {_NAMES[purpose]}.", *field)
        if row.state is not MediaState.READY:
            raise Invalid("Upload the file first.", *field)
        if row.attached_at is not None:
            raise Invalid("This file is in use already: upload it again.", *field)
        row.attached_at = clock.now()
        await self._media.save()
        return row

    async def release(self, media_id: UUID) -> None:
        """Let a file go that is used no more; it is deleted soon."""
        await self._media.delete(media_id)

    @asynccontextmanager
    async def opened(self, media_id: UUID) -> AsyncIterator[Path]:
        """Have a file's bytes at hand as a local file, only to be read; raise Gone, or Unavailable."""
        row = await self._media.by_id(media_id)
        if row is None or row.file_key is None:
            raise Gone("The uploaded file is gone. Upload it again.")
        try:
            async with self._storage.fetched(row.file_key) as path:
                yield path
        except FileGone:
            raise Gone("The uploaded file is gone. Upload it again.") from None

    async def sweep_unused(self) -> bool:
        """Delete a slice of what nothing came to use; True when nothing is left."""
        now = clock.now()
        return await self._media.delete_unused(now - KEEP_UNATTACHED, now - KEEP_IMPORTS, ROWS_SLICE) == 0

    async def sweep_files(self) -> bool:
        """Delete a slice of the files that are nobody's; True when nothing is left. Raise Unavailable, to be tried again."""
        keys = await self._media.strays(clock.now() - STRAY_AFTER, FILES_SLICE)
        await asyncio.gather(*(self._storage.delete(key) for key in keys))
        await self._media.forget_files(keys)
        return len(keys) < FILES_SLICE

    async def _own(self, viewer: Viewer, media_id: str, *field: str) -> Media:
        row = await self._media.by_id(read_id(media_id, "Media", *field), lock=True)
        if row is None or row.user_id != viewer.require():
            raise NotFound("There is no such upload.", *field)
        return row


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
