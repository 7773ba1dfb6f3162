"""After a restore devices come back with what the backup has not seen: nothing that only they hold is lost."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from core.ids import uuid7
from tests.support.api import Reader, sign_up
from tests.support.backups import House
from tests.support.sync import editing, making, op, sign_in

ISBN_BOOK = {"isbn": "9780306406157"}
NAMED_BOOK = {"named": {"title": "Letters to a Lighthouse", "authors": ["Orla Finch"]}}
FULL = "uuid text note color visibility version createdAt updatedAt anchor { page } book { isbn title authors }"
CHANGE = (
    f"""__typename ... on HighlightUpserted {{ highlight {{ {FULL} }} }} ... on HighlightRemoved {{ uuid removedAt }}"""
)
PULL = f"""query($deviceId: ID, $after: String) {{ highlightChanges(deviceId: $deviceId, after: $after, first: 2) {{
  changes {{ {CHANGE} }} cursor hasMore resync }} }}"""
PUSH = "results { outcome error { code message } } changes { resync }"


@dataclass
class Gadget:
    """A device as the rules for clients have it: rows, tombstones, a cursor, the last operation it was told of."""

    reader: Reader
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    tombs: dict[str, str] = field(default_factory=dict)
    after: str | None = None
    told: str = field(default_factory=lambda: str(uuid4()))

    async def send(self, *ops: dict[str, Any]) -> Any:
        """Push, and hear the outcomes."""
        sent_at = datetime.now(UTC).isoformat()
        payload = await self.reader.mutate(
            "pushHighlightChanges",
            PUSH,
            deviceId=self.reader.device_id,
            after=self.after,
            previousOpId=self.told,
            sentAt=sent_at,
            ops=list(ops),
        )
        if payload["results"]:
            self.told = ops[-1]["opId"]
        return payload

    async def do(self, *ops: dict[str, Any]) -> None:
        """Push work that is taken."""
        payload = await self.send(*ops)
        assert not payload["userErrors"], payload
        assert {r["outcome"] for r in payload["results"]} == {"APPLIED"}, payload

    async def pull(self) -> str | None:
        """Pull all there is; why it has to begin anew, if it does."""
        while True:
            page = (await self.reader.run(PULL, deviceId=self.reader.device_id, after=self.after))["highlightChanges"]
            if page["resync"]:
                return str(page["resync"])
            for change in page["changes"]:
                self._take(change)
            self.after = page["cursor"]
            if not page["hasMore"]:
                return None

    def _take(self, change: dict[str, Any]) -> None:
        if change["__typename"] == "HighlightRemoved":
            self.rows.pop(change["uuid"], None)
            self.tombs[change["uuid"]] = change["removedAt"]
        else:
            self.rows[change["highlight"]["uuid"]] = change["highlight"]
            self.tombs.pop(change["highlight"]["uuid"], None)

    async def come_back(self) -> list[str]:
        """Do as EPOCH_CHANGED says: offer every row and every tombstone again, then pull from null."""
        assert await self.pull() == "EPOCH_CHANGED"
        refused = await self.send(op(making("Too soon.")))
        assert refused["userErrors"][0]["code"] == "STALE_VERSION"
        assert refused["changes"]["resync"] == "EPOCH_CHANGED"
        self.after = None
        for book in (row["book"] for row in self.rows.values() if row["book"]["isbn"]):
            # The backup may not know a book of theirs, and an ISBN alone makes none.
            added = await self.reader.mutate("addBook", "book { id }", **book)
            assert added["book"], added
        offers = [_offer(row) for row in self.rows.values()] + [
            op({"delete": True}, uuid, done_at=datetime.fromisoformat(removed)) for uuid, removed in self.tombs.items()
        ]
        payload = await self.send(*offers)
        assert not payload["userErrors"], payload
        held, self.rows = self.rows, {}
        assert await self.pull() is None
        assert set(held) <= set(self.rows) | set(self.tombs), "what a device holds is there, or deleted"
        return [result["outcome"] for result in payload["results"]]

    @property
    def holds(self) -> dict[str, tuple[Any, ...]]:
        """What its reader sees."""
        return {
            uuid: (
                row["text"],
                row["note"],
                row["color"],
                row["createdAt"],
                row["book"]["title"],
                row["anchor"]["page"],
            )
            for uuid, row in self.rows.items()
        }


def _offer(row: dict[str, Any]) -> dict[str, Any]:
    named = {"named": {"title": row["book"]["title"], "authors": row["book"]["authors"]}}
    draft = {
        "book": {"isbn": row["book"]["isbn"]} if row["book"]["isbn"] else named,
        "passage": {"text": row["text"], "anchor": row["anchor"]},
        "note": row["note"] or "",
        "color": row["color"],
        "visibility": row["visibility"],
        "createdAt": row["createdAt"],
    }
    return op({"create": draft}, row["uuid"], done_at=datetime.fromisoformat(row["updatedAt"]))


@dataclass
class Story:
    """Who is there, before and after."""

    home: House
    phone: Gadget
    tablet: Gadget
    kindle: Gadget


def _new(text: str, book: dict[str, Any], **more: Any) -> dict[str, Any]:
    change = making(text, **more)
    change["create"]["book"] = book
    change["create"]["passage"]["anchor"] = {"page": "xii"}
    return change


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=str)
async def test_nothing_that_only_devices_hold_is_lost_and_all_converge(servers: House, order: tuple[int, ...]) -> None:
    await servers.clear()
    kept, edited, deleted, created, gone, late = (str(uuid7()) for _ in range(6))
    backup = f"{uuid4()}.tar"
    async with servers.open() as http:
        phone = Gadget(await sign_up(http, "ada"))
        tablet, kindle = Gadget(await sign_in(phone.reader, "Tablet")), Gadget(await sign_in(phone.reader, "Kindle"))
        devices = (phone, tablet, kindle)
        await phone.do(
            op(_new("Kept.", NAMED_BOOK), kept),
            op(_new("Edited.", NAMED_BOOK, note="first"), edited),
            op(_new("Deleted.", NAMED_BOOK), deleted),
            op(_new("Gone.", NAMED_BOOK), gone),
        )
        await tablet.pull()
        await kindle.pull()
        await servers.backup(backup)
        await tablet.reader.mutate("addBook", "book { id }", title="Unseen", authors=["Ida Marsh"], **ISBN_BOOK)
        await tablet.do(op(_new("Made after.", ISBN_BOOK), created))
        await phone.do(op(editing(note="second", color="PINK"), edited), op({"delete": True}, deleted))
        await phone.pull()
        await tablet.do(op({"delete": True}, gone))
        await tablet.pull()
        # The phone never heard of the last; the Kindle of nothing since the backup, and has its own since then.
        assert set(phone.rows) == {kept, edited, created, gone}
        assert set(tablet.rows) == {kept, edited, created}
        unheard = {"named": {"title": "Far Away", "authors": []}}
        kindle_op = op(_new("Made far away.", unheard, createdAt="2026-01-02T03:04:05Z"), late)
        expected = dict(tablet.holds)
    await servers.restore(servers.folder / backup, replace=True)
    assert await servers.ask("SELECT count(*) FROM highlights") == 4
    async with servers.open() as http:
        for device in devices:
            device.reader.http = http
        for number in order:
            await devices[number].come_back()
        await kindle.do(kindle_op)
        for device in devices:
            assert await device.pull() is None
        expected[late] = ("Made far away.", None, "YELLOW", "2026-01-02T03:04:05.000000Z", "Far Away", "xii")
        assert phone.holds == tablet.holds == kindle.holds == expected
        assert {deleted, gone} <= set(phone.tombs)
        fresh = Gadget(await sign_in(phone.reader, "New"))
        await fresh.pull()
        assert fresh.holds == expected
        # And life goes on: no device is taken for a copy of itself.
        for device in devices:
            await device.do(op(editing(note="after"), kept))
