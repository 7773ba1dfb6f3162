"""Links of exports: how long they work, for whom, what comes with the file, and what is kept of it all."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from core.ids import read_global_id
from runtime.container import Container
from tests.support.api import PASSWORD, Reader
from tests.support.exports import FORMATS, fetch, fill, key_of, link, many, taken
from tests.support.rows import sql


@pytest.mark.parametrize("kind", FORMATS)
async def test_the_file_runs_nowhere_and_is_kept_by_nobody(container: Container, ada: Reader, kind: str) -> None:
    book = await fill(container, ada, 'Ünder "the" <b>Lamp</b>/..\\')
    headers = (await taken(ada, kind, bookId=book)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Disposition"].startswith('attachment; filename="nder the b Lamp b.')
    assert "filename*=UTF-8''%C3%9Cnder%20the%20b%20Lamp%20b." in headers["Content-Disposition"]


async def test_a_link_works_for_a_quarter_of_an_hour(
    container: Container, ada: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(container, ada)
    made = await link(ada, "CSV")
    later = datetime.now(UTC) + timedelta(minutes=15, seconds=1)
    monkeypatch.setattr("core.clock.now", lambda: later)
    expired = await fetch(ada, made)
    assert (expired.status, json.loads(expired.body)["errors"][0]["extensions"]["code"]) == (410, "GONE")


async def test_a_link_that_was_changed_is_none(container: Container, ada: Reader, ben: Reader) -> None:
    await fill(container, ada)
    made, other = await link(ada, "CSV"), await link(ben, "CSV")
    body, _, mac = made.partition(".")
    forged = [
        f"{body}.{other.partition('.')[2]}",
        f"{other.partition('.')[0]}.{mac}",
        f"{made}x",
        "/exports/x",
        "/exports/.",
    ]
    for path in forged:
        assert (await fetch(ada, path)).status == 404, path


async def test_a_link_ends_with_its_session(container: Container, ada: Reader) -> None:
    await fill(container, ada)
    made = await link(ada, "CSV")
    await ada.run("mutation { signOut { userErrors { code } } }")
    assert (await fetch(ada, made)).status == 410


async def test_a_link_ends_with_its_account(container: Container, ada: Reader) -> None:
    await fill(container, ada)
    made = await link(ada, "CSV")
    await ada.mutate("deleteAccount", "deletedUserId", password=PASSWORD)
    gone = await fetch(ada, made)
    assert gone.status == 410
    assert b"ada" not in gone.body


async def test_who_is_signed_in_otherwise_gets_what_the_link_is_for(
    container: Container, ada: Reader, ben: Reader
) -> None:
    await fill(container, ada)
    await fill(container, ben, "Other")
    file = await fetch(ben, await link(ada, "CSV"), **ben.headers)
    assert b"ada passage" in file.body
    assert b"ben passage" not in file.body


async def test_a_client_that_goes_away_leaves_nothing_behind(container: Container, ada: Reader) -> None:
    await many(container, ada, 5_000)
    path = await link(ada, "JSON")
    for _ in range(5):
        response = await ada.http.get(path)
        response.close()
    spools = [task for task in asyncio.all_tasks() if task.get_name() == "spool"]
    await asyncio.wait_for(asyncio.gather(*spools, return_exceptions=True), 10)
    assert container.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_an_export_is_kept_in_the_audit_log_without_a_word_of_it(container: Container, ada: Reader) -> None:
    book = await fill(container, ada)
    await link(ada, "JSON")
    await link(ada, "CSV", bookId=book)
    rows = await sql(container, "SELECT * FROM audit_log WHERE action = 'highlight.export' ORDER BY id")
    assert [row.details for row in rows] == [{"format": "JSON", "highlights": 3}, {"format": "CSV", "highlights": 3}]
    assert [(row.resource_type, row.resource_id) for row in rows] == [
        ("user", key_of(ada)),
        ("book", read_global_id(book)[1]),
    ]
    assert {(row.user_id, row.ip) for row in rows} == {(key_of(ada), "127.0.0.1")}


async def test_the_link_of_an_export_is_in_no_log(
    container: Container, ada: Reader, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    await fill(container, ada)
    path = await link(ada, "JSON")
    assert (await fetch(ada, path)).status == 200
    assert (await fetch(ada, path + "x")).status == 404
    printed = capfd.readouterr()
    said = printed.out + printed.err + caplog.text
    assert "/exports/{token}" in said
    assert path.removeprefix("/exports/")[:20] not in said
