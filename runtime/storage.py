"""Where uploaded files lie, as the settings say."""

from pathlib import Path

from clients.spool import Spool
from clients.storage import LocalStorage, Storage
from core.settings import Settings
from core.storage_url import Bucket, read_storage_url


def spool_folder(settings: Settings) -> Path:
    """Name the folder of files on their way."""
    return settings.data_dir.resolve() / "incoming"


def open_spool(settings: Settings) -> Spool:
    """Open the folder of files on their way."""
    return Spool(spool_folder(settings))


def open_storage(settings: Settings) -> Storage:
    """Open the storage; nothing is made or asked before the first file."""
    place = storage_place(settings)
    if isinstance(place, Path):
        return LocalStorage(place.resolve())
    from clients.storage_s3 import S3Storage  # its library is large, and most servers do without it

    return S3Storage(place, spool_folder(settings))


def storage_place(settings: Settings) -> Path | Bucket:
    """Tell where the storage is."""
    return settings.data_dir / "media" if settings.storage_url is None else read_storage_url(settings.storage_url)
