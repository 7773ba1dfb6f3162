"""GET /exports/{token}: the file of highlights behind a link."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing

from aiohttp import web

from core.errors import AppError, ErrorCode, RateLimited, Unavailable
from endpoints.downloads import SAFE, attachment
from runtime.container import Container
from runtime.http import refusal
from runtime.printing import Press, press
from runtime.spool import spooled
from services.exports.service import ExportFile, ExportFormat

AT_ONCE = 3
"""Exports that one process reads from the database at a time: each holds a connection while it does."""
PRESSES = 1
"""PDFs that one process lets be printed at a time, each on a core of its own."""
MOST_WAITING = 8
BUSY = "Many PDFs are being printed. Try again in a minute, or take another format."
COST = 1_000
"""What a download takes from its reader's minute."""
STALLED_SECONDS = 60
STATUS = {
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.GONE: 410,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNAVAILABLE: 503,
}
RETRY = {429: {"Retry-After": "60"}, 503: {"Retry-After": "5"}}


class Exports:
    """The files behind the links of exports."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._printing = 0
        self._presses = asyncio.Semaphore(PRESSES)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Send the file of a link; who holds it needs nothing else."""
        told: asyncio.Future[ExportFile] = asyncio.get_running_loop().create_future()
        try:
            async with spooled(self._chunks(request.match_info["token"], told)) as pieces:
                first = await anext(pieces, b"")
                return await _send(request, told.result(), first, pieces)
        except AppError as error:
            # Nothing was sent yet: what fails later breaks the connection, so that nobody takes half a file for a whole one.
            status = STATUS.get(error.code, 409)
            return refusal(status, str(error), error.code, {"Cache-Control": "no-store", **RETRY.get(status, {})})

    async def _chunks(self, token: str, told: "asyncio.Future[ExportFile]") -> AsyncGenerator[bytes, None]:
        async with AsyncExitStack() as stack:
            printing: Press | None = None
            async with self._turns, self._container.snapshot() as services:
                file = await services.exports.file(token)
                await self._charge(file)
                if file.format is ExportFormat.PDF:
                    if self._printing >= MOST_WAITING:
                        raise Unavailable(BUSY)
                    printing = await stack.enter_async_context(press())
                    await printing.feed(file.chunks)
                else:
                    told.set_result(file)
                    async with aclosing(file.chunks):
                        async for chunk in file.chunks:
                            yield chunk
            if printing is not None:
                # By now nothing of the database is held: printing takes its time.
                told.set_result(file)
                self._printing += 1
                stack.callback(self._printed)
                async with self._presses, aclosing(printing.printed()) as printed:
                    async for chunk in printed:
                        yield chunk

    def _printed(self) -> None:
        self._printing -= 1

    async def _charge(self, file: ExportFile) -> None:
        limit = self._container.settings.cost_per_minute
        allowance = await self._container.buckets.take(f"user:{file.owner_id}", COST, limit)
        if not allowance.allowed:
            raise RateLimited(
                f"Your allowance of {limit:,} a minute is used up. Try again in {allowance.retry_after} s."
            )


async def _send(
    request: web.Request, file: ExportFile, first: bytes, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    headers = {**SAFE, "Content-Type": file.media_type, "Content-Disposition": attachment(file.name)}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await _write(response, first)
    async for piece in pieces:
        await _write(response, piece)
    await response.write_eof()
    return response


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(STALLED_SECONDS):
        await response.write(piece)
