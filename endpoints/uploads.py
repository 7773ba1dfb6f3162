"""The bytes of announced files, sent to signed addresses."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from core.errors import AppError, ErrorCode, Invalid
from core.ids import global_id
from runtime.http import refusal
from services.media_receiving import Receiver

STALLED = 30.0
STATUS = {
    ErrorCode.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.GONE: HTTPStatus.GONE,
    ErrorCode.LIMIT_EXCEEDED: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Uploads:
    """PUT /uploads/TOKEN. Whoever holds the address may send the file: it names its reader, and nobody else is asked."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def take(self, request: web.Request) -> web.Response:
        """Take a file in, and tell its id."""
        try:
            row = await self._receiver.receive(
                request.match_info["token"], chunks(request), length=request.content_length
            )
        except AppError as error:
            response = refusal(STATUS[error.code], str(error), error.code.value)
            if error.code is ErrorCode.UNAVAILABLE:
                response.headers["Retry-After"] = "5"
            response.headers["Cache-Control"] = "no-store"
            return response
        told = {"mediaId": global_id("Media", row.id), "contentType": row.content_type}
        return web.json_response(told, headers={"Cache-Control": "no-store"})


async def chunks(request: web.Request) -> AsyncIterator[bytes]:
    """Read a body as it comes; raise Invalid when it breaks off, or when nothing comes for half a minute."""
    try:
        while True:
            async with asyncio.timeout(STALLED):
                piece = await request.content.readany()
            if not piece:
                return
            yield piece
    except TimeoutError:
        raise Invalid(f"Nothing came for {STALLED:.0f} seconds. Send the file again.") from None
    except (ConnectionError, ClientPayloadError, HttpProcessingError):
        raise Invalid("The file broke off. Send it again.") from None
