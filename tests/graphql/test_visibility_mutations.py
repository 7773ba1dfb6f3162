"""Mutations named with other people's ids: refused alike, nothing told, nothing written; and done by their owner: all as the rules say."""

from typing import Any

import pytest

from runtime.container import Container
from tests.graphql.test_visibility_matrix import open_doors, world
from tests.support.api import PASSWORD
from tests.support.matrix_mutations import (
    Attempt,
    check_complete,
    on_others_things,
    operation,
    own_answers,
    push,
    things_of,
)
from tests.support.matrix_oracle import House, is_plain
from tests.support.matrix_paths import Paths
from tests.support.matrix_rules import variants
from tests.support.matrix_watch import Http, Watch, canaries_in, explained
from tests.support.matrix_world import World
from tests.support.rows import nothing_written, sql

__all__ = ["open_doors", "world"]


async def tried(watch: Watch, attempt: Attempt) -> tuple[dict[str, Any], set[str]]:
    """Send an attempt; its payload, and what its bytes hold."""
    query, _ = operation(Paths(variants(watch.world), is_plain), attempt.root)
    answer, raw = await watch.send(query, input=attempt.input)
    assert not answer.get("errors"), answer
    return answer["data"]["it"], {explained(watch.world, canary) for canary in canaries_in(raw)}


@pytest.mark.parametrize("viewer", ["anonymous", "stranger", "mutual", "blocked", "moderator", "open_on"])
async def test_others_things_are_not_there_for_any_mutation(
    world: World, container: Container, http: Http, viewer: str
) -> None:
    watch = Watch(world, http, viewer)
    async with nothing_written(container):
        for attempt in on_others_things(world):
            payload, told = await tried(watch, attempt)
            assert not payload[attempt.thing], attempt
            assert len(payload["userErrors"]) == 1, payload
            assert not told, attempt
            code = payload["userErrors"][0]["code"]
            assert code == _refusal(attempt, viewer), (attempt, code)


def _refusal(attempt: Attempt, viewer: str) -> str:
    if viewer == "anonymous":
        return "UNAUTHENTICATED"
    return "CONFLICT" if "uuid" in attempt.input else "NOT_FOUND"


async def test_a_push_with_others_ids_is_refused_op_by_op_and_tells_nothing(
    world: World, container: Container, http: Http
) -> None:
    watch = Watch(world, http, "mutual")
    device, _ = things_of(world, world.people["mutual"])
    draft = {"book": {"id": world.shared.gid}, "passage": {"text": "mine", "anchor": {}}}
    ops: list[dict[str, Any]] = [{"create": draft}, {"edit": {"color": "BLUE"}}, {"delete": True}, {"restore": True}]
    marks = [mark for mark in world.marks if mark.owner.name == "closed_on"]
    query, _ = operation(Paths(variants(world), is_plain), "pushHighlightChanges")
    async with nothing_written(container, but=("sync_outcomes", "devices", "book_holders")):
        answer, raw = await watch.send(query, input=push(device, [(mark, op) for mark in marks for op in ops]))
    results = answer["data"]["it"]["results"]
    assert {(r["outcome"], r["highlight"], r["error"]["code"]) for r in results} == {("REJECTED", None, "CONFLICT")}
    assert not canaries_in(raw)


async def test_without_the_predicates_mutations_reach_others_things(
    world: World, http: Http, open_doors: list[str]
) -> None:
    assert open_doors
    watch = Watch(world, http, "stranger", open_doors=True)
    for attempt in on_others_things(world):
        payload, told = await tried(watch, attempt)
        assert bool(payload[attempt.thing]) == attempt.by_predicate, attempt
        if attempt.by_predicate and attempt.thing not in ("removedDeviceId", "url"):
            assert told, attempt


async def test_their_owner_finds_in_payloads_what_the_rules_allow(world: World, http: Http) -> None:
    paths = Paths(variants(world), is_plain)
    done: set[str] = set()
    for owner in world.owners:
        watch = Watch(world, http, owner.name)
        for name, given, payload in own_answers(House(world, owner.name)):
            query, branches = operation(paths, name)
            answer, raw = await watch.send(query, input=given)
            assert not answer.get("errors"), answer
            expected = watch.house.answer(f"Mutation.{name}", payload, branches)
            watch.judge(f"Mutation.{name}", expected, [answer["data"]["it"]], branches, raw)
            assert not watch.wrong, "\n".join(watch.wrong[:40])
            done.add(name)
    check_complete(done | {attempt.root for attempt in on_others_things(world)})


async def test_signing_in_shows_the_one_who_signed_in(world: World, container: Container, http: Http) -> None:
    hashed = await container.passwords.hash(PASSWORD)
    stranger = world.people["stranger"]
    await sql(container, "UPDATE users SET password_hash = :hash WHERE id = :id", hash=hashed, id=stranger.key)
    device, _ = things_of(world, world.people["closed_on"])
    signs_in = {
        "login": stranger.email,
        "password": PASSWORD,
        "device": {"name": "n", "platform": "p", "id": device.gid},
    }
    signs_up = {"username": "newcomer", "email": "newcomer@example.org", "password": PASSWORD, "displayName": "New"}
    paths = Paths(variants(world), is_plain)
    watch = Watch(world, http, "closed_on")
    shown = {c for name in ("stranger",) for c in canaries_in(repr(_shown_to(world, paths, name)).encode())}
    for name, given, allowed in (("signIn", signs_in, shown), ("signUp", signs_up, set())):
        answer, raw = await watch.send(operation(paths, name)[0], input=given)
        payload = answer["data"]["it"]
        assert not payload["userErrors"], payload
        assert payload["session"]["device"] is None or payload["session"]["device"]["id"] != device.gid
        assert canaries_in(raw) <= allowed, name
        assert bool(canaries_in(raw)) == bool(allowed), name


def _shown_to(world: World, paths: Paths, name: str) -> Any:
    _, branches = operation(paths, "signIn")
    below = next(step.below for step in branches[0].steps if step.field == "viewer")
    return House(world, name).answer("viewer", world.people[name], below)


async def test_naming_a_book_is_holding_it(world: World, http: Http) -> None:
    hidden = next(book for book in world.books if book.holders == {"closed_on"})
    watch = Watch(world, http, "stranger")
    named = {"title": hidden.texts["title"], "authors": hidden.texts["authors"]}
    find = f'{{ book(ref: {{id: "{hidden.gid}"}}) {{ title publisher }} }}'
    assert (await watch.send(find))[0]["data"]["book"] is None
    query, _ = operation(Paths(variants(world), is_plain), "addBook")
    answer, raw = await watch.send(query, input=named)
    assert answer["data"]["it"]["book"]["id"] == hidden.gid
    assert canaries_in(raw) <= canaries_in(repr(hidden.texts).encode())
    assert (await watch.send(find))[0]["data"]["book"]["title"] == hidden.texts["title"]
