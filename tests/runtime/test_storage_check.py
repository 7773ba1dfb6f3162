"""A storage that cannot work is refused before anything is served, by the name of its setting."""

import asyncio
from pathlib import Path

import pytest

from core.settings import Settings
from runtime.launch import CannotStart
from runtime.storage_check import require_storage
from tests.support.s3 import s3_server


def settings(data_dir: Path, storage_url: str | None = None) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir, storage_url=storage_url)


async def test_a_folder_is_made_and_closed_to_others(tmp_path: Path) -> None:
    await require_storage(settings(tmp_path))
    await require_storage(settings(tmp_path, f"file://{tmp_path}/elsewhere/media"))
    for folder in (tmp_path / "media", tmp_path / "elsewhere" / "media"):
        assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "media").write_text, "in the way")
    with pytest.raises(CannotStart, match=r"^DATA_DIR: .*media cannot be made"):
        await require_storage(settings(tmp_path))
    with pytest.raises(CannotStart, match=r"^STORAGE_URL: .*media/x cannot be made"):
        await require_storage(settings(tmp_path, f"file://{tmp_path}/media/x"))


async def test_a_bucket_that_is_not_there_is_told_and_one_that_is_is_taken(tmp_path: Path) -> None:
    with s3_server() as server:
        await require_storage(settings(tmp_path, server.url()))
        with pytest.raises(CannotStart, match=r"^STORAGE_URL: there is no bucket nowhere\.$"):
            await require_storage(settings(tmp_path, server.url("nowhere")))
