"""One reader's devices and the server, step by step: what the state machine draws from, and what tests write out."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.ids import uuid7
from device import changes
from device.engine import Engine
from tests.support.sync_oracle import Copy, Oracle, values_of
from tests.support.sync_phone import Diverged, Phone, Sent
from tests.support.sync_server import Backup, Server
from tests.support.sync_web import Web

BOOK = {"named": {"title": "The Salt Almanac", "authors": ["Orla Finch"]}}
NAMES = ("phone", "tablet", "kindle")
YEAR = timedelta(days=365)
CLOCKS = (timedelta(0), YEAR, -YEAR, timedelta(minutes=7))
WAITS = {
    "wait 1 minute": timedelta(minutes=1),
    "wait 31 days": timedelta(days=31),
    "wait 181 days": timedelta(days=181),
}


Move = Callable[[Phone, int, str], Awaitable[Any]]


def _at_once(move: Callable[[Phone, int, str], Any]) -> Move:
    async def moved(phone: Phone, nth: int, what: str) -> Any:
        return move(phone, nth, what)

    return moved


class World:
    """One reader's devices, the server, and what both are held against; every step of the machine is a method."""

    def __init__(self, server: Server, folder: Path, kind: type[Engine]) -> None:
        self.server = server
        self.oracle = Oracle(server)
        self._folder = folder
        self._kind = kind
        self.phones: list[Phone] = []
        self.under_way: list[Sent] = []
        self.sent: list[Sent] = []
        self.backup: tuple[Backup, Copy] | None = None
        self.held: dict[tuple[str, str], set[str]] = {}
        self._words = 0

    async def begin(self) -> None:
        """Make the reader and the devices."""
        viewers = await self.server.begin(NAMES)
        for name in NAMES:
            path = self._folder / f"{name}-{uuid7()}"
            self.phones.append(Phone(self.server, viewers[name], path, self._kind, self.oracle.arrived))
        self.web = Web(self.server, viewers["web"], self.oracle)

    async def close(self) -> None:
        """Switch everything off."""
        for phone in self.phones:
            await phone.close()

    def words(self, kind: str) -> str:
        """Find new words; their number tells when."""
        self._words += 1
        return f"{kind} {self._words}"

    def patch(self, what: str) -> dict[str, Any]:
        """Make up an edit of these registers: p, n, c1-c5, v1-v4."""
        made: dict[str, Any] = {}
        for part in what.split():
            if part == "p":
                made["passage"] = changes.passage(self.words("passage"))
            elif part == "n":
                made["note"] = self.words("note")
            else:
                made["color" if part[0] == "c" else "visibility"] = part[1:]
        return made

    async def begin_with_some(self, phone: Phone, count: int) -> None:
        """Make some highlights that all devices have."""
        for _ in range(count):
            self.create(phone, "n")
        for each in [phone, *self.phones]:
            await each.sync()

    async def act(self, step: str, phone: Phone, nth: int, what: str) -> bool:
        """Do a step; False when there is nothing to do it with."""
        kind, _, fate = step.partition(", ")
        if step in WAITS:
            await self.pass_time(WAITS[step])
        elif kind.startswith("web "):
            await self._on_the_web(kind[4:], nth, what, knows=fate == "version told")
        elif kind == "push":
            await self.push(phone, fate)
        elif kind == "pull":
            await self.pull(phone, (1, 2, 3, 500)[nth % 4], fate)
        else:
            return await self._moves()[step](phone, nth, what) is not False
        return True

    def _moves(self) -> dict[str, Move]:
        return {
            "create": _at_once(lambda phone, _, what: self.create(phone, what)),
            "edit": _at_once(self.edit),
            "edit at the same moment": _at_once(self.edit_apart),
            "delete": _at_once(lambda phone, nth, _: self.delete(phone, nth)),
            "restore": _at_once(lambda phone, nth, _: self.restore(phone, nth)),
            "sync": lambda phone, *_: phone.sync(),
            "hear": lambda phone, nth, _: phone.hear((1, 2, None, None)[nth % 4]),
            "hang up": lambda phone, *_: phone.hang_up(),
            "late push": lambda _, nth, __: self.late(nth),
            "repeated push": lambda _, nth, __: self.repeat(nth),
            "late answer": _at_once(lambda phone, *_: self.answer(phone)),
            "crash": lambda phone, *_: phone.crash(),
            "set clock": _at_once(lambda phone, nth, _: self.set_clock(phone, CLOCKS[nth % len(CLOCKS)])),
            "back up": lambda *_: self.make_backup(),
            "restore backup": lambda *_: self.restore_backup(),
            "settle": lambda *_: self.settle(),
        }

    async def _on_the_web(self, kind: str, nth: int, what: str, *, knows: bool) -> None:
        if kind == "create":
            await self.web.create(BOOK, self.words("passage"), self.patch(what))
        elif kind == "edit":
            await self.web.edit(nth, self.patch(what), knows=knows)
        elif kind == "delete":
            await self.web.delete(nth, knows=knows)
        else:
            await (self.web.look() if kind == "look" else self.web.restore(nth))

    # --- users ---

    def create(self, phone: Phone, what: str) -> str:
        """Mark a passage on a device."""
        patch = self.patch(what)
        text = patch.pop("passage", {"text": self.words("passage")})["text"]
        with self._doing(phone, {}):
            return phone.engine.create(BOOK, text, **patch)

    def edit(self, phone: Phone, nth: int, what: str) -> bool:
        """Edit the nth highlight that a device shows."""
        return self._with(phone, nth, lambda uuid: phone.engine.edit(uuid, **self.patch(what)))

    def edit_apart(self, phone: Phone, nth: int, what: str) -> bool:
        """Edit on two devices at the same moment."""
        other = self.phones[(self.phones.index(phone) + 1) % len(self.phones)]
        return self.edit(phone, nth, what) & self.edit(other, nth, what)

    def delete(self, phone: Phone, nth: int) -> bool:
        """Delete the nth highlight that a device shows."""
        return self._with(phone, nth, phone.engine.delete)

    def restore(self, phone: Phone, nth: int) -> bool:
        """Bring back the nth highlight that a device remembers as deleted; delete one when there is none."""
        gone = sorted(tombstone.uuid for tombstone in phone.store.tombstones() if tombstone.body)
        gone = [uuid for uuid in gone if uuid not in phone.holds]
        if gone:
            with self._doing(phone, {}):
                phone.engine.restore(gone[nth % len(gone)])
            return True
        self.delete(phone, nth)
        return False

    def _with(self, phone: Phone, nth: int, act: Callable[[str], None]) -> bool:
        shown = phone.holds
        if shown:
            uuid = sorted(shown)[nth % len(shown)]
            with self._doing(phone, shown[uuid]):
                act(uuid)
        return bool(shown)

    @contextmanager
    def _doing(self, phone: Phone, saw: dict[str, Any]) -> Iterator[None]:
        known = {op.op_id for op in phone.queue()}
        yield
        for op in phone.queue():
            if op.op_id not in known:
                self.oracle.did(op.op_id, values_of(op.kind, op.change[op.kind]), saw)

    # --- the network ---

    async def push(self, phone: Phone, fate: str) -> None:
        """Let a device push; its request or its answer may have a fate."""
        sent = phone.send()
        if sent is None or fate == "request lost":
            return
        self.sent = [*self.sent[-7:], sent]
        if fate == "request delayed":
            self.under_way.append(sent)
            return
        payload = await phone.arrive(sent)
        await self._answer(phone, fate, lambda: phone.engine.take_push(sent.request, payload))

    async def pull(self, phone: Phone, first: int, fate: str) -> None:
        """Let a device pull; the answer may have a fate."""
        request, page = await phone.pulled(first)
        await self._answer(phone, fate, lambda: phone.engine.take_page(request, page))

    async def _answer(self, phone: Phone, fate: str, take: Callable[[], Any]) -> None:
        if fate == "answer delayed":
            phone.answers.append(take)
        elif fate.startswith("crash"):
            await phone.crash_while(take, int(fate.split()[1]))
        elif fate != "answer lost":
            take()

    async def late(self, nth: int) -> bool:
        """Let a delayed request arrive after all; nobody waits for its answer."""
        if not self.under_way:
            return False
        sent = self.under_way.pop(nth % len(self.under_way))
        await sent.phone.arrive(sent)
        return True

    async def repeat(self, nth: int) -> bool:
        """Let the network deliver a request again, which was delivered or lost before."""
        if not self.sent:
            return False
        sent = self.sent[nth % len(self.sent)]
        await sent.phone.arrive(sent)
        return True

    def answer(self, phone: Phone) -> bool:
        """Let the oldest delayed answer arrive."""
        if not phone.answers:
            return False
        phone.answers.pop(0)()
        return True

    # --- time ---

    async def pass_time(self, time: timedelta) -> None:
        """Let time pass; nothing stays on the network for days."""
        if time >= timedelta(days=1):
            self.under_way.clear()
            self.sent.clear()
            for phone in self.phones:
                phone.answers.clear()
        await self.server.pass_time(time)
        self.oracle.pass_time()

    def set_clock(self, phone: Phone, wrong_by: timedelta) -> bool:
        """Set a clock wrong, between two pieces of work."""
        free = not phone.queue() and not self.under_way
        if free:
            phone.set_clock(wrong_by)
        return free

    async def make_backup(self) -> None:
        """Back the server up."""
        self.backup = await self.server.backup(), self.oracle.copy()

    async def restore_backup(self) -> bool:
        """Put the server back to its backup; it has been down, so that nothing is under way."""
        if self.backup is None:
            await self.make_backup()
            return False
        self.under_way.clear()
        for phone in self.phones:
            await phone.hang_up()
        await self.server.restore(self.backup[0])
        self.oracle.go_back(self.backup[1])
        self.oracle.pass_time()
        await self.server.pass_time(timedelta(0))
        self.held = {}
        for phone in self.phones:
            for uuid, shown in phone.holds.items():
                for name in ("passage", "note"):
                    if shown[name]:
                        self.held.setdefault((uuid, name), set()).add(shown[name])
        return True

    async def settle(self) -> None:
        """Let all devices sync until nothing moves, and compare everything."""
        self.under_way.clear()
        for _ in range(20):
            # Small pages: a run of pulls has to end even if it is cut anywhere.
            if sum([await phone.sync(first=2) for phone in self.phones]) == 0:
                break
        else:
            raise Diverged("devices do not come to rest")
        await self.oracle.at_rest(self.phones, self.held)
