"""Files that are none, records that cannot go in, and imports that are refused."""

import asyncio
from typing import Any

import pytest

from runtime.container import Container
from services.imports import service
from tests.services.imports.clippings_text import highlight
from tests.support.api import Reader
from tests.support.imports import GROWN, OLD, big_import, counts, highlights, import_file, report, run_jobs, start


@pytest.mark.parametrize(
    "content", ["Dear diary,\nnothing happened.\n", "{}", "=" * 10_000, "==========\r\n" * 200, "\ufeff\ufeff\u2028 x"]
)
async def test_a_file_that_is_none_fails_with_a_sentence_and_writes_nothing(
    ada: Reader, container: Container, content: str
) -> None:
    found = await import_file(ada, container, content)
    assert found["state"] == "FAILED"
    assert found["error"] == "This is not a clippings file: it holds no record that could be recognised."
    assert counts(found) == (0, 0, 0, 0)
    assert await highlights(ada) == []


async def test_records_in_other_languages_are_reported_and_the_rest_goes_in(ada: Reader, container: Container) -> None:
    foreign = (
        "Prom (Nora Wynn)\r\n- Twoje zaznaczenie w miejscu 1199-1203 | "
        "Dodano: sobota, 23 listopada 2019 08:08:27\r\n\r\nJedno zdanie.\r\n==========\r\n"
    )
    found = await import_file(ada, container, foreign + OLD)
    assert counts(found) == (2, 0, 0, 1)
    assert [p["message"] for p in found["problems"]] == ["language not supported yet"]


HOSTILE = [
    highlight("Location 1-99999999999", "A location too far."),
    highlight("Location 99999999999-999999999999", "Even its start."),
    highlight("Location 1-2", "x", title="T" * 501 + " (A. B.)"),
    highlight("Location 1-2", "x", title="Title (" + "; ".join(f"Author {n}" for n in range(30)) + ")"),
    highlight("Location 1-2", "x", title="Title (" + "N" * 201 + ")"),
    highlight("page " + "9" * 60, "A page of many digits."),
    highlight("Location 1-2", "y" * 12_001),
    highlight("Location 1-2", "Out of time.", date="Friday, 31 December 9999 23:59:59"),
    highlight("Location 1-2", "Before time.", date="Monday, 1 January 0001 00:00:00"),
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
async def test_hostile_records_become_problems_and_the_rest_goes_in(
    ada: Reader, container: Container, content: str, zone: str
) -> None:
    found = await import_file(ada, container, content + OLD, timeZone=zone)
    assert found["state"] == "DONE"
    assert found["total"] == 3
    assert found["created"] + found["skipped"] == 3
    assert found["created"] >= 2
    assert len(found["problems"]) == found["skipped"]
    assert all(problem["line"] == 1 for problem in found["problems"])
    assert {h["text"] for h in await highlights(ada)} >= {"The tide keeps", "Salt has no owner."}


async def test_a_very_bad_file_keeps_a_thousand_problems_and_counts_all(ada: Reader, container: Container) -> None:
    found = await import_file(ada, container, "no clipping\n==========\n" * 1_200 + OLD)
    assert counts(found) == (2, 0, 0, 1_200)
    assert len(found["problems"]) == 100
    query = "query($id: ID!, $n: Int) { node(id: $id) { ... on Import { problems(first: $n) { line } } } }"
    assert len((await ada.run(query, id=found["id"], n=1_000))["node"]["problems"]) == 1_000
    assert len((await ada.run(query, id=found["id"], n=3))["node"]["problems"]) == 3
    for wrong in (0, -1, 1_001):
        assert (await ada.error(query, id=found["id"], n=wrong))["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        ({"content": ""}, "content", "INVALID"),
        ({"content": " \n"}, "content", "INVALID"),
        ({"content": None}, "content", "INVALID"),
        ({"timeZone": "Mars/Olympus"}, "timeZone", "INVALID"),
        ({"timeZone": "../../etc/passwd"}, "timeZone", "INVALID"),
        ({"timeZone": ""}, "timeZone", "INVALID"),
        ({"timeZone": "x" * 5_000}, "timeZone", "INVALID"),
        ({"clientMutationId": ""}, "clientMutationId", "INVALID"),
    ],
)
async def test_what_can_be_told_at_once_is_refused_at_once(
    ada: Reader, container: Container, more: dict[str, Any], field: str, code: str
) -> None:
    payload = await ada.mutate(
        "importHighlights", "import { id }", **({"format": "MY_CLIPPINGS", "content": OLD} | more)
    )
    assert payload["import"] is None
    assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(["input", field], code)]
    await run_jobs(container)
    assert await highlights(ada) == []


@pytest.mark.parametrize("content", ["a\u0000b", "\ud800"])
async def test_text_that_cannot_be_stored_is_refused(ada: Reader, container: Container, content: str) -> None:
    query = "mutation($i: ImportHighlightsInput!) { importHighlights(input: $i) { import { id } userErrors { code } } }"
    answer = await ada.post(query, i={"format": "MY_CLIPPINGS", "content": OLD + content})
    assert answer["errors"][0]["extensions"]["code"].startswith("BAD_")
    await run_jobs(container)
    assert await highlights(ada) == []


async def test_a_file_has_at_most_one_megabyte(ada: Reader, container: Container) -> None:
    fits = OLD + highlight("Location 90-91", "é" * 2_000)
    fits += "x" * (service.CONTENT_BYTES - len(fits.encode()))
    refused = await big_import(ada, fits + "x")
    assert refused["import"] is None
    assert [(e["field"], e["code"]) for e in refused["userErrors"]] == [(["input", "content"], "INVALID")]
    taken = await big_import(ada, fits)
    assert taken["userErrors"] == []
    await run_jobs(container)
    assert counts(await report(ada, taken["import"]["id"])) == (3, 0, 0, 1)


async def test_signed_out_readers_import_nothing(nobody: Reader) -> None:
    payload = await nobody.mutate("importHighlights", "import { id }", format="MY_CLIPPINGS", content=OLD)
    assert [e["code"] for e in payload["userErrors"]] == ["UNAUTHENTICATED"]


async def test_a_few_unfinished_imports_are_enough(ada: Reader, ben: Reader, container: Container) -> None:
    for _ in range(service.UNFINISHED_MOST):
        await start(ada, OLD)
    query = "mutation($i: ImportHighlightsInput!) { importHighlights(input: $i) { import { id } userErrors { code } } }"
    inputs = {"format": "MY_CLIPPINGS", "content": OLD}
    answers = await asyncio.gather(*(ada.run(query, i=inputs) for _ in range(3)))
    for answer in answers:
        assert answer["importHighlights"] == {"import": None, "userErrors": [{"code": "LIMIT_EXCEEDED"}]}
    await start(ben, OLD)
    await run_jobs(container)
    await start(ada, OLD)


async def test_racing_imports_do_not_pass_the_limit(ada: Reader) -> None:
    query = "mutation($i: ImportHighlightsInput!) { importHighlights(input: $i) { import { id } } }"
    inputs = {"format": "MY_CLIPPINGS", "content": OLD}
    answers = await asyncio.gather(*(ada.run(query, i=inputs) for _ in range(10)))
    taken = [answer for answer in answers if answer["importHighlights"]["import"]]
    assert len(taken) == service.UNFINISHED_MOST


async def test_the_same_key_imports_once(ada: Reader, container: Container) -> None:
    first = await ada.mutate(
        "importHighlights", "import { id }", format="MY_CLIPPINGS", content=OLD, clientMutationId="k"
    )
    await run_jobs(container)
    again = await ada.mutate(
        "importHighlights", "import { id state }", format="MY_CLIPPINGS", content=OLD, clientMutationId="k"
    )
    assert again["import"] == {"id": first["import"]["id"], "state": "DONE"}
    other = await ada.mutate(
        "importHighlights", "import { id }", format="MY_CLIPPINGS", content=GROWN, clientMutationId="k"
    )
    assert [e["code"] for e in other["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
