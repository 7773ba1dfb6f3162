"""Announce files, and send them."""

import io
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientResponse
from PIL import Image

from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import sql

UPLOAD = "mediaId uploadUrl expiresAt"


async def announce(
    reader: Reader, size: int, content_type: str = "text/plain", purpose: str = "IMPORT", **more: Any
) -> Any:
    """Ask for an address; the payload."""
    return await reader.mutate("createUpload", UPLOAD, byteSize=size, contentType=content_type, purpose=purpose, **more)


async def put(reader: Reader, url: str, data: "bytes | AsyncIterator[bytes]", **headers: str) -> ClientResponse:
    """Send bytes to an address, with no credentials."""
    return await reader.http.put(
        urlsplit(url).path, data=io.BytesIO(data) if isinstance(data, bytes) else data, headers=headers
    )


async def upload(reader: Reader, data: bytes, content_type: str = "text/plain", purpose: str = "IMPORT") -> str:
    """Announce a file and send it; its id."""
    made = await announce(reader, len(data), content_type, purpose)
    assert not made["userErrors"], made
    response = await put(reader, made["uploadUrl"], data)
    assert response.status == 200, await response.text()
    media_id: str = made["mediaId"]
    return media_id


async def refusal_of(response: ClientResponse) -> tuple[int, str, str]:
    """Tell status, code and sentence of a refusal."""
    error = (await response.json())["errors"][0]
    return response.status, error["extensions"]["code"], error["message"]


def files_of(container: Container) -> set[str]:
    """List everything that lies in the data folder because of uploads."""
    folder = container.settings.data_dir
    found = [path for part in ("media", "incoming") for path in (folder / part).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)) for path in found}


async def stored_keys(container: Container) -> set[str]:
    """List the files that the database knows of."""
    return {row.key for row in await sql(container, "SELECT key FROM stored_files")}


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), **more: Any) -> bytes:
    """Draw a picture with a gradient, so that it is no single colour."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste((200, 30, 30), (0, 0, size[0] // 2, size[1] // 2))
    made = io.BytesIO()
    image.save(made, kind, **more)
    return made.getvalue()
