"""Ask as a viewer, and compare what leaves, byte for byte, with what the rules say."""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient

from app import BROKER, CONTAINER
from schema import extensions, root
from schema.limits import Limits
from tests.support.api import Reader
from tests.support.matrix_oracle import House, Refused
from tests.support.matrix_paths import Branch, Leaves, flatten
from tests.support.matrix_roots import Call, Document
from tests.support.matrix_things import CANARY
from tests.support.matrix_world import World
from tests.support.sync import until

_PACKED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_LAST_EVENTS = {"SyncCaughtUp", "ResyncRequired", "PostCounts"}
PATIENCE = 20.0
Http = TestClient[Any, Any]


def canaries_in(raw: bytes) -> set[str]:
    """Find canaries in bytes, and in what is packed in them as base64."""
    text = raw.decode("utf-8", "replace")
    found = set(CANARY.findall(text.lower()))
    for packed in set(_PACKED.findall(text)):
        try:
            opened = base64.b64decode(packed.rstrip("=") + "==", altchars=b"-_")
        except (binascii.Error, ValueError):
            continue
        found |= set(CANARY.findall(opened.decode("latin-1").lower()))
    return found


def explained(world: World, value: str) -> str:
    """Say what each canary in a text is."""
    return CANARY.sub(lambda found: f"<{world.canaries.meaning[found[0]]}>", value)


def lift_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a document ask for any amount: who may see a thing is not a question of how much."""
    endless = Limits(**dict.fromkeys((one.name for one in fields(Limits)), 10**9))
    monkeypatch.setattr(extensions, "LIMITS", endless)
    monkeypatch.setattr(root, "LIMITS", endless)


def _is_last(event: Any, call: Call) -> bool:
    return event["__typename"] in _LAST_EVENTS or (bool(call.last) and event["node"]["id"] == call.last)


class Watch:
    """One viewer's eyes; `wrong` gathers every difference, `seen` every leaf."""

    def __init__(self, world: World, http: Http, viewer: str, *, open_doors: bool = False) -> None:
        self.world = world
        self.viewer = viewer
        self.house = House(world, viewer, open_doors=open_doors)
        self.reader = Reader(http, world.token(viewer))
        self.seen = Leaves()
        self.wrong: list[str] = []

    async def send(self, query: str, **variables: Any) -> tuple[dict[str, Any], bytes]:
        """Send an operation, again while a busy machine has no connection for a part of it; the answer, and all bytes that came."""
        body, came = {"query": query, "variables": variables}, b""
        while True:
            async with self.reader.http.post("/graphql", json=body, headers=self.reader.headers) as response:
                raw = await response.read()
                came += raw + repr(response.raw_headers).encode()
            answer = json.loads(raw)
            errors = answer.get("errors") or ()
            if not any(error.get("extensions", {}).get("code") == "UNAVAILABLE" for error in errors):
                return answer, came
            await asyncio.sleep(0.5)

    async def ask(self, document: Document) -> None:
        """Send one query and judge the answer."""
        answer, raw = await self.send(document.text)
        expected, refused = self.foreseen(document.root, document.calls, document.branches)
        data = answer.get("data")
        answered = [data[f"c{index}"] for index in range(len(document.calls))] if data is not None else []
        self.judge(document.root, expected, answered, document.branches, raw)
        self.judge_refusal(document.root, refused, answer.get("errors"))

    async def follow(self, name: str, query: str, call: Call, branches: tuple[Branch, ...]) -> None:
        """Subscribe, read to the end, to the end of the backfill or to what was rung for last, and judge the events."""
        root = f"Subscription.{name}"
        events: list[Any] = []
        frames: list[bytes] = []
        errors = None
        async with self.reader.socket() as socket:
            await socket.acknowledged()
            await socket.subscribe(query)
            if call.rung and self.house.me:
                await self.ring(call)
            while True:
                frame = await socket.ws.receive(timeout=PATIENCE)
                assert frame.type is WSMsgType.TEXT, frame
                frames.append(frame.data.encode())
                message = json.loads(frame.data)
                if message["type"] == "next" and message["payload"].get("data"):
                    events.append(message["payload"]["data"][name])
                    if _is_last(events[-1], call):
                        break
                else:
                    told = message.get("payload")
                    errors = told.get("errors") if isinstance(told, dict) else told
                    break
        expected, refused = self.foreseen(root, [call], branches)
        self.judge(root, expected, events, branches, b"".join(frames))
        self.judge_refusal(root, refused, errors)

    async def ring(self, call: Call) -> None:
        """Have the server hear of changes, once it watches this viewer's home feed."""
        app = self.reader.http.app
        assert app is not None
        me, feeds = self.house.account().key, app[BROKER]._feeds

        async def is_watched() -> bool:
            return any(w._begun.is_set() for eyes, them in feeds._watches.items() if eyes.user_id == me for w in them)

        await until(is_watched, PATIENCE)
        app[CONTAINER].bus.publish(call.rung)

    def foreseen(self, root: str, calls: Iterable[Call], branches: tuple[Branch, ...]) -> tuple[Leaves, str | None]:
        """Tell what the rules say, or with which code they refuse."""
        try:
            return sum((self.house.answer(root, call.expect(self.house), branches) for call in calls), Leaves()), None
        except Refused as refused:
            return Leaves(), refused.code

    def judge(self, root: str, expected: Leaves, answered: list[Any], branches: tuple[Branch, ...], raw: bytes) -> None:
        """Compare the leaves of answers and the canaries in their bytes with what was foreseen."""
        actual = sum((flatten(root, thing, branches) for thing in answered), Leaves())
        self.seen += actual
        for (path, value), count in (actual - expected).items():
            self._note(f"{path} shows {explained(self.world, value)} {count} times too often")
        for (path, value), count in (expected - actual).items():
            self._note(f"{path} lacks {explained(self.world, value)} {count} times")
        allowed = {canary for _, value in expected for canary in CANARY.findall(value)}
        for canary in canaries_in(raw) - allowed:
            self._note(f"{root}: the bytes hold {explained(self.world, canary)}")

    def judge_refusal(self, root: str, refused: str | None, errors: Any) -> None:
        """Compare a refusal with what was foreseen."""
        codes = {error["extensions"]["code"] for error in errors or ()}
        if codes != ({refused} if refused else set()):
            self._note(f"{root}: refused with {refused} by the rules, with {errors} by the API")

    def _note(self, what: str) -> None:
        self.wrong.append(f"{self.viewer}: {what}")
