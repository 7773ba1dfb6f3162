"""Every path of the schema, for every kind of viewer and every secret: what leaves is what the rules allow, byte for byte."""

import base64
import binascii
import inspect
import re
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import true

from repositories import visibility
from runtime.container import Container
from tests.support.matrix_oracle import House, Refused, is_plain
from tests.support.matrix_paths import Leaves, Paths, flatten
from tests.support.matrix_roots import Document, documents
from tests.support.matrix_rules import variants
from tests.support.matrix_world import CANARY, OWNERS, VIEWERS, World
from tests.support.valkey import overheard

ALL_VIEWERS = ("anonymous", *VIEWERS, *OWNERS)
_PACKED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
Http = TestClient[Any, Any]


def canaries_in(raw: bytes) -> set[str]:
    """Find canaries in bytes, and in what is packed in them as base64."""
    text = raw.decode("utf-8", "replace").lower()
    found = set(CANARY.findall(text))
    for packed in set(_PACKED.findall(raw.decode("utf-8", "replace"))):
        try:
            opened = base64.b64decode(packed.rstrip("=") + "==", altchars=b"-_")
        except (binascii.Error, ValueError):
            continue
        found |= set(CANARY.findall(opened.decode("latin-1").lower()))
    return found


WITHHELD = {
    r"\.note$": "the type shows a note to its owner alone, whoever found the highlight",
    r"^Query\.viewer\.(user\.|email$)": "the account is the session's own: no id of the client's chooses it",
}
"""What keeps its secret without the predicates, and why; everything else has to leak when they are gone."""


class Watch:
    """Ask as a viewer, and compare what leaves with what the rules say."""

    def __init__(self, world: World, http: Http, viewer: str, *, open_doors: bool = False) -> None:
        self.world = world
        self.viewer = viewer
        self.house = House(world, viewer, open_doors=open_doors)
        self._http = http
        self.seen: Leaves = Leaves()
        self.wrong: list[str] = []

    async def ask(self, document: Document) -> None:
        """Send one operation and judge the answer."""
        token = self.world.token(self.viewer)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.post("/graphql", json={"query": document.text}, headers=headers) as response:
            raw = await response.read()
            answer = await response.json()
            head = repr(response.raw_headers).encode()
        expected, refused = self._expected(document)
        actual = Leaves()
        data = answer.get("data")
        if (refused is None) != (not answer.get("errors")):
            self._note(document, f"refused {refused}, answered {answer.get('errors')}")
            return
        if data is not None:
            for index in range(len(document.calls)):
                actual += flatten(document.root, data[f"c{index}"], document.branches)
        self.seen += actual
        self._compare(document, expected, actual, canaries_in(raw + head))

    def _expected(self, document: Document) -> tuple[Leaves, str | None]:
        expected = Leaves()
        try:
            for call in document.calls:
                expected += self.house.answer(document.root, call.expect(self.house), document.branches)
        except Refused as refused:
            return Leaves(), refused.code
        return expected, None

    def _compare(self, document: Document, expected: Leaves, actual: Leaves, in_bytes: set[str]) -> None:
        meaning = self.world.canaries.meaning
        for (path, value), count in (actual - expected).items():
            self._note(document, f"{path} shows {_explained(value, meaning)} {count} times too often")
        for (path, value), count in (expected - actual).items():
            self._note(document, f"{path} lacks {_explained(value, meaning)} {count} times")
        allowed = {canary for _, value in expected for canary in CANARY.findall(value)}
        for canary in in_bytes - allowed:
            self._note(document, f"the bytes hold {meaning[canary]}")

    def _note(self, document: Document, what: str) -> None:
        self.wrong.append(f"{self.viewer} at {document.root}: {what}")


def _explained(value: str, meaning: dict[str, str]) -> str:
    return CANARY.sub(lambda found: f"<{meaning[found[0]]}>", value)


@pytest.fixture
async def world(container: Container) -> World:
    """The society, written down."""
    made = World()
    await made.lay(container.database)
    return made


async def watched(world: World, http: Http, viewer: str, *, open_doors: bool = False) -> Watch:
    """Ask everything as one viewer."""
    watch = Watch(world, http, viewer, open_doors=open_doors)
    for document in documents(world, Paths(variants(world), is_plain)):
        await watch.ask(document)
    return watch


async def test_every_viewer_sees_what_the_rules_allow_and_nothing_else(
    world: World, urls: tuple[str, str], http: Http, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong: list[str] = []
    async with overheard(urls[1]) as said:
        for viewer in ALL_VIEWERS:
            wrong += (await watched(world, http, viewer)).wrong
    assert not wrong, "\n".join(wrong[:40])
    printed = capfd.readouterr()
    logged = canaries_in(f"{caplog.text}\n{printed.out}\n{printed.err}".encode())
    assert not {world.canaries.meaning[canary] for canary in logged}, "in the logs"
    assert not {world.canaries.meaning[canary] for canary in canaries_in(b"\n".join(said))}, "in Valkey"


@pytest.fixture
def open_doors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace every predicate by TRUE; the names of those replaced."""
    names = [
        name
        for name, value in vars(visibility).items()
        if inspect.isfunction(value) and value.__module__ == visibility.__name__ and not name.startswith("_")
    ]
    for name in names:
        monkeypatch.setattr(visibility, name, lambda *_, **__: true())
    return names


async def test_without_the_predicates_every_path_leaks_every_secret(
    world: World, http: Http, open_doors: list[str]
) -> None:
    assert set(open_doors) >= {"own", "users", "profiles", "books", "highlights"}
    watch = await watched(world, http, "stranger", open_doors=True)
    assert not watch.wrong, "\n".join(watch.wrong[:40])
    untested = [f"{path} does not leak {secret}" for path, secret in _kept(world, watch.seen)]
    assert not untested, "\n".join(untested[:40])


def _kept(world: World, seen: Leaves) -> list[tuple[str, str]]:
    """Name the cells that kept their secret for no reason given in WITHHELD, or leaked it in spite of one."""
    leaked = {cell for cell in seen if CANARY.search(cell[1])}
    leaking_paths = {path for path, _ in leaked}
    kept = []
    for path, value in sorted(owned(world)):
        # A page of one holds one of the secrets; which one, the comparison with the oracle has told.
        leaks = path in leaking_paths if "_page." in path else (path, value) in leaked
        if leaks == any(re.search(pattern, path) for pattern in WITHHELD):
            kept.append((path, _explained(value, world.canaries.meaning)))
    return kept


def owned(world: World) -> set[tuple[str, str]]:
    """All cells: each path with each secret that its own owner finds there."""
    cells: set[tuple[str, str]] = set()
    for owner in OWNERS:
        house = House(world, owner)
        for document in documents(world, Paths(variants(world), is_plain)):
            for call in document.calls:
                cells |= set(house.answer(document.root, call.expect(house), document.branches))
    return {(path, value) for path, value in cells if CANARY.search(value)}
