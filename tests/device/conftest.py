"""Devices of readers, each with a store in a file."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from device import Device, Engine, Store
from tests.support.api import PASSWORD

MakeDevice = Callable[..., Awaitable[Device]]


@pytest.fixture
def url(http: "TestClient[Any, Any]") -> str:
    """Where the running application answers."""
    return str(http.make_url("")).rstrip("/")


@pytest.fixture
async def device(url: str, tmp_path: Path) -> AsyncIterator[MakeDevice]:
    """Make a device of a reader: the first of a name signs up, the others sign in."""
    made: list[Device] = []
    readers: set[str] = set()
    numbers = itertools.count(1)

    async def make(user: str = "ada", **parts: Any) -> Device:
        number = next(numbers)
        one = Device(Store(tmp_path / f"{number}.db"), **parts)
        made.append(one)
        if user in readers:
            await one.sign_in(url, user, PASSWORD, name=f"Device {number}")
        else:
            await one.sign_up(url, user, f"{user}@example.org", PASSWORD, name=f"Device {number}")
            readers.add(user)
        return one

    yield make
    for one in made:
        await one.close()
        one.store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A device's file."""
    return tmp_path / "device.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    """The rules over a new store."""
    store = Store(path)
    store.put(device_id="d")
    yield Engine(store)
    store.close()
