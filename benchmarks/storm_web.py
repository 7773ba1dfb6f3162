"""The web client of a storm's reader: one request for each operation, each with an idempotency key, some sent again and again."""

import asyncio
import random
import time
from dataclasses import dataclass, field, replace
from typing import Any, Self

import aiohttp

from benchmarks import client
from benchmarks.client import Client, NotSent, Refused, Unknown
from benchmarks.storm_ledger import UNKNOWN, Asked, Ledger
from benchmarks.storm_players import BOOKS, COLORS, VISIBILITIES, Load

MUTATIONS = {
    "create": ("createHighlight", "CreateHighlightInput"),
    "edit": ("updateHighlight", "UpdateHighlightInput"),
    "delete": ("deleteHighlight", "DeleteHighlightInput"),
    "restore": ("restoreHighlight", "RestoreHighlightInput"),
}
LIST = "{ viewer { highlights(first: 40, orderBy: UPDATED) { nodes { id uuid version } } } }"
SENDS = 4
"""How often an operation is sent at once; what is unknown then is sent again after the storm."""


@dataclass(eq=False)
class Sent:
    """An operation on its way."""

    asked: Asked
    variables: dict[str, Any]


@dataclass(eq=False)
class WebWriter:
    """Somebody who edits in a browser, without a device."""

    reader: str
    client: Client
    ledger: Ledger
    seed: int
    number: int
    unknown: list[Sent] = field(default_factory=list)
    _listed: list[dict[str, str]] = field(default_factory=list)
    _deleted: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def through(self, url: str) -> Self:
        """Go through a proxy from here on."""
        self.client = replace(self.client, url=url)
        return self

    async def work(self, stop: asyncio.Event, load: Load) -> None:
        """Write one thing after another until told to stop, or until all are made."""
        while not stop.is_set():
            await asyncio.sleep(self._chance.uniform(0.02, 0.3))
            if not self._listed or self._chance.random() < 0.1:
                await self._list()
            made = self._make()
            if made is None:
                continue
            if load.is_over:
                return
            load.done += 1
            self.ledger.invoke(made.asked)
            await self._send_until_known(made)

    async def settle(self, seconds: float = 60.0) -> None:
        """Send what is still unknown again, with its own key, until it is known."""
        deadline = time.monotonic() + seconds
        while self.unknown and time.monotonic() < deadline:
            for sent in list(self.unknown):
                await self._send(sent)
            await asyncio.sleep(0.1)

    async def _list(self) -> None:
        try:
            self._listed = (await self.client.ask(LIST))["viewer"]["highlights"]["nodes"]
        except (NotSent, Unknown):
            await asyncio.sleep(0.2)
        except Refused as error:
            self.ledger.surprises.append(f"a list was refused: {error}")
            await asyncio.sleep(0.2)

    async def _send_until_known(self, sent: Sent) -> None:
        self.unknown.append(sent)
        for _ in range(self._chance.choice((1, SENDS))):
            await self._send(sent)
            if sent.asked.outcome != UNKNOWN:
                return
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))

    async def _send(self, sent: Sent) -> None:
        asked = sent.asked
        asked.tries += 1
        # Of a request that is sent again, only the server knows when it took it.
        asked.known_offset = asked.tries == 1
        try:
            name, kind = MUTATIONS[asked.kind]
            mutation = f"mutation($input: {kind}!) {{ it: {name}(input: $input) {{ {ANSWER} }} }}"
            payload = await self.client.change(mutation, **sent.variables)
        except NotSent:
            return
        except Unknown as error:
            asked.why = str(error)
            return
        except Refused as error:
            # A key whose thing is gone was taken at an earlier try.
            gone = str(error).startswith("GONE") and asked.tries > 1
            self.ledger.tell(asked.key, "APPLIED" if gone else "REJECTED", why=f"web {error}")
        else:
            fork = payload["fork"]["uuid"] if payload["fork"] else None
            self.ledger.tell(asked.key, "FORKED" if fork else "APPLIED", fork=fork)
        self.unknown.remove(sent)

    def _make(self) -> Sent | None:
        number = self.ledger.unique()
        wish = self._chance.random()
        if wish < 0.25 or not self._listed:
            return self._create(number)
        if wish < 0.32:
            gone = self._listed.pop(self._chance.randrange(len(self._listed)))
            self._deleted.append(gone)
            return self._sent("delete", gone["uuid"], {"alive": False}, {"id": gone["id"]})
        if wish < 0.38 and self._deleted:
            back = self._deleted.pop(self._chance.randrange(len(self._deleted)))
            return self._sent("restore", back["uuid"], {"alive": True}, {"id": back["id"]})
        return self._edit(number, self._chance.choice(self._listed))

    def _create(self, number: int) -> Sent:
        says = {"text": f"Line {number}, typed in a browser.", "color": self._chance.choice(COLORS)}
        given = {"book": self._chance.choice(BOOKS), "passage": {"text": says["text"], "anchor": {}}}
        return self._sent("create", "", says, {**given, "color": says["color"]})

    def _edit(self, number: int, target: dict[str, str]) -> Sent:
        offers = {
            "text": f"Line {number}, corrected in a browser.",
            "note": f"note {number}",
            "color": self._chance.choice(COLORS),
            "visibility": self._chance.choice(VISIBILITIES),
        }
        says = {name: offers[name] for name in self._chance.sample(sorted(offers), self._chance.choice((1, 2)))}
        patch: dict[str, Any] = {name: value for name, value in says.items() if name != "text"}
        if "text" in says:
            patch["passage"] = {"text": says["text"], "anchor": {}}
        based_on = target["version"] if self._chance.random() < 0.5 else None
        return self._sent("edit", target["uuid"], says, {"id": target["id"], **patch, "basedOn": based_on}, based_on)

    def _sent(
        self, kind: str, uuid: str, says: dict[str, Any], variables: dict[str, Any], based_on: str | None = None
    ) -> Sent:
        key = f"web-{self.number}-{self._chance.getrandbits(64):016x}"
        asked = Asked(key, self.reader, f"web {self.number}", kind, uuid, says, based_on, time.time())
        return Sent(asked, {**variables, "clientMutationId": key})


ANSWER = "highlight { uuid } fork { uuid } userErrors { code message }"


async def open_browser(
    url: str, http: aiohttp.ClientSession, reader: str, ledger: Ledger, *, seed: int, number: int
) -> WebWriter:
    """Sign a reader in without a device."""
    made = await Client(http, url).change(client.SIGN_IN, login=reader, password=client.PASSWORD)
    return WebWriter(reader, Client(http, url, made["token"]), ledger, seed, number)
