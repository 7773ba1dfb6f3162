"""Register operations, so that clients name them instead of sending them."""

import asyncio
import hashlib
from pathlib import Path

import orjson
from graphql import GraphQLError, parse, validate

from core.settings import Settings
from runtime.launch import CannotStart, backends, container_of, require_current
from schema.describe import core_schema

ID_LENGTH = 200


async def persist(settings: Settings, stop: asyncio.Event, path: Path) -> int:
    """Register the operations of a manifest: Apollo's, or Relay's map of names to texts."""
    try:
        documents = read_manifest(path.read_bytes())  # noqa: ASYNC240 - nothing else runs yet
    except (OSError, ValueError) as error:
        raise CannotStart(f"{path} cannot be registered: {error}") from None
    _check(documents)
    async with backends(settings, stop) as found, container_of(settings, found) as container:
        await require_current(found.database_url)
        async with container.transaction() as services:
            new = await services.documents.register(documents)
    print(f"{new} operations registered, {len(documents) - new} were known.")
    return 0


def read_manifest(raw: bytes) -> dict[str, str]:
    """Read a manifest into texts by id; each is also registered by its hash, as `sha256:…`, for clients that send that.

    Apollo's is {"format": "apollo-persisted-query-manifest", "operations": [{"id", "body"}]}, Relay's is {"id": "text"}.
    """
    try:
        manifest = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error})") from None
    if not isinstance(manifest, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - one kind of error for what is in a file
    pairs = manifest.items()
    if manifest.get("format") == "apollo-persisted-query-manifest":
        pairs = [(one.get("id"), one.get("body")) for one in manifest.get("operations", [])]  # type: ignore[assignment]
    documents: dict[str, str] = {}
    for key, text in pairs:
        if not isinstance(key, str) or not isinstance(text, str) or not 0 < len(key) <= ID_LENGTH:
            raise ValueError(f"the entry {key!r} is not a name of up to {ID_LENGTH} characters with a text")
        documents[key] = text
        documents[f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"] = text
    return documents


def _check(documents: dict[str, str]) -> None:
    # The schema takes half a second to build, which no other command should pay for.
    from schema.root import schema

    for key, text in documents.items():
        try:
            errors = validate(core_schema(schema), parse(text))
        except GraphQLError as error:
            errors = [error]
        if errors:
            raise CannotStart(f"The operation {key} does not fit this server: {errors[0].message}")
