"""STORAGE_URL: a folder, or a bucket of an S3-compatible server."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_FORM = "must be of the form file:///folder, or s3://key:secret@host:port/bucket"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a bucket is."""

    name: str
    endpoint: str
    region: str
    key: str | None
    secret: str | None


def read_storage_url(value: str) -> Path | Bucket:
    """Read the setting; raise ValueError with half a sentence, and never with the secret."""
    try:
        parsed = urlsplit(value)
        port = parsed.port
    except ValueError:
        raise ValueError(_FORM) from None
    if parsed.scheme == "file" and not parsed.netloc and len(parsed.path) > 1:
        return Path(unquote(parsed.path))
    if parsed.scheme != "s3" or not parsed.hostname:
        raise ValueError(_FORM)
    name = unquote(parsed.path.strip("/"))
    if not name or "/" in name:
        raise ValueError("must name one bucket: s3://key:secret@host:port/bucket")
    return _bucket(parsed, port, name)


def _bucket(parsed: SplitResult, port: int | None, name: str) -> Bucket:
    asked = parse_qs(parsed.query, keep_blank_values=True)
    unknown = set(asked) - {"region", "tls"}
    if unknown:
        raise ValueError(f"knows region and tls after the question mark, and not {', '.join(sorted(unknown))}")
    tls = asked.get("tls", ["1"])[-1]
    if tls not in {"0", "1"}:
        raise ValueError("takes tls=0 or tls=1")
    if bool(parsed.username) != bool(parsed.password):
        raise ValueError("must name both key and secret, or neither: s3://key:secret@host:port/bucket")
    host = f"[{parsed.hostname}]" if ":" in str(parsed.hostname) else parsed.hostname
    return Bucket(
        name=name,
        endpoint=f"{'https' if tls == '1' else 'http'}://{host}{f':{port}' if port else ''}",
        region=asked.get("region", ["us-east-1"])[-1] or "us-east-1",
        key=unquote(parsed.username) if parsed.username else None,
        secret=unquote(parsed.password) if parsed.password else None,
    )
