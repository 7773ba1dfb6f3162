"""Commands as processes, on the servers of the tests."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.program import Run, app, open_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A DATA_DIR."""
    with open_folder() as made:
        yield made


@pytest.fixture
def command(urls: tuple[str, str], folder: Path) -> Run:
    """Run a command on the tests' own servers."""

    async def run(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        settings = {"DATABASE_URL": urls[0], "REDIS_URL": urls[1], **more}
        return await asyncio.to_thread(app, folder, *arguments, patience=60, **settings)

    return run
