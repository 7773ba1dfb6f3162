"""A real S3 server on this machine: moto's, in a thread of its own, with a bucket."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.config import Config
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

BUCKET, KEY, SECRET = "library", "reader", "a secret/with+signs"


class Server:
    """The server; it can be ended, and started again on its port."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]
        get_backend("s3").reset()  # what lies in buckets outlives the server that was told to keep it
        self.client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}),
        )
        self.client.create_bucket(Bucket=BUCKET)

    def url(self, bucket: str = BUCKET) -> str:
        """Spell STORAGE_URL."""
        return f"s3://{KEY}:a%20secret%2Fwith%2Bsigns@127.0.0.1:{self.port}/{bucket}?tls=0&region=us-east-1"

    def keys(self) -> set[str]:
        """List what lies in the bucket."""
        return {item["Key"] for item in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def stop(self) -> None:
        """End it."""
        self._server.stop()

    def start_again(self) -> None:
        """Start it on the same port; what lay in it is still there."""
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()


@contextmanager
def s3_server() -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    server = Server()
    try:
        yield server
    finally:
        server.client.close()
        server.stop()
