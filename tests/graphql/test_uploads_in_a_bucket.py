"""The same uploads with an S3-compatible server behind them, up and down."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from core.settings import Settings
from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import sql
from tests.support.s3 import Server, s3_server
from tests.support.uploads import announce, files_of, picture, put, refusal_of, stored_keys, upload


@pytest.fixture
def bucket() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def settings(bucket: Server, tmp_path: Path) -> Settings:
    plenty = 10**9
    return Settings(
        _env_file=None,
        cost_per_minute=plenty,
        cost_per_minute_signed_out=plenty,
        secret_key="a secret that only tests sign with",
        public_url="https://books.example.org/",
        data_dir=tmp_path,
        storage_url=bucket.url(),
    )


async def test_a_picture_lies_in_the_bucket_and_is_shown_from_here(
    ada: Reader, container: Container, bucket: Server
) -> None:
    media_id = await upload(ada, picture(size=(90, 70)), "image/png", "AVATAR")
    url = (await ada.mutate("updateProfile", "user { avatarUrl }", avatarMediaId=media_id))["user"]["avatarUrl"]
    assert url.startswith("https://books.example.org/media/")
    assert bucket.keys() == await stored_keys(container) == {f"images/{url.rpartition('/')[2]}"}
    response = await ada.http.get(urlsplit(url).path)
    drawn = Image.open(io.BytesIO(await response.read()))
    assert (response.status, drawn.format, drawn.size) == (200, "WEBP", (70, 70))
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert (await ada.http.get(f"/media/{'A' * 32}.webp")).status == 404
    assert files_of(container) == set()


async def test_while_the_bucket_is_away_uploads_are_refused_and_nothing_is_lost(
    ada: Reader, container: Container, bucket: Server
) -> None:
    url = (
        await ada.mutate(
            "updateProfile",
            "user { avatarUrl }",
            avatarMediaId=await upload(ada, picture(), "image/png", "AVATAR"),
        )
    )["user"]["avatarUrl"]
    made = await announce(ada, 5)
    bucket.stop()
    refused = await put(ada, made["uploadUrl"], b"words")
    assert (await refusal_of(refused))[:2] == (503, "UNAVAILABLE")
    assert refused.headers["Retry-After"] == "5"
    assert (await refusal_of(await ada.http.get(urlsplit(url).path)))[:2] == (503, "UNAVAILABLE")
    assert (await ada.run("{ viewer { user { avatarUrl } } }"))["viewer"]["user"]["avatarUrl"] == url
    assert files_of(container) == set()
    assert [tuple(row) for row in await sql(container, "SELECT state FROM media WHERE purpose = 'IMPORT'")] == [
        ("PENDING",)
    ]
    bucket.start_again()
    for _ in range(20):
        response = await put(ada, made["uploadUrl"], b"words")
        if response.status == 200:
            break
        await asyncio.sleep(0.3)
    assert response.status == 200
    assert (await ada.http.get(urlsplit(url).path)).status == 200
    owned = {row.key for row in await sql(container, "SELECT key FROM stored_files WHERE media_id IS NOT NULL")}
    assert bucket.keys() == owned
