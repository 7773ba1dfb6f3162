"""What answers mean: each kind of failure told apart by what the device has to do about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from device import Device, DeviceError, HttpTransport, RateLimited, Refused, SignedOut, Store, Unreachable
from device.live import Backoff
from device.store import Json
from tests.device.support import BOOK, answer, page, result


def failing(code: str) -> str:
    """Make the body of a GraphQL answer with one error."""
    return f'{{"data": null, "errors": [{{"message": "No.", "extensions": {{"code": "{code}"}}}}]}}'


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (200, failing("UNAUTHENTICATED"), SignedOut),
        (200, failing("BAD_USER_INPUT"), Refused),
        (400, failing("GRAPHQL_VALIDATION_FAILED"), Refused),
        (413, "Too large", Refused),
        (429, failing("RATE_LIMITED"), RateLimited),
        (429, "slow down", RateLimited),
        (200, failing("INTERNAL_SERVER_ERROR"), Unreachable),
        (503, failing("UNAVAILABLE"), Unreachable),
        (200, '{"data": null, "errors": [{"message": "no code"}]}', Unreachable),
        (200, "<html>Sign in to this Wi-Fi</html>", Unreachable),
        (302, "elsewhere", Unreachable),
        (403, "<html>Blocked</html>", Unreachable),
        (502, "<html>Bad gateway</html>", Unreachable),
        (200, '{"data": {"cut', Unreachable),
        (200, "[]", Unreachable),
        (200, '{"data": null}', Unreachable),
    ],
)
async def test_each_answer_means_one_thing(status: int, body: str, meaning: type[DeviceError]) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Retry-After": "7", "Location": "/graphql"})

    app = web.Application()
    app.router.add_post("/graphql", handle)
    async with TestServer(app) as server:
        transport = HttpTransport(str(server.make_url("")), "token")
        with pytest.raises(meaning) as raised:
            await transport.execute("{ viewer { email } }", {})
        await transport.close()
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == 7


async def test_nobody_listening_is_unreachable() -> None:
    transport = HttpTransport("http://127.0.0.1:9", "token")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await transport.execute("{ viewer { email } }", {})
    await transport.close()


class Busy:
    """A server that asks to wait, and then takes everything."""

    token: str | None = None

    def __init__(self, times: int) -> None:
        self.times = times
        self.sent: list[Mapping[str, Any]] = []

    async def execute(self, document: str, variables: Mapping[str, Any]) -> Json:
        """Ask to wait so many times."""
        del document
        self.sent.append(variables["input"])
        if self.times:
            self.times -= 1
            raise RateLimited(0.05)
        ops = variables["input"]["ops"]
        return {"pushHighlightChanges": answer(*(result(op["opId"]) for op in ops), changes=page("c1"))}

    async def close(self) -> None:
        """Nothing to let go."""


async def test_a_device_that_was_asked_to_wait_tells_the_time_anew(tmp_path: Path) -> None:
    store, busy = Store(tmp_path / "device.db"), Busy(2)
    device = Device(store, transport=busy)
    device.engine.create(BOOK, "Salt keeps.")
    await device.push()
    assert store.pending() == 0
    assert len({sent["sentAt"] for sent in busy.sent}) == 3, "a stale time would make the work look younger than it is"
    assert len({str(sent["ops"]) for sent in busy.sent}) == 1
    store.close()


def test_pauses_grow_with_jitter_and_begin_small_again() -> None:
    backoff = Backoff(first=1, most=8)
    pauses = [[backoff.next() for _ in range(6)] for _ in range(200) if not backoff.reset()]  # type: ignore[func-returns-value]
    most = [max(column) for column in zip(*pauses, strict=True)]
    for found, limit in zip(most, (1, 2, 4, 8, 8, 8), strict=True):
        assert limit / 2 < found <= limit
    assert min(min(row) for row in pauses) < 0.5
