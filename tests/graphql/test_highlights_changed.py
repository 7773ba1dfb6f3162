"""Highlights: changed, deleted, restored, and what others see of all that."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.ids import global_id
from runtime.container import Container
from tests.support.api import PASSWORD, Reader
from tests.support.highlights import TEXT, change, codes, create, read
from tests.support.rows import nothing_written, sql


async def test_an_edit_changes_what_it_names_and_leaves_the_rest(ada: Reader) -> None:
    made = await create(ada, note="mine", color="BLUE", visibility="PUBLIC", createdAt="2020-01-01T00:00:00Z")
    recolored = await change(ada, "updateHighlight", made["id"], color="PINK")
    moved = {"version", "updatedAt", "color"}
    assert {k: v for k, v in recolored.items() if k not in moved} == {k: v for k, v in made.items() if k not in moved}
    assert recolored["color"] == "PINK"
    assert recolored["updatedAt"] > made["updatedAt"]
    nulls = await change(ada, "updateHighlight", made["id"], color=None, visibility=None, passage=None)
    assert (nulls["color"], nulls["visibility"], nulls["text"]) == ("PINK", "PUBLIC", TEXT)
    anchor = {"locationStart": 1, "locationEnd": 2}
    reworded = await change(ada, "updateHighlight", made["id"], passage={"text": "Other words.", "anchor": anchor})
    assert (reworded["text"], reworded["anchor"]["locationEnd"], reworded["note"]) == ("Other words.", 2, "mine")
    assert await read(ada, made["id"]) == reworded


async def test_a_note_is_left_kept_or_cleared(ada: Reader) -> None:
    made = await create(ada, note="mine")
    assert (await change(ada, "updateHighlight", made["id"], color="BLUE"))["note"] == "mine"
    assert (await change(ada, "updateHighlight", made["id"], note="UNSET"))["note"] == "UNSET"
    assert (await change(ada, "updateHighlight", made["id"], note=None))["note"] is None
    assert (await change(ada, "updateHighlight", made["id"], note="again"))["note"] == "again"
    assert (await change(ada, "updateHighlight", made["id"], note=""))["note"] is None


async def test_every_change_moves_the_version(ada: Reader) -> None:
    made = await create(ada)
    seen = [made["version"]]
    changes: list[tuple[str, dict[str, Any]]] = [
        ("updateHighlight", {"color": "PINK"}),
        ("updateHighlight", {"note": "n"}),
        ("updateHighlight", {"visibility": "PUBLIC"}),
        ("updateHighlight", {"passage": {"text": "Other.", "anchor": {}}}),
        ("deleteHighlight", {}),
        ("restoreHighlight", {}),
    ]
    for mutation, input_ in changes:
        seen.append((await change(ada, mutation, made["id"], **input_))["version"])
    assert len(set(seen)) == len(seen)
    same = await change(ada, "updateHighlight", made["id"], color="PINK")
    assert same["version"] == seen[-1]


async def test_edits_of_other_parts_from_one_version_are_both_kept(ada: Reader, nobody: Reader) -> None:
    tablet = Reader(
        nobody.http,
        (
            await nobody.mutate(
                "signIn", "token", login="ada", password=PASSWORD, device={"name": "T", "platform": "test"}
            )
        )["token"],
    )
    made = await create(ada)
    await change(ada, "updateHighlight", made["id"], note="from the phone", basedOn=made["version"])
    merged = await change(tablet, "updateHighlight", made["id"], color="ORANGE", basedOn=made["version"])
    assert (merged["note"], merged["color"], merged["text"]) == ("from the phone", "ORANGE", TEXT)


@pytest.mark.parametrize("based_on", ["", "nonsense", "WyJ2Il0", "x" * 10_000, "🐚"])
async def test_what_is_no_version_is_refused(ada: Reader, container: Container, based_on: str) -> None:
    made = await create(ada)
    async with nothing_written(container):
        for mutation in ("updateHighlight", "deleteHighlight"):
            refused = await codes(ada, mutation, id=made["id"], basedOn=based_on)
            assert refused == [("input/basedOn", "INVALID")]


async def test_a_deleted_highlight_can_be_restored_as_it_was(ada: Reader, ben: Reader, container: Container) -> None:
    made = await create(ada, note="mine", visibility="PUBLIC")
    deleted = await change(ada, "deleteHighlight", made["id"])
    assert deleted["deletedAt"]
    left = datetime.fromisoformat(deleted["restorableUntil"]) - datetime.fromisoformat(deleted["deletedAt"])
    assert left == timedelta(days=30)
    assert await read(ben, made["id"]) is None
    assert (await read(ada, made["id"]))["deletedAt"] == deleted["deletedAt"]
    async with nothing_written(container):
        assert await codes(ada, "updateHighlight", id=made["id"], note="x") == [("input/id", "NOT_FOUND")]
    again = await change(ada, "deleteHighlight", made["id"])
    assert (again["deletedAt"], again["version"]) == (deleted["deletedAt"], deleted["version"])
    restored = await change(ada, "restoreHighlight", made["id"])
    moved = {"version", "updatedAt"}
    assert {k: v for k, v in restored.items() if k not in moved} == {k: v for k, v in made.items() if k not in moved}
    assert (await change(ada, "restoreHighlight", made["id"]))["version"] == restored["version"]
    assert (await read(ben, made["id"]))["text"] == TEXT


async def test_an_erased_highlight_is_gone_for_good(ada: Reader, container: Container) -> None:
    made = await create(ada)
    await change(ada, "deleteHighlight", made["id"])
    await sql(container, "UPDATE sync_counters SET seq = seq + 1")
    await sql(container, "UPDATE highlights SET erased_at = now(), seq = seq + 1")
    assert await read(ada, made["id"]) is None
    async with nothing_written(container):
        for mutation in ("updateHighlight", "deleteHighlight", "restoreHighlight"):
            assert await codes(ada, mutation, id=made["id"]) == [("input/id", "NOT_FOUND")]


@pytest.mark.parametrize("mutation", ["updateHighlight", "deleteHighlight", "restoreHighlight"])
async def test_somebody_elses_highlight_answers_like_an_absent_one(
    ada: Reader, ben: Reader, container: Container, mutation: str
) -> None:
    made = await create(ada, visibility="PUBLIC")
    deleted = await create(ada, visibility="PUBLIC")
    await change(ada, "deleteHighlight", deleted["id"])
    answers = []
    async with nothing_written(container):
        for key in (made["id"], deleted["id"], global_id("Highlight", uuid4())):
            payload = await ben.mutate(mutation, "highlight { id } fork { id }", id=key)
            answers.append(payload)
    assert answers[0] == answers[1] == answers[2]
    assert [e["code"] for e in answers[0]["userErrors"]] == ["NOT_FOUND"]


async def test_a_private_highlight_is_null_to_others(ada: Reader, ben: Reader, nobody: Reader) -> None:
    made = await create(ada)
    shown = await create(ada, visibility="PUBLIC", note="never shown")
    for reader in (ben, nobody):
        assert await read(reader, made["id"]) is None
        assert (await read(reader, shown["id"]))["note"] is None
