"""Refuse a storage that cannot work, before anything is served."""

import asyncio
import os
from pathlib import Path

from core.settings import Settings
from core.storage_url import Bucket
from runtime.launch import CannotStart
from runtime.storage import spool_folder, storage_place


async def require_storage(settings: Settings) -> None:
    """Raise CannotStart for a folder that cannot be written to, or a bucket that its server refuses.

    A server that does not answer is no reason: it may be back before the first file comes.
    """
    place = storage_place(settings)
    if isinstance(place, Path):
        problem = await asyncio.to_thread(_problem_of_folder, place.resolve())
    else:
        problem = await _problem_of_bucket(place, settings)
    if problem is not None:
        raise CannotStart(f"{'DATA_DIR' if settings.storage_url is None else 'STORAGE_URL'}: {problem}.")


async def _problem_of_bucket(bucket: Bucket, settings: Settings) -> str | None:
    from clients.storage_s3 import S3Storage

    storage = S3Storage(bucket, spool_folder(settings))
    try:
        return await asyncio.to_thread(storage.refused)
    finally:
        await storage.close()


def _problem_of_folder(folder: Path) -> str | None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return f"{folder} cannot be made: {error.strerror}"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written to"
