"""Files for importing: announced, sent, read back; every refusal leaves no file and no row."""

import re
from datetime import timedelta
from uuid import UUID

import pytest

from auth.viewer import Viewer
from core import clock
from core.errors import AppError
from core.ids import global_id, read_id, uuid7
from models.media import UploadPurpose
from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import nothing_written
from tests.support.uploads import announce, files_of, put, refusal_of, upload

CLIPPINGS = "==========\nThe Lighthouse Ledger (Marsh, Ida)\n".encode("utf-8-sig")


async def read_back(container: Container, media_id: str) -> bytes:
    async with container.transaction() as services, services.media.opened(_key(media_id)) as path:
        return path.read_bytes()


def _key(media_id: str) -> UUID:
    return read_id(media_id, "Media")


async def test_a_file_is_announced_sent_and_read_back(ada: Reader, container: Container) -> None:
    made = await announce(ada, len(CLIPPINGS))
    assert made["userErrors"] == []
    assert made["uploadUrl"].startswith(f"http://127.0.0.1:{ada.http.port}/uploads/")
    expected = clock.now() + timedelta(hours=1)
    assert made["expiresAt"][:13] in {expected.isoformat()[:13], (expected - timedelta(minutes=1)).isoformat()[:13]}
    response = await put(ada, made["uploadUrl"], CLIPPINGS)
    assert (response.status, await response.json()) == (
        200,
        {"mediaId": made["mediaId"], "contentType": "text/plain"},
    )
    assert await read_back(container, made["mediaId"]) == CLIPPINGS
    (stored,) = files_of(container)
    assert stored.startswith("media/imports/")


async def test_the_same_bytes_again_are_harmless_and_others_are_refused(ada: Reader, container: Container) -> None:
    made = await announce(ada, len(CLIPPINGS))
    assert (await put(ada, made["uploadUrl"], CLIPPINGS)).status == 200
    files = files_of(container)
    async with nothing_written(container):
        assert (await put(ada, made["uploadUrl"], CLIPPINGS)).status == 200
        other = await put(ada, made["uploadUrl"], CLIPPINGS[:-1] + b"x")
        assert (await refusal_of(other))[:2] == (409, "CONFLICT")
    assert files_of(container) == files
    assert await read_back(container, made["mediaId"]) == CLIPPINGS


async def test_a_file_is_used_once_for_its_purpose_and_by_its_owner_alone(
    ada: Reader, ben: Reader, container: Container
) -> None:
    media_id = await upload(ada, CLIPPINGS)
    pending = (await announce(ada, 5))["mediaId"]
    tries = [
        (ben, media_id, UploadPurpose.IMPORT, "There is no such upload."),
        (ada, global_id("Media", uuid7()), UploadPurpose.IMPORT, "There is no such upload."),
        (ada, global_id("Book", uuid7()), UploadPurpose.IMPORT, "This is the id of a Book; a Media is needed here."),
        (ada, pending, UploadPurpose.IMPORT, "Upload the file first."),
        (ada, media_id, UploadPurpose.AVATAR, "This file was uploaded for an import, not for an avatar."),
    ]
    async with nothing_written(container):
        for reader, wanted, purpose, message in tries:
            with pytest.raises(AppError, match=re.escape(message)):
                await attach(container, reader, wanted, purpose)
    await attach(container, ada, media_id, UploadPurpose.IMPORT)
    async with nothing_written(container):
        with pytest.raises(AppError, match=r"This file is in use already: upload it again\."):
            await attach(container, ada, media_id, UploadPurpose.IMPORT)


async def attach(container: Container, reader: Reader, media_id: str, purpose: UploadPurpose) -> None:
    async with container.transaction() as services:
        await services.media.attach(Viewer(user_id=read_id(reader.id, "User")), media_id, purpose, "mediaId")
