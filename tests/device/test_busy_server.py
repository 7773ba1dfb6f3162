"""A server that is too slow for a whole batch is sent less at once, until it can keep up; then more again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from device import Device, Store, Unreachable
from device.store import Json
from tests.device.support import BOOK, answer, page, result


class Slow:
    """A server that does not answer in time when it is sent much at once."""

    token: str | None = None

    def __init__(self, most: int) -> None:
        self.most = most
        self.sizes: list[int] = []

    async def execute(self, document: str, variables: Mapping[str, Any]) -> Json:  # noqa: ARG002
        """Answer a push, or be too late."""
        ops = variables["input"]["ops"]
        self.sizes.append(len(ops))
        if len(ops) > self.most:
            raise Unreachable("too late") from TimeoutError()
        results = (result(op["opId"]) for op in ops)
        return {"pushHighlightChanges": answer(*results, changes=page(f"cursor-{len(self.sizes)}"))}

    async def close(self) -> None:
        """Do nothing."""


async def test_a_batch_that_was_too_much_is_sent_in_pieces_that_grow_again(tmp_path: Path) -> None:
    server = Slow(most=8)
    device = Device(Store(tmp_path / "device.sqlite"), transport=server)
    for number in range(60):
        device.engine.create(BOOK, f"Words {number}.")
    tries = 0
    while device.store.pending():
        tries += 1
        assert tries < 20
        try:
            await device.push()
        except Unreachable:
            server.most += 5
    assert server.sizes[:4] == [60, 30, 15, 30]
    assert max(server.sizes[1:]) <= 100
    assert len(device.store.outcomes("APPLIED")) == 60


async def test_an_operation_that_never_arrives_is_still_tried_alone(tmp_path: Path) -> None:
    server = Slow(most=0)
    device = Device(Store(tmp_path / "device.sqlite"), transport=server)
    for number in range(3):
        device.engine.create(BOOK, f"Words {number}.")
    for _ in range(4):
        with pytest.raises(Unreachable):
            await device.push()
    assert server.sizes == [3, 1, 1, 1]
    assert device.store.pending() == 3
