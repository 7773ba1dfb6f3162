"""Pull, push and listen as a device does."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text

from auth.viewer import Viewer
from core.ids import read_id, uuid7
from runtime.container import Container
from tests.support.api import PASSWORD, Reader, Socket

BOOK = {"named": {"title": "The Salt Almanac", "authors": ["Orla Finch"]}}
CHANGE = """
  __typename
  ... on HighlightUpserted { cursor originDeviceId
    highlight { uuid text note color visibility version deletedAt book { title } conflictOf { uuid } } }
  ... on HighlightRemoved { cursor uuid removedAt }
"""
PAGE = f"changes {{ {CHANGE} }} cursor hasMore resync"
PULL = f"""query($deviceId: ID, $after: String, $first: Int) {{
  highlightChanges(deviceId: $deviceId, after: $after, first: $first) {{ {PAGE} }} }}"""
LIVE = f"""subscription($deviceId: ID!, $after: String) {{ highlightChanges(deviceId: $deviceId, after: $after) {{
  {CHANGE} ... on SyncCaughtUp {{ cursor }} ... on ResyncRequired {{ reason }} }} }}"""
HIGHLIGHT = "uuid text note color visibility version deletedAt restorableUntil conflictOf { uuid }"
RESULT = f"opId outcome replayed highlight {{ {HIGHLIGHT} }} fork {{ {HIGHLIGHT} }} error {{ field message code }}"
PUSH = f"results {{ {RESULT} }} changes {{ {PAGE} }}"


def op(change: Mapping[str, Any], uuid: UUID | str | None = None, **more: Any) -> dict[str, Any]:
    """Make an operation, done now unless told."""
    done_at = more.pop("done_at", None) or datetime.now(UTC)
    made = {
        "opId": str(more.pop("op_id", None) or uuid4()),
        "highlightUuid": str(uuid or uuid7()),
        "doneAt": done_at.isoformat(),
        "change": dict(change),
    }
    return made | ({"basedOn": more["based_on"]} if more.get("based_on") else {})


def making(text: str = "Salt keeps what summer gives.", **more: Any) -> dict[str, Any]:
    """Make the change of a create operation."""
    return {"create": {"book": BOOK, "passage": {"text": text, "anchor": {}}} | more}


def editing(**registers: Any) -> dict[str, Any]:
    """Make the change of an edit operation."""
    return {"edit": registers}


async def sign_in(reader: Reader, name: str) -> Reader:
    """Sign the same reader in on another device."""
    payload = await reader.mutate(
        "signIn",
        "token viewer { devices { id name } }",
        login=reader.username,
        password=PASSWORD,
        device={"name": name, "platform": "test"},
    )
    assert not payload["userErrors"]
    device = next(d["id"] for d in payload["viewer"]["devices"] if d["name"] == name)
    return Reader(reader.http, payload["token"], reader.username, reader.id, device)


async def push(
    reader: Reader, *ops: dict[str, Any], after: str | None = None, sent_at: datetime | None = None, **more: Any
) -> Any:
    """Send operations; the payload."""
    sent = (sent_at or datetime.now(UTC)).isoformat()
    device = more.pop("device_id", reader.device_id)
    return await reader.mutate(
        "pushHighlightChanges", PUSH, deviceId=device, after=after, sentAt=sent, ops=list(ops), **more
    )


async def pushed(reader: Reader, *ops: dict[str, Any], **more: Any) -> list[Any]:
    """Send operations that are taken; their results."""
    payload = await push(reader, *ops, **more)
    assert not payload["userErrors"], payload["userErrors"]
    results: list[Any] = payload["results"]
    return results


async def pull(reader: Reader, after: str | None = None, first: int = 100, *, device: bool = True) -> Any:
    """Pull one page."""
    data = await reader.run(PULL, deviceId=reader.device_id if device else None, after=after, first=first)
    return data["highlightChanges"]


async def pull_all(reader: Reader, after: str | None = None, first: int = 100) -> tuple[list[Any], str]:
    """Pull until there is no more; the changes and the last cursor."""
    changes: list[Any] = []
    while True:
        page = await pull(reader, after, first)
        assert page["resync"] is None, page["resync"]
        changes += page["changes"]
        after = page["cursor"]
        if not page["hasMore"]:
            return changes, page["cursor"]


def uuid_of(change: Mapping[str, Any]) -> str:
    """Name the highlight of a change."""
    uuid: str = change["uuid"] if "uuid" in change else change["highlight"]["uuid"]
    return uuid


def state_of(changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Apply changes as a device does; what it then holds."""
    held: dict[str, Any] = {}
    for change in changes:
        if change["__typename"] == "HighlightRemoved":
            held.pop(change["uuid"], None)
        else:
            held[change["highlight"]["uuid"]] = change["highlight"]
    return held


async def listening(socket: Socket, reader: Reader, after: str | None = None) -> str:
    """Subscribe to a device's changes."""
    return await socket.subscribe(LIVE, deviceId=reader.device_id, after=after)


async def caught_up(socket: Socket, patience: float = 10) -> tuple[list[Any], str]:
    """Read the backfill up to SyncCaughtUp; the changes and the cursor."""
    changes: list[Any] = []
    while True:
        event = (await socket.next(patience))["highlightChanges"]
        if event["__typename"] == "SyncCaughtUp":
            return changes, event["cursor"]
        changes.append(event)


def forged(cursor: str, **parts: Any) -> str:
    """Change parts of a cursor: owner, epoch, base, seq."""
    names = ["kind", "owner", "epoch", "base", "seq"]
    spelled = dict(zip(names, orjson.loads(base64.urlsafe_b64decode(cursor + "==")), strict=True)) | parts
    return base64.urlsafe_b64encode(orjson.dumps(list(spelled.values()))).decode().rstrip("=")


def ago(**time: float) -> datetime:
    """Tell a moment in the past."""
    return datetime.now(UTC) - timedelta(**time)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    """Wait until something holds."""
    for _ in range(int(seconds / 0.05)):
        if await holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen in time")


async def everything(container: Container) -> list[Any]:
    """Read all that a push can write."""
    statements = (
        "SELECT id, seq, text, note, color, updated_at FROM highlights ORDER BY id",
        "SELECT user_id, seq, floor FROM sync_counters ORDER BY user_id",
        "SELECT op_id, outcome, created_at FROM sync_outcomes ORDER BY op_id",
        "SELECT id, title FROM books ORDER BY id",
    )
    async with container.database.reading() as session:
        return [list(map(tuple, await session.execute(text(statement)))) for statement in statements]


def viewer_of(reader: Reader) -> Viewer:
    """See with a reader's eyes, below the API."""
    return Viewer(user_id=read_id(reader.id, "User"))


async def some(ada: Reader, count: int = 7) -> list[str]:
    """Make highlights, then edit the second, delete the third and restore the fourth."""
    uuids = [str(uuid7()) for _ in range(count)]
    await pushed(ada, *(op(making(f"Passage {n}.", note=f"note {n}"), uuid) for n, uuid in enumerate(uuids)))
    await pushed(
        ada,
        op(editing(note="edited"), uuids[1]),
        op({"delete": True}, uuids[2]),
        op({"delete": True}, uuids[3]),
        op({"restore": True}, uuids[3]),
    )
    return uuids
