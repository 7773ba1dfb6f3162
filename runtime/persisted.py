"""Operations that clients name instead of sending them.

Three ways in, in this order: `documentId` (registered by `app.py persist`), Apollo's automatic persisted queries (a
SHA-256 that is told once with its text), and the text itself, unless only registered operations are taken.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.http import RequestRefused


class Documents(Protocol):
    """Where documents are kept."""

    async def registered(self, document_id: str) -> str | None:
        """Read an operation that was registered."""

    async def automatic(self, sha256: str) -> str | None:
        """Read an operation that a client told once."""

    async def keep(self, sha256: str, text: str) -> None:
        """Keep an operation that a client told."""


@dataclass(frozen=True, slots=True)
class Document:
    """The text of an operation, and whether it was named rather than sent."""

    text: str
    named: bool


class PersistedOperations:
    """Find the text of what a request asks for."""

    def __init__(self, documents: Documents, *, only_registered: bool) -> None:
        self._documents = documents
        self._only_registered = only_registered

    async def find(self, data: Mapping[str, Any]) -> Document:
        """Find the document; raise RequestRefused when there is none."""
        document_id, text = data.get("documentId"), data.get("query")
        if document_id is not None:
            return await self._registered(document_id)
        sha256 = _sha256_of(data.get("extensions") or {})
        if sha256 is not None:
            return await self._automatic(sha256, text)
        if text is None:
            raise RequestRefused(400, "A GraphQL request needs `query`, `documentId` or `extensions.persistedQuery`.")
        if self._only_registered:
            return await self._registered(f"sha256:{_hash(text)}")
        return Document(text, named=False)

    async def _registered(self, document_id: str) -> Document:
        found = await self._documents.registered(document_id)
        if found is None:
            raise RequestRefused(
                400, "This server does not know that operation: register it first.", "PERSISTED_QUERY_NOT_FOUND"
            )
        return Document(found, named=True)

    async def _automatic(self, sha256: str, text: str | None) -> Document:
        known = await self._documents.registered(f"sha256:{sha256}")
        if known is not None:
            return Document(known, named=True)
        if self._only_registered:
            raise RequestRefused(400, "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
        if text is None:
            found = await self._documents.automatic(sha256)
            if found is None:
                # The message and the status are part of Apollo's protocol.
                headers = {"Cache-Control": "no-store"}
                raise RequestRefused(200, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", headers)
            return Document(found, named=True)
        if not hmac.compare_digest(_hash(text), sha256):
            raise RequestRefused(400, "The hash is not that of the query.", "BAD_USER_INPUT")
        await self._documents.keep(sha256, text)
        return Document(text, named=False)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _sha256_of(extensions: Mapping[str, Any]) -> str | None:
    asked = extensions.get("persistedQuery")
    if asked is None:
        return None
    if not isinstance(asked, dict) or asked.get("version") != 1 or not isinstance(asked.get("sha256Hash"), str):
        raise RequestRefused(400, "`extensions.persistedQuery` is { version: 1, sha256Hash }.")
    sha256: str = asked["sha256Hash"].lower()
    return sha256
