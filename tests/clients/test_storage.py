"""Storages: a folder and a bucket that a real server keeps, behind the same methods."""

import asyncio
import http.server
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from clients.storage import FileGone, LocalStorage, Storage
from clients.storage_s3 import S3Storage
from core.errors import Unavailable
from core.storage_url import Bucket, read_storage_url
from tests.support.s3 import BUCKET, Server, s3_server

NAME = "images/" + "a" * 32 + ".webp"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as running:
        yield running


def told(path: Path) -> tuple[bytes, int]:
    """Read a file, and who may."""
    return path.read_bytes(), path.stat().st_mode & 0o777


def in_the_way(place: Path) -> None:
    """Put a file where a folder should be."""
    place.write_text("in the way")


def files(folder: Path) -> set[str]:
    """List the files of a folder and of those in it."""
    return {path.name for path in folder.rglob("*") if path.is_file()}


def bucket_storage(server: Server, folder: Path, bucket: str = BUCKET) -> S3Storage:
    place = read_storage_url(server.url(bucket))
    assert isinstance(place, Bucket)
    return S3Storage(place, folder / "incoming")


@pytest.fixture(params=["folder", "bucket"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    opened: Storage = LocalStorage(tmp_path / "media")
    if request.param == "bucket":
        opened = bucket_storage(request.getfixturevalue("server"), tmp_path)
    yield opened
    await opened.delete(NAME)
    await opened.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"\x00words" * 500_000)
    return path


async def test_a_file_is_kept_lent_and_deleted(storage: Storage, source: Path, tmp_path: Path) -> None:
    await storage.put(NAME, source, "image/webp")
    async with storage.fetched(NAME) as path:
        assert told(path) == (told(source)[0], 0o600)
    await storage.put(NAME, source, "image/webp")  # again, as after a failure that was none
    await storage.delete(NAME)
    await storage.delete(NAME)
    with pytest.raises(FileGone):
        async with storage.fetched(NAME):
            pass
    assert files(tmp_path) == {"source"}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "images/../../secret-key-that-is-long",
        "../images/aaaaaaaaaaaaaaaaaaaaaaaa",
        "/etc/passwdaaaaaaaaaaaaaaaaaaaaaaaa",
        "images/..",
        "images/aaaaaaaaaaaaaaaaaaaaaaaa/../../../x",
        "images/aaaaaaaaaaaaaaaaaaaaaaaa\x00",
        "images/aaaaaaaaaaaaaaaaaaaaaaaa\n",
        "images/.aaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
async def test_no_key_leads_out_of_the_storage(storage: Storage, source: Path, key: str) -> None:
    with pytest.raises(ValueError, match="no key of a file"):
        await storage.put(key, source, "image/webp")
    with pytest.raises(ValueError, match="no key of a file"):
        await storage.delete(key)
    with pytest.raises(ValueError, match="no key of a file"):
        async with storage.fetched(key):
            pass


async def test_a_folder_that_is_full_or_closed_keeps_no_part_of_a_file(tmp_path: Path, source: Path) -> None:
    storage = LocalStorage(tmp_path / "media")
    in_the_way(tmp_path / "media")
    with pytest.raises(Unavailable, match="cannot keep"):
        await storage.put(NAME, source, "image/webp")
    assert files(tmp_path) == {"media", "source"}


async def test_files_in_the_bucket_are_marked_as_downloads(server: Server, tmp_path: Path, source: Path) -> None:
    storage = bucket_storage(server, tmp_path)
    await storage.put(NAME, source, "image/webp")
    head = server.client.head_object(Bucket=BUCKET, Key=NAME)
    assert (head["ContentType"], head["ContentDisposition"]) == ("image/webp", "attachment")
    await storage.delete(NAME)
    assert server.keys() == set()
    await storage.close()


async def test_more_calls_than_threads_wait_their_turn(server: Server, tmp_path: Path, source: Path) -> None:
    storage = bucket_storage(server, tmp_path)
    keys = [f"images/{number:032}.webp" for number in range(20)]
    await asyncio.to_thread(source.write_bytes, b"words")
    await asyncio.gather(*(storage.put(key, source, "image/webp") for key in keys))
    assert server.keys() == set(keys)
    await asyncio.gather(*(storage.delete(key) for key in keys))
    assert server.keys() == set()
    await storage.close()


async def test_a_bucket_out_of_reach_is_told_and_left_alone_and_found_again(tmp_path: Path, source: Path) -> None:
    with s3_server() as server:
        storage = bucket_storage(server, tmp_path)
        await storage.put(NAME, source, "image/webp")
        server.stop()
        for _ in range(5):
            with pytest.raises(Unavailable, match="The file storage does not answer"):
                await storage.put(NAME, source, "image/webp")
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await storage.delete(NAME)
        assert time.monotonic() - began < 0.5  # the circuit is open: nobody was asked
        server.start_again()
        for _ in range(40):
            try:
                await storage.delete(NAME)
                break
            except Unavailable:
                await asyncio.sleep(0.25)
        assert server.keys() == set()
        await storage.close()


async def test_a_bucket_that_is_not_there_does_not_answer(server: Server, tmp_path: Path, source: Path) -> None:
    storage = bucket_storage(server, tmp_path, "nowhere")
    with pytest.raises(Unavailable):
        await storage.put(NAME, source, "image/webp")
    with pytest.raises(Unavailable):
        async with storage.fetched(NAME):
            pass
    assert storage.refused() == "there is no bucket nowhere"
    assert bucket_storage(server, tmp_path).refused() is None
    await storage.close()


class Refusing(http.server.BaseHTTPRequestHandler):
    """A server that knows nobody."""

    def do_HEAD(self) -> None:
        """Refuse."""
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def test_a_key_that_the_server_refuses_is_told(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        place = read_storage_url(f"s3://a:b@127.0.0.1:{server.server_port}/library?tls=0")
        assert isinstance(place, Bucket)
        storage = S3Storage(place, tmp_path)
        assert await asyncio.to_thread(storage.refused) == "the server refuses this key and secret"
        await storage.close()
        server.shutdown()
        thread.join()


async def test_a_server_that_is_away_is_no_reason_not_to_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = read_storage_url(f"s3://a:b@127.0.0.1:{taken.getsockname()[1]}/library?tls=0")
        assert isinstance(place, Bucket)
        storage = S3Storage(place, tmp_path)
        assert storage.refused() is None
        await storage.close()
