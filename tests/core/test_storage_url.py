"""STORAGE_URL is read strictly, and a wrong one is told without its secret."""

from pathlib import Path

import pytest

from core.storage_url import Bucket, read_storage_url


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("file:///var/lib/books%20and%20more", Path("/var/lib/books and more")),
        (
            "s3://key:se%2Fcret%40@minio:9000/library?region=eu-central-1&tls=0",
            Bucket("library", "http://minio:9000", "eu-central-1", "key", "se/cret@"),
        ),
        ("s3://s3.example.org/library", Bucket("library", "https://s3.example.org", "us-east-1", None, None)),
        ("s3://k:s@[::1]:9000/library/", Bucket("library", "https://[::1]:9000", "us-east-1", "k", "s")),
    ],
)
def test_a_place_is_read(value: str, place: Path | Bucket) -> None:
    assert read_storage_url(value) == place


@pytest.mark.parametrize(
    "value",
    [
        "",
        "/var/lib/books",
        "file://server/share",
        "file:///",
        "http://minio:9000/library",
        "s3:///library",
        "s3://key:secretword@minio:9000",
        "s3://key:secretword@minio:9000/",
        "s3://key:secretword@minio:9000/library/folder",
        "s3://key:secretword@minio:port/library",
        "s3://key:secretword@minio:9000/library?tls=yes",
        "s3://key:secretword@minio:9000/library?ssl=0",
        "s3://:secretword@minio:9000/library",
        "s3://key@minio:9000/library",
        "s3://key:secretword@[minio/library",
    ],
)
def test_what_is_no_place_is_refused_without_its_secret(value: str) -> None:
    with pytest.raises(ValueError, match=r"must|takes|knows") as refused:
        read_storage_url(value)
    assert "secretword" not in str(refused.value)
