"""Files in a bucket of an S3-compatible server: boto3 in a few threads of its own, with hard limits of time."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clients.storage import FileGone, check_key
from core.breaker import Breaker, CircuitOpenError
from core.errors import Unavailable
from core.storage_url import Bucket

THREADS = 8
CONNECT_SECONDS, READ_SECONDS = 2, 8
CALL_SECONDS = 40.0
"""For the largest file there and back over a slow line; a server that answers nothing is given up much sooner."""
AWAY = "The file storage does not answer. Try again in a moment."
_ABSENT = {"NoSuchKey", "404", "NotFound"}
log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


class _StorageLostError(Exception):
    """The server did not answer, or not well."""


class S3Storage:
    """A bucket. At most THREADS calls are under way; the others wait their turn, within the same limit of time."""

    def __init__(self, bucket: Bucket, spool: Path) -> None:
        self._bucket = bucket.name
        self._spool = spool
        self._client = boto3.client(
            "s3",
            endpoint_url=bucket.endpoint,
            region_name=bucket.region,
            aws_access_key_id=bucket.key,
            aws_secret_access_key=bucket.secret,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 2, "mode": "standard"},
                max_pool_connections=THREADS,
                s3={"addressing_style": "path"},
                # Servers other than Amazon's may not know the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="storage")
        self.breaker = Breaker("storage", timeout=CALL_SECONDS, lost=(_StorageLostError, TimeoutError))

    async def put(self, key: str, source: Path, content_type: str) -> None:
        """Send a file."""

        def send() -> None:
            with source.open("rb") as body:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, ContentDisposition="attachment"
                )

        check_key(key)
        await self._call(send)

    @asynccontextmanager
    async def fetched(self, key: str) -> AsyncIterator[Path]:
        """Fetch a file to the disk, and take it away again."""
        check_key(key)
        path = await asyncio.to_thread(self._place)
        try:
            await self._call(lambda: self._fetch(key, path))
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def delete(self, key: str) -> None:
        """Delete a file."""
        check_key(key)
        with contextlib.suppress(FileGone):
            await self._call(lambda: self._client.delete_object(Bucket=self._bucket, Key=key))

    async def close(self) -> None:
        """End the threads that have nothing to do; one that waits for the server ends by its own limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def refused(self) -> str | None:
        """Ask for the bucket, for as long as a start may take; tell what is wrong with the setting, if the server says so."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
            said = {403: "the server refuses this key and secret", 404: f"there is no bucket {self._bucket}"}
            return said.get(status)
        except BotoCoreError as error:
            log.warning("storage_away", error=type(error).__name__)
        return None

    def _place(self) -> Path:
        self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._spool, delete=False) as file:
            return Path(file.name)

    def _fetch(self, key: str, path: Path) -> None:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        with contextlib.closing(body), path.open("wb") as file:
            for piece in body.iter_chunks(1 << 20):
                file.write(piece)

    async def _call(self, work: Callable[[], Answer]) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            return await self.breaker.call(lambda: loop.run_in_executor(self._threads, _translated, work))
        except (_StorageLostError, TimeoutError, CircuitOpenError) as error:
            raise Unavailable(AWAY) from error


def _translated(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            raise FileGone from error
        raise _StorageLostError(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise _StorageLostError(type(error).__name__) from error
