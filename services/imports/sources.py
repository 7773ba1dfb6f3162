"""Where the bytes of an import come from, and how they are read: small ones in a thread, large ones in a process."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from core.errors import Gone
from models import Import
from repositories.imports import ImportRepository
from services.imports.apart import prepare_apart
from services.imports.prepared import PreparedFile, PreparedFiles, prepare
from services.media import MediaService

SMALL = 1 << 20
STILL_HERE = 5.0
GONE = "The uploaded file is gone. Upload it again."


class Sources:
    """The files of imports, of one transaction."""

    def __init__(self, imports: ImportRepository, media: MediaService, files: PreparedFiles) -> None:
        self._imports = imports
        self._media = media
        self._files = files

    async def file(self, row: Import) -> PreparedFile:
        """Have a file as it was prepared before, or prepare it; raise ValueError, with a sentence for the reader."""
        file = self._files.get(row.id)
        if file is None:
            file = await self._read(row)
            self._files.keep(row.id, file)
        return file

    async def let_go(self, row: Import) -> None:
        """Forget the file of an import that has ended."""
        self._files.forget(row.id)
        await self._imports.drop_content(row.id)
        if row.media_id is not None:
            media_id, row.media_id = row.media_id, None
            await self._imports.save()
            await self._media.release(media_id)

    async def _read(self, row: Import) -> PreparedFile:
        content = await self._imports.content(row.id)
        if content is not None:
            return await asyncio.to_thread(prepare, row.format, content.encode(), row.time_zone)
        if row.media_id is None:
            raise ValueError(GONE)
        try:
            async with self._media.opened(row.media_id) as path:
                if path.stat().st_size > SMALL:
                    return await self._patiently(prepare_apart(row.format, path, row.time_zone))
                return await asyncio.to_thread(lambda: prepare(row.format, path.read_bytes(), row.time_zone))
        except Gone as error:
            raise ValueError(str(error)) from None

    async def _patiently(self, reading: Coroutine[Any, Any, PreparedFile]) -> PreparedFile:
        # The database ends a transaction that says nothing for long, and with it the job's hold on its row.
        task = asyncio.create_task(reading)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=STILL_HERE)
                await self._imports.still_here()
            return task.result()
        finally:
            task.cancel()
