"""Files on their way in: written to the disk beside the request, and gone when it ends."""

import asyncio
import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from clients.storage import kept_or_unavailable

_PIECE = 1 << 20
_FORGOTTEN = 3600.0
"""An hour: no upload takes so long, so a process died over what is older."""


class TooMuch(Exception):
    """More bytes came than were announced."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """What came."""

    path: Path
    size: int
    sha256: bytes


class Spool:
    """A folder of files that live as long as a request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def taken(self, chunks: AsyncIterable[bytes], most: int) -> AsyncIterator[Spooled]:
        """Write what comes to a file that is only ours, 0600; raise TooMuch at the first byte too many."""
        async with self.file() as path:
            size, sha256 = 0, hashlib.sha256()
            waiting = bytearray()
            with path.open("wb", buffering=0) as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > most:
                        raise TooMuch
                    waiting += chunk
                    if len(waiting) >= _PIECE:
                        piece, waiting = bytes(waiting), bytearray()
                        await _kept(file.fileno(), piece, sha256)
                await _kept(file.fileno(), bytes(waiting), sha256)
            yield Spooled(path, size, sha256.digest())

    @asynccontextmanager
    async def file(self) -> AsyncIterator[Path]:
        """Make an empty file, and take it away at the end."""
        with kept_or_unavailable():
            path = await asyncio.to_thread(self._make)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Take away what processes left behind that died."""
        before = time.time() - _FORGOTTEN
        with contextlib.suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        path.unlink()

    def _make(self) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder)
        os.close(handle)
        return Path(name)


async def _kept(handle: int, piece: bytes, sha256: "hashlib._Hash") -> None:
    with kept_or_unavailable():
        await asyncio.to_thread(_write, handle, piece, sha256)


def _write(handle: int, piece: bytes, sha256: "hashlib._Hash") -> None:
    sha256.update(piece)
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]
