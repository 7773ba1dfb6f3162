"""Pushes by many at once, and one that is cut off in the middle: no deadlock, no gap, each effect once."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import uuid7
from runtime.container import Container
from services.sync.writer import HighlightWriter
from tests.support.api import Reader
from tests.support.sync import everything, making, op, pull, pull_all, push, pushed, sign_in, uuid_of


async def test_a_connection_killed_between_two_operations_leaves_nothing_and_the_retry_has_each_effect_once(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pushed(ada, op(making("Before.")))
    before = await everything(container)
    ops = [op(making(f"Passage {n}.")) for n in range(6)]
    apply, calls = HighlightWriter.apply, 0

    async def kill_at_the_fourth(self: HighlightWriter, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            async with container.database.writing() as session:
                killed = await session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"
                        " AND datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
                assert len(killed.all()) == 1
        return await apply(self, *args, **kwargs)

    monkeypatch.setattr(HighlightWriter, "apply", kill_at_the_fourth)
    payload = await push(ada, *ops)
    assert payload["userErrors"][0]["code"] == "UNAVAILABLE"
    assert await everything(container) == before
    retried = await pushed(ada, *ops)
    assert [(r["outcome"], r["replayed"]) for r in retried] == [("APPLIED", False)] * 6
    texts = [change["highlight"]["text"] for change in (await pull(ada))["changes"]]
    assert texts == ["Before.", *(f"Passage {n}." for n in range(6))]


async def test_two_devices_and_the_web_push_at_once_without_deadlock(ada: Reader, container: Container) -> None:
    tablet = await sign_in(ada, "Tablet")
    refs = [{"named": {"title": f"Volume {n}", "authors": ["Orla Finch"]}} for n in range(3)]
    sent = 0

    async def on_the_web(number: int) -> None:
        made = await ada.mutate(
            "createHighlight",
            "highlight { uuid }",
            book=refs[number % 3],
            passage={"text": f"w{number}", "anchor": {}},
            clientMutationId=f"w{number}",
        )
        assert not made["userErrors"]

    for number in range(50):
        turned = refs[number % 3 :] + refs[: number % 3]
        results = await asyncio.gather(
            pushed(ada, *(op(making(f"a{number}", book=ref)) for ref in turned)),
            pushed(tablet, *(op(making(f"t{number}", book=ref)) for ref in reversed(turned))),
            on_the_web(number),
        )
        assert all(r["outcome"] == "APPLIED" for batch in results[:2] for r in batch)
        sent += 7
    changes, _ = await pull_all(ada, first=500)
    assert len({uuid_of(change) for change in changes}) == len(changes) == sent
    async with container.database.reading() as session:
        seqs = list(await session.scalars(text("SELECT seq FROM highlights ORDER BY seq")))
    assert seqs == list(range(1, sent + 1))


async def test_two_readers_with_one_new_id_end_with_one_owner(ada: Reader, ben: Reader, container: Container) -> None:
    for number in range(10):
        uuid = str(uuid7())
        one, two = await asyncio.gather(
            pushed(ada, op(making(f"a{number}"), uuid), op(making("another"))),
            pushed(ben, op(making(f"b{number}"), uuid), op(making("another"))),
        )
        assert sorted([one[0]["outcome"], two[0]["outcome"]]) == ["APPLIED", "REJECTED"]
        assert {one[1]["outcome"], two[1]["outcome"]} == {"APPLIED"}
    assert len((await everything(container))[0]) == 30
