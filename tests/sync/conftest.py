"""A world of one reader, three devices and the web, step by step."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.database import Database
from device.engine import Engine
from tests.support.rows import emptied
from tests.support.sync_server import Server
from tests.support.sync_world import World


@pytest.fixture
def kind() -> type[Engine]:
    """The kind of device."""
    return Engine


@pytest.fixture
async def world(urls: tuple[str, str], tmp_path: Path, kind: type[Engine]) -> AsyncIterator[World]:
    """A reader who has synced nothing yet."""
    database = Database(urls[0], pool_size=4)
    server = Server(database)
    with server.clocked():
        made = World(server, tmp_path, kind)
        await made.begin()
        yield made
        await made.close()
        await server.close()
    await emptied(database)
    await database.close()
