"""The documents this device sends, and how they travel over HTTP."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp

from device.errors import DeviceError, RateLimited, Refused, Unreachable, meaning
from device.store import Json

ROW = """fragment Row on Highlight {
  id uuid version text note color visibility createdAt updatedAt deletedAt
  anchor { locationStart locationEnd prefix suffix cfi page percent }
  book { id title authors isbn } conflictOf { uuid } }"""
_CHANGE = """__typename
  ... on HighlightUpserted { cursor originDeviceId highlight { ...Row } }
  ... on HighlightRemoved { cursor originDeviceId uuid removedAt }"""
_PAGE = f"changes {{ {_CHANGE} }} cursor hasMore resync"
PULL = f"""query Pull($deviceId: ID, $after: String, $first: Int) {{
  highlightChanges(deviceId: $deviceId, after: $after, first: $first) {{ {_PAGE} }} }}
{ROW}"""
PUSH = f"""mutation Push($input: PushHighlightChangesInput!) {{ pushHighlightChanges(input: $input) {{
  results {{ opId outcome replayed highlight {{ ...Row }} fork {{ ...Row }} error {{ field message code }} }}
  changes {{ {_PAGE} }} userErrors {{ field message code }} }} }}
{ROW}"""
LIVE = f"""subscription Live($deviceId: ID!, $after: String) {{ highlightChanges(deviceId: $deviceId, after: $after) {{
  {_CHANGE} ... on SyncCaughtUp {{ cursor }} ... on ResyncRequired {{ reason }} }} }}
{ROW}"""
_SESSION = (
    "token session { createdAt device { id name } } viewer { user { username } } userErrors { field message code }"
)
SIGN_UP = f"mutation SignUp($input: SignUpInput!) {{ it: signUp(input: $input) {{ {_SESSION} }} }}"
SIGN_IN = f"mutation SignIn($input: SignInInput!) {{ it: signIn(input: $input) {{ {_SESSION} }} }}"
PROGRESS = "query Progress { viewer { devices { id pendingChangeCount } } }"
ADD_BOOK = "mutation AddBook($input: AddBookInput!) { addBook(input: $input) { userErrors { field message code } } }"
SEPARATE = """mutation Separate($input: SeparateDeviceInput!) { separateDevice(input: $input) {
  token session { createdAt } device { id name } userErrors { field message code } } }"""

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 15.0
TOO_LARGE, TOO_MANY = 413, 429


class Transport(Protocol):
    """Something that carries a document to the server and its data back; tests put their own faults between."""

    token: str | None

    async def execute(self, document: str, variables: Mapping[str, Any]) -> Json:
        """Send an operation; its data. Raise Unreachable, Refused, SignedOut or RateLimited."""

    async def close(self) -> None:
        """Let connections go."""


class HttpTransport:
    """Kept-alive connections to one server, which give up after a while: a server that hangs must not hang the device."""

    def __init__(self, url: str, token: str | None = None, *, seconds: float = ANSWER_SECONDS) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def execute(self, document: str, variables: Mapping[str, Any]) -> Json:
        """Send an operation; its data. Raise Unreachable, Refused, SignedOut or RateLimited."""
        body = {"query": document, "variables": variables}
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._http().post(f"{self.url}/graphql", json=body, headers=headers, allow_redirects=False) as response,
            ):
                return _data(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"No answer from {self.url}: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Let connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = aiohttp.ClientTimeout(total=self._seconds, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=limits)
        return self._session


def _data(status: int, headers: Mapping[str, str], body: bytes) -> Json:
    try:
        answer = json.loads(body)
        errors, data = answer.get("errors"), answer.get("data")
    except (ValueError, AttributeError) as error:
        raise _without_answer(status, headers) from error
    if errors:
        code = (errors[0].get("extensions") or {}).get("code", "INTERNAL_SERVER_ERROR")
        raise meaning(code, str(errors[0].get("message")), _retry_after(headers))
    if not isinstance(data, dict):
        raise Unreachable(f"The server answered {status} without data.")
    return data


def _without_answer(status: int, headers: Mapping[str, str]) -> DeviceError:
    """Translate what is no GraphQL answer: a proxy's page, or half of an answer."""
    if status == TOO_MANY:
        return RateLimited(_retry_after(headers))
    if status == TOO_LARGE:
        return Refused("BAD_USER_INPUT", "This is more than the server takes at once.")
    return Unreachable(f"The server answered {status}, and nothing that could be understood.")


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 5.0
