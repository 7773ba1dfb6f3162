"""Where files lie: in a folder, or in a bucket behind the same three methods."""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

import structlog

from core.errors import Unavailable

log = structlog.get_logger(__name__)

_KEY = re.compile(r"[a-z]+/[A-Za-z0-9_-]{20,60}(\.[a-z0-9]{1,8})?")


class FileGone(Exception):
    """There is no file of this key."""


class Storage(Protocol):
    """Files by their keys; a key is written once. Every method raises Unavailable when the storage does not answer."""

    async def put(self, key: str, source: Path, content_type: str) -> None:
        """Keep the bytes of a local file, all of them or none."""

    def fetched(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Have a file at hand as a local one, only to be read, for as long as the block lasts; raise FileGone."""

    async def delete(self, key: str) -> None:
        """Delete a file; one that is not there is deleted already."""

    async def close(self) -> None:
        """Give back what it holds."""


def check_key(key: str) -> str:
    """Refuse a key that could lead elsewhere: keys are made here, so it is a fault."""
    if not _KEY.fullmatch(key):
        raise ValueError("this is no key of a file")
    return key


@contextmanager
def kept_or_unavailable() -> Iterator[None]:
    """Turn a disk that is full or closed into Unavailable, and tell the operator why."""
    try:
        yield
    except OSError as error:
        log.exception("file_not_kept")
        raise Unavailable("The server cannot keep the file at this moment. Try again later.") from error


class LocalStorage:
    """A folder: files 0600, folders 0700."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, source: Path, content_type: str) -> None:
        """Copy a file in; it appears at its place when all of it is on the disk."""
        del content_type
        with kept_or_unavailable():
            await asyncio.to_thread(self._put, self._path(key), source)

    @asynccontextmanager
    async def fetched(self, key: str) -> AsyncIterator[Path]:
        """Lend the file itself."""
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            raise FileGone(key)
        yield path

    async def delete(self, key: str) -> None:
        """Unlink a file."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def close(self) -> None:
        """Hold nothing."""

    def _path(self, key: str) -> Path:
        kind, _, name = check_key(key).partition("/")
        return self._folder / kind / name[:2] / name

    def _put(self, path: Path, source: Path) -> None:
        for folder in (self._folder, path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as copy, source.open("rb") as bytes_:
                shutil.copyfileobj(bytes_, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
