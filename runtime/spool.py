"""Between what is read fast and whoever reads it slowly: a nameless file on disk.

A slow client must hold neither a connection to the database, nor a snapshot of it, nor memory.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

PIECE = 256 * 1024


class Spool:
    """A file that one task writes while another reads it from the beginning."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._written = 0
        self._done = False
        self._more = asyncio.Event()

    async def fill(self, chunks: AsyncGenerator[bytes, None]) -> None:
        """Write everything, as fast as it comes."""
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    # Not in a thread: one that is still writing when this task is cancelled would write into a closed file, or another's.
                    _write(self._descriptor, chunk, self._written)
                    self._written += len(chunk)
                    self._more.set()
        finally:
            self._done = True
            self._more.set()

    async def pieces(self, filling: "asyncio.Task[None]") -> AsyncIterator[bytes]:
        """Read everything, as fast as it is taken; raise what ended the writing."""
        read = 0
        while True:
            self._more.clear()
            if read < self._written:
                piece = os.pread(self._descriptor, PIECE, read)
                read += len(piece)
                yield piece
            elif self._done:
                break
            else:
                await self._more.wait()
        await filling


@asynccontextmanager
async def spooled(chunks: AsyncGenerator[bytes, None]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Let chunks be made at their own speed; nothing is left behind, however the block ends."""
    with tempfile.TemporaryFile() as file:
        spool = Spool(file.fileno())
        filling = asyncio.create_task(spool.fill(chunks), name="spool")
        try:
            yield spool.pieces(filling)
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)


def _write(descriptor: int, chunk: bytes, place: int) -> None:
    done = 0
    while done < len(chunk):
        done += os.pwrite(descriptor, memoryview(chunk)[done:], place + done)
