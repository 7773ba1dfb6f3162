"""Every path of the schema, for every kind of viewer and every secret: what leaves is what the rules allow, byte for byte."""

import contextlib
import inspect
import re

import pytest
from sqlalchemy import true

from repositories import visibility
from runtime.container import Container
from tests.support.matrix_live import subscriptions
from tests.support.matrix_oracle import House, Refused, is_plain
from tests.support.matrix_paths import Branch, Leaves, Paths
from tests.support.matrix_roots import Call, documents
from tests.support.matrix_rules import variants
from tests.support.matrix_things import CANARY
from tests.support.matrix_watch import Http, Watch, canaries_in, explained, lift_limits
from tests.support.matrix_world import OWNERS, VIEWERS, World
from tests.support.valkey import overheard

ALL_VIEWERS = ("anonymous", *VIEWERS, *OWNERS)
PARTIES = [ALL_VIEWERS[number::7] for number in range(7)]
"""Two viewers a test, so that several processes can share them."""
WITHHELD = {
    r"\.note$": "the type shows a note to its owner alone, whoever found the highlight",
    r"^Query\.viewer\.(user\.(?!follow)|email$)": "the account is the session's own: no id of the client's chooses it",
}
"""What keeps its secret without the predicates, and why; everything else has to leak when they are gone."""

NOT_TOLD_APART = r"^Query\.viewer\.user\.follow(ers|ing)"
"""The people around the session's own account: some are seen with the predicates and without, the others in neither."""


@pytest.fixture
async def world(container: Container, monkeypatch: pytest.MonkeyPatch) -> World:
    """The society, written down."""
    lift_limits(monkeypatch)
    made = World()
    await made.lay(container.database)
    return made


async def watched(world: World, http: Http, viewer: str, *, open_doors: bool = False) -> Watch:
    """Ask everything, and follow everything live, as one viewer."""
    watch = Watch(world, http, viewer, open_doors=open_doors)
    paths = Paths(variants(world), is_plain)
    for document in documents(world, paths):
        await watch.ask(document)
        assert not watch.wrong, "\n".join(watch.wrong[:40])
    for name, query, call, branches in subscriptions(world, paths):
        await watch.follow(name, query, call, branches)
    assert not watch.wrong, "\n".join(watch.wrong[:40])
    return watch


@pytest.mark.timeout(300)
@pytest.mark.parametrize("party", PARTIES, ids="-".join)
async def test_every_viewer_sees_what_the_rules_allow_and_nothing_else(
    party: tuple[str, ...],
    world: World,
    urls: tuple[str, str],
    http: Http,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with overheard(urls[1]) as said:
        for viewer in party:
            await watched(world, http, viewer)
    printed = capfd.readouterr()
    nothing_noted(world, f"{caplog.text}\n{printed.out}\n{printed.err}", said)


def nothing_noted(world: World, logged: str, said: list[bytes]) -> None:
    """Assert that neither the logs nor Valkey hold a secret."""
    assert not {explained(world, canary) for canary in canaries_in(logged.encode())}, "in the logs"
    assert not {explained(world, canary) for canary in canaries_in(b"\n".join(said))}, "in Valkey"


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


@pytest.mark.timeout(300)
async def test_without_the_predicates_every_path_leaks_every_secret(
    world: World, http: Http, open_doors: list[str]
) -> None:
    assert set(open_doors) >= {"own", "users", "profiles", "books", "highlights"}
    watch = await watched(world, http, "stranger", open_doors=True)
    untested = [f"{path} does not leak {secret}" for path, secret in _kept(world, watch.seen)]
    assert not untested, "\n".join(untested[:40])


def _kept(world: World, seen: Leaves) -> list[tuple[str, str]]:
    """Name the cells that kept their secret for no reason given in WITHHELD, or leaked it in spite of one."""
    leaked = {cell for cell in seen if CANARY.search(cell[1])}
    leaking_paths = {path for path, _ in leaked}
    kept = []
    for path, value in sorted(_owned(world)):
        # A page of one holds one of the secrets; which one, the comparison with the oracle has told.
        leaks = path in leaking_paths if "_page." in path else (path, value) in leaked
        if leaks == any(re.search(pattern, path) for pattern in WITHHELD):
            kept.append((path, explained(world, value)))
    return kept


def _owned(world: World) -> set[tuple[str, str]]:
    """All cells: each path with each secret that its own owner finds there."""
    paths = Paths(variants(world), is_plain)
    asked: list[tuple[str, list[Call], tuple[Branch, ...]]]
    asked = [(document.root, list(document.calls), document.branches) for document in documents(world, paths)]
    asked += [(f"Subscription.{name}", [call], branches) for name, _, call, branches in subscriptions(world, paths)]
    cells: set[tuple[str, str]] = set()
    for owner in OWNERS:
        house = House(world, owner)
        for root, calls, branches in asked:
            for call in calls:
                with contextlib.suppress(Refused):
                    cells |= set(house.answer(root, call.expect(house), branches))
    return {(path, value) for path, value in cells if CANARY.search(value) and not re.search(NOT_TOLD_APART, path)}
