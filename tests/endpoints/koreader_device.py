"""Talk to the server as KOReader does."""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiohttp.test_utils import TestClient

from auth.passwords import koreader_key
from tests.support.api import PASSWORD

ACCEPT = "application/vnd.koreader.v1+json"
XPOINTER = "/body/DocFragment[11]/body/div/p[7]/text().123"
DIGEST = "0b229176d4e8db7f6d2b5a4952368d7a"


@dataclass
class Answer:
    """What came back; `json` of every body, for every answer has to be JSON."""

    status: int
    json: Any
    headers: Any


@dataclass
class Device:
    """A device that is signed in with a name and a key."""

    http: "TestClient[Any, Any]"
    user: str | None
    key: str | None = koreader_key(PASSWORD)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; a body of bytes goes as it is."""
        sent = {"Accept": ACCEPT}
        if self.user is not None and self.key is not None:
            sent |= {"x-auth-user": self.user, "x-auth-key": self.key}
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self.http.request(
            method, path, data=data, headers=sent | headers, allow_redirects=False
        ) as response:
            raw = await response.read()
            assert "json" in response.headers["Content-Type"]
            return Answer(response.status, json.loads(raw), response.headers)

    async def push(self, document: Any = DIGEST, **fields: Any) -> Answer:
        """Push a place."""
        good = {"progress": XPOINTER, "percentage": 0.4213, "device": "shelf", "device_id": "AB12"}
        body = {"document": document} | good | fields
        return await self.call("PUT", "/syncs/progress", {k: v for k, v in body.items() if v is not LEFT_OUT})

    async def pull(self, document: str = DIGEST) -> Any:
        """Pull a place; the body of a 200."""
        found = await self.call("GET", f"/syncs/progress/{document}")
        assert found.status == 200
        return found.json

    async def register(self, username: Any = None, password: Any = None) -> Answer:
        """Register, without being signed in."""
        body = {"username": username or self.user, "password": password or self.key}
        return await Device(self.http, None).call("POST", "/users/create", body)


class LeftOut(Enum):
    """A sign whose name is the same in every process, as the names of tests have to be."""

    LEFT_OUT = "left out"


LEFT_OUT = LeftOut.LEFT_OUT


def refusal(found: Answer) -> tuple[int, int]:
    """Take a refusal apart: its status, and the protocol's own code."""
    assert set(found.json) == {"code", "message"}
    assert isinstance(found.json["message"], str)
    return found.status, found.json["code"]
