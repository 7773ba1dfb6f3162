"""A request whose sender goes while it is read is no fault of the server."""

from typing import Any, cast

import pytest

from runtime import graphql_view
from runtime.http import RequestRefused


class BrokenOff:
    """A request as aiohttp shows it when its connection is lost."""

    async def get_body(self) -> bytes:
        """Fail as reading does then."""
        raise ConnectionResetError("Connection lost")


async def test_a_request_that_breaks_off_is_refused_and_not_a_fault() -> None:
    with pytest.raises(RequestRefused) as refused:
        await graphql_view._body(cast("Any", BrokenOff()))
    assert refused.value.status_code == 400
