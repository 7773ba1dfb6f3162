"""PDFs, printed by a process of their own: it takes seconds of one core, and nobody else waits for it."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from pathlib import Path

from core.errors import Conflict, Unavailable
from runtime.processes import stop_with_parent

ROOT = Path(__file__).parent.parent
PROGRAM = "services.exports.pdf"
REFUSED = 3
SECONDS = 300
PIECE = 256 * 1024
SLOW = "Printing takes too long. Export book by book, or take another format."


class Press:
    """One process that turns JSON into a PDF."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def feed(self, chunks: AsyncGenerator[bytes, None]) -> None:
        """Give it all there is to print; it takes that as fast as it comes, and begins when asked for the PDF."""
        stream = self._process.stdin
        if stream is None:
            raise RuntimeError("a press has an entry")
        async with aclosing(chunks):
            async for chunk in chunks:
                # Whoever refuses closes the entry early; why, is told at the exit.
                with suppress(ConnectionError):
                    stream.write(chunk)
                    await stream.drain()

    async def printed(self) -> AsyncGenerator[bytes, None]:
        """Take the PDF; raise Conflict for what cannot be printed, Unavailable for what takes too long."""
        process = self._process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise RuntimeError("a press has an entry and two exits")
        process.stdin.close()
        try:
            async with asyncio.timeout(SECONDS):
                first = await process.stdout.read(PIECE)
                if not first:
                    reason = (await process.stderr.read()).decode()
                    if await process.wait() == REFUSED:
                        raise Conflict(reason)
                    raise RuntimeError(f"the PDF was not printed: {reason}")
        except TimeoutError:
            raise Unavailable(SLOW) from None
        yield first
        while piece := await process.stdout.read(PIECE):
            yield piece


@asynccontextmanager
async def press() -> AsyncGenerator[Press, None]:
    """Start a press; it is gone when the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        PROGRAM,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: stop_with_parent(signal.SIGKILL),
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_end, process)
        yield Press(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
