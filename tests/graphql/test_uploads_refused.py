"""What is refused at an upload's address, and what is announced and may not be: no row, no file, a sentence that says why."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from core import clock
from endpoints import uploads
from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql
from tests.support.uploads import announce, files_of, picture, put, refusal_of, upload

PNG = picture()
HTML = b"<!DOCTYPE html><script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
LARGE = "A JPEG has at most 60 million pixels, another picture 24, and each at most 20,000 on a side."
IMAGES = "image/jpeg, image/png, image/webp, image/gif"
IMPORTS = "text/plain, text/csv, application/json, application/ld+json, application/zip, application/octet-stream"


def a_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("annotations.json", "{}")
    return made.getvalue()


def bomb() -> bytes:
    """Write a PNG of 900 million pixels that takes some kilobytes."""
    made = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(made, "PNG")
    return made.getvalue()


@pytest.mark.parametrize(
    ("input_", "field", "code", "message"),
    [
        ({"contentType": "image/svg+xml"}, "contentType", "INVALID", f"A file of this purpose is one of: {IMAGES}."),
        ({"contentType": "text/html"}, "contentType", "INVALID", f"A file of this purpose is one of: {IMAGES}."),
        ({"contentType": ""}, "contentType", "INVALID", f"A file of this purpose is one of: {IMAGES}."),
        (
            {"contentType": "image/png", "purpose": "IMPORT"},
            "contentType",
            "INVALID",
            f"A file of this purpose is one of: {IMPORTS}.",
        ),
        ({"byteSize": 0}, "byteSize", "INVALID", "A file has at least one byte."),
        ({"byteSize": -1}, "byteSize", "INVALID", "A file has at least one byte."),
        (
            {"byteSize": (10 << 20) + 1},
            "byteSize",
            "INVALID",
            "A file of this purpose has at most 10 MB (10,485,760 bytes).",
        ),
        (
            {"byteSize": (25 << 20) + 1, "purpose": "IMPORT", "contentType": "text/plain"},
            "byteSize",
            "INVALID",
            "A file of this purpose has at most 25 MB (26,214,400 bytes).",
        ),
    ],
)
async def test_what_may_not_be_uploaded_is_not_announced(
    ada: Reader, container: Container, input_: dict[str, Any], field: str, code: str, message: str
) -> None:
    good = {"contentType": "image/png", "byteSize": 9, "purpose": "AVATAR"}
    async with nothing_written(container):
        payload = await ada.mutate("createUpload", "mediaId uploadUrl expiresAt", **(good | input_))
    assert payload == {
        "mediaId": None,
        "uploadUrl": None,
        "expiresAt": None,
        "userErrors": [{"field": ["input", field], "message": message, "code": code}],
    }


async def test_who_is_signed_out_announces_nothing(nobody: Reader, container: Container) -> None:
    async with nothing_written(container):
        payload = await announce(nobody, 9)
    assert [error["code"] for error in payload["userErrors"]] == ["UNAUTHENTICATED"]


async def test_a_reader_has_ten_uploads_waiting_at_most_and_others_have_theirs(
    ada: Reader, ben: Reader, container: Container
) -> None:
    made = await asyncio.gather(*(announce(ada, 5) for _ in range(13)))
    assert sorted(len(payload["userErrors"]) for payload in made) == [0] * 10 + [1] * 3
    async with nothing_written(container):
        payload = await announce(ada, 5)
    assert [error["code"] for error in payload["userErrors"]] == ["LIMIT_EXCEEDED"]
    assert not (await announce(ben, 5))["userErrors"]
    await sql(container, "UPDATE media SET expires_at = now() WHERE id IN (SELECT id FROM media LIMIT 1)")
    assert not (await announce(ada, 5))["userErrors"]


BAD_FILES = {
    "html as png": ("AVATAR", "image/png", HTML, "This is no JPEG, PNG, WebP or GIF file."),
    "svg as png": ("AVATAR", "image/png", SVG, "This is no JPEG, PNG, WebP or GIF file."),
    "zip as png": ("POST_IMAGE", "image/png", a_zip(), "This is no JPEG, PNG, WebP or GIF file."),
    "bmp as png": ("POST_IMAGE", "image/png", picture("BMP"), "This is no JPEG, PNG, WebP or GIF file."),
    "tiff as png": ("POST_IMAGE", "image/png", picture("TIFF"), "This is no JPEG, PNG, WebP or GIF file."),
    "html with the head of a png": ("AVATAR", "image/png", PNG[:8] + HTML, "This picture is damaged, or none."),
    "html after the first chunk of a png": (
        "AVATAR",
        "image/png",
        PNG[:33] + HTML,
        "This picture is damaged, or none.",
    ),
    "a png cut in the middle": ("AVATAR", "image/png", PNG[: len(PNG) // 2], "This picture is damaged, or none."),
    "a jpeg cut in the middle": ("AVATAR", "image/jpeg", picture("JPEG")[:-200], "This picture is damaged, or none."),
    "png as jpeg": ("AVATAR", "image/jpeg", PNG, "This is an image/png file, announced as image/jpeg."),
    "a bomb": ("AVATAR", "image/png", bomb(), LARGE),
    "a long strip": (
        "AVATAR",
        "image/png",
        picture(size=(20_001, 2)),
        LARGE,
    ),
    "binary as text": ("IMPORT", "text/plain", b"ab\x00c", "This is neither a text nor a ZIP file."),
    "binary far behind": ("IMPORT", "text/csv", b"a" * (1 << 20) + b"\x00", "This is neither a text nor a ZIP file."),
    "a picture as anything": ("IMPORT", "application/octet-stream", PNG, "This is neither a text nor a ZIP file."),
    "zip as text": ("IMPORT", "text/plain", a_zip(), "This is a ZIP file, announced as text/plain."),
    "text as zip": ("IMPORT", "application/zip", b"words", "This is no ZIP file."),
}


@pytest.mark.parametrize("case", sorted(BAD_FILES))
async def test_a_file_that_is_not_what_it_says_leaves_nothing(ada: Reader, container: Container, case: str) -> None:
    purpose, content_type, data, message = BAD_FILES[case]
    made = await announce(ada, len(data), content_type, purpose)
    assert not made["userErrors"], made
    async with nothing_written(container):
        response = await put(ada, made["uploadUrl"], data)
        assert await refusal_of(response) == (422, "INVALID", message)
    assert files_of(container) == set()


@pytest.mark.parametrize("sent", [4, 0, 6, 3_000_000])
async def test_another_size_than_announced_leaves_nothing(ada: Reader, container: Container, sent: int) -> None:
    made = await announce(ada, 5)

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, sent, 65_536):
            yield b"a" * min(65_536, sent - start)

    expected = (413, "LIMIT_EXCEEDED") if sent > 5 else (422, "INVALID")
    for data in (b"a" * sent, stream()):  # with its length told, and without
        async with nothing_written(container):
            assert (await refusal_of(await put(ada, made["uploadUrl"], data)))[:2] == expected
    assert files_of(container) == set()
    assert (await put(ada, made["uploadUrl"], b"words")).status == 200


def _other_last(path: str) -> str:
    return path[:-2] + ("AA" if path[-2:] != "AA" else "BB")


FORGED: list[Callable[[str], str]] = [
    _other_last,
    lambda path: path + "x",
    lambda path: path.rpartition(".")[0],
    lambda path: path.replace("/uploads/", "/uploads/a"),
    lambda _: "/uploads/x",
    lambda _: "/uploads/%00.%ff",
    lambda _: "/uploads/" + "a" * 4_000,
]


@pytest.mark.parametrize("forge", range(len(FORGED)))
async def test_an_address_that_was_not_given_out_is_refused(ada: Reader, container: Container, forge: int) -> None:
    made = await announce(ada, 5)
    async with nothing_written(container):
        response = await ada.http.put(FORGED[forge](urlsplit(made["uploadUrl"]).path), data=b"words")
        assert (await refusal_of(response))[:2] == (403, "FORBIDDEN")
    assert files_of(container) == set()


async def test_an_address_expires_after_an_hour(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await announce(ada, 5)
    late = clock.now() + timedelta(hours=1, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: late)
    async with nothing_written(container):
        response = await put(ada, made["uploadUrl"], b"words")
        assert await refusal_of(response) == (
            410,
            "GONE",
            "This address has expired. Ask for a new one with createUpload.",
        )
    assert files_of(container) == set()


async def test_the_address_of_an_upload_that_is_gone_is_gone(ada: Reader, container: Container) -> None:
    made = await announce(ada, 5)
    await sql(container, "DELETE FROM media")
    response = await put(ada, made["uploadUrl"], b"words")
    assert (await refusal_of(response))[:2] == (410, "GONE")
    assert files_of(container) == set()


async def test_an_upload_that_breaks_off_leaves_nothing_and_can_be_repeated(ada: Reader, container: Container) -> None:
    data = picture(size=(400, 300))
    made = await announce(ada, len(data), "image/png", "AVATAR")
    path = urlsplit(made["uploadUrl"]).path
    async with nothing_written(container):
        _, writer = await asyncio.open_connection("127.0.0.1", ada.http.port)
        writer.write(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[:1_000])
        await writer.drain()
        await _until(lambda: any(name.startswith("incoming/") for name in files_of(container)))
        writer.close()
        await writer.wait_closed()
        await _until(lambda: files_of(container) == set())
    assert (await put(ada, made["uploadUrl"], data)).status == 200


async def test_a_reader_sends_three_files_at_once_at_most_and_a_slow_one_is_cut_off(
    ada: Reader, ben: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STALLED", 2.0)
    path = urlsplit((await announce(ada, 5))["uploadUrl"]).path
    slow = [await asyncio.open_connection("127.0.0.1", ada.http.port) for _ in range(3)]
    for _, writer in slow:
        writer.write(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwor".encode())
    await _until(lambda: len(files_of(container)) == 3)
    fourth = await put(ada, (await announce(ada, 5))["uploadUrl"], b"words")
    assert (await refusal_of(fourth))[:2] == (503, "UNAVAILABLE")
    assert (await put(ben, (await announce(ben, 5))["uploadUrl"], b"words")).status == 200
    for reader, writer in slow:
        assert (await reader.readline()).startswith(b"HTTP/1.1 422")
        writer.close()
        await writer.wait_closed()
    assert {name[:6] for name in files_of(container)} == {"media/"}
    assert (await put(ada, (await announce(ada, 5))["uploadUrl"], b"words")).status == 200


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never held")


async def test_of_several_who_send_at_once_the_first_bytes_count(ada: Reader, container: Container) -> None:
    made = await announce(ada, 5)
    sent = [b"words", b"WORDS", b"words"]
    answers: list[Awaitable[Any]] = [put(ada, made["uploadUrl"], data) for data in sent]
    statuses = [(await answer).status for answer in [*map(asyncio.ensure_future, answers)]]
    won = {data for data, status in zip(sent, statuses, strict=True) if status == 200}
    assert len(won) == 1
    assert set(statuses) == {200, 409}
    kept = await sql(container, "SELECT key FROM stored_files WHERE media_id IS NOT NULL")
    assert [(container.settings.data_dir / "media" / _place(row.key)).read_bytes() for row in kept] == [won.pop()]


def _place(key: str) -> str:
    kind, _, name = key.partition("/")
    return f"{kind}/{name[:2]}/{name}"


async def test_files_and_folders_are_closed_to_others(ada: Reader, container: Container) -> None:
    await upload(ada, b"words")
    await upload(ada, PNG, "image/png", "AVATAR")
    for path in (container.settings.data_dir / "media", *(container.settings.data_dir / "media").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
