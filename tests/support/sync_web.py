"""A reader on the web: one change at a time, without a device and without a queue."""

from typing import Any
from uuid import UUID

from auth.viewer import Viewer
from core.ids import global_id, uuid7
from services.sync.cursors import version
from tests.support.sync_model import Deed
from tests.support.sync_oracle import Oracle, must, values_of
from tests.support.sync_server import Server

_PAYLOAD = "highlight { uuid } fork { uuid } userErrors { code }"


class Web:
    """The page somebody looks at: it may be old."""

    def __init__(self, server: Server, viewer: Viewer, oracle: Oracle) -> None:
        self._server = server
        self._viewer = viewer
        self._oracle = oracle
        self._page: dict[str, str] = {}

    async def look(self) -> None:
        """Load the page: what is there, in which version."""
        epoch = self._server.container.epoch.current
        self._page = {str(row.id): version(epoch, row.seq) for row in await self._server.rows() if not row.deleted_at}

    async def create(self, book: Any, text: str, patch: dict[str, Any]) -> None:
        """Mark a passage."""
        draft = {"passage": {"text": text, "anchor": {}}} | patch
        uuid = str(uuid7())
        payload = await self._do("createHighlight", book=book, uuid=uuid, **draft)
        must(payload["userErrors"] == [], "refused:", payload)
        self._tell(uuid, "create", draft, None, payload)

    async def edit(self, nth: int, patch: dict[str, Any], *, knows: bool) -> None:
        """Edit the nth highlight of the page."""
        uuid, based_on = self._nth(nth, knows=knows)
        if uuid is not None:
            payload = await self._do("updateHighlight", id=_id(uuid), basedOn=based_on, **patch)
            self._compare(uuid, "edit", patch, based_on, payload)

    async def delete(self, nth: int, *, knows: bool) -> None:
        """Delete the nth highlight of the page."""
        uuid, based_on = self._nth(nth, knows=knows)
        if uuid is not None:
            payload = await self._do("deleteHighlight", id=_id(uuid), basedOn=based_on)
            self._compare(uuid, "delete", {}, based_on, payload)

    async def restore(self, nth: int) -> None:
        """Bring back the nth highlight of the trash."""
        gone = sorted(str(row.id) for row in await self._server.rows() if row.deleted_at and not row.erased_at)
        if gone:
            uuid = gone[nth % len(gone)]
            self._compare(uuid, "restore", {}, None, await self._do("restoreHighlight", id=_id(uuid)))

    def _nth(self, nth: int, *, knows: bool) -> tuple[str | None, str | None]:
        if not self._page:
            return None, None
        uuid = sorted(self._page)[nth % len(self._page)]
        return uuid, self._page[uuid] if knows else None

    async def _do(self, name: str, **given: Any) -> Any:
        kind = name[0].upper() + name[1:] + "Input"
        query = f"mutation($input: {kind}!) {{ it: {name}(input: $input) {{ {_PAYLOAD} }} }}"
        return (await self._server.ask(self._viewer, query, input=given))["it"]

    def _compare(self, uuid: str, kind: str, body: Any, based_on: str | None, payload: Any) -> None:
        entry = self._oracle.model.entries.get(uuid)
        there = entry is not None and not entry.erased and (kind != "edit" or entry.alive)
        must(there == (payload["userErrors"] == []), kind, uuid, "is answered", payload)
        if there:
            self._tell(uuid, kind, body, based_on, payload)

    def _tell(self, uuid: str, kind: str, body: Any, based_on: str | None, payload: Any) -> None:
        writer, now, oracle = str(self._viewer.writer_id), self._server.now, self._oracle
        twin = (payload["fork"] or {}).get("uuid")
        deed = Deed(str(uuid7()), uuid, kind, values_of(kind, body), writer, now, oracle.seen(based_on), twin)
        before = oracle.standing(uuid)
        outcome = oracle.model.do(deed, now)
        must((outcome == "FORKED") == (twin is not None), deed, "is", payload, "and should be", outcome)
        oracle.ack(deed, outcome, twin, before)


def _id(uuid: str) -> str:
    return global_id("Highlight", UUID(uuid))
