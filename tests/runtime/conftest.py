"""Fixtures for the tests of runtime/."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.backups import House, house
from tests.support.program import open_folder


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not tmp_path: pytest closes its folders, and as root the servers run as another user.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[House]:
    """Servers for the tests of one file."""
    with open_folder() as folder:
        async with house(folder) as made:
            await made.empty()
            yield made


@pytest.fixture
async def home(servers: House) -> AsyncIterator[House]:
    """An empty server; whatever a test left is gone."""
    await servers.clear()
    yield servers
    for path in servers.folder.iterdir():
        if path.is_file() and path.name != "metrics.lock":
            path.unlink()
        elif path.name in ("media", "backups"):
            for file in sorted(path.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            path.rmdir()
