"""What time takes away, and what it leaves: each recurring job against rows old and young."""

from datetime import timedelta
from typing import Any

from sqlalchemy import CursorResult, text

from runtime.container import Container
from services.jobs import JobRunner
from tests.support.api import Reader
from tests.support.imports import OLD, highlights, import_file, report
from workers.main import HANDLERS
from workers.recurring import RECURRING


async def run_recurring(container: Container) -> None:
    async with container.transaction() as services:
        for kind in RECURRING:
            await services.jobs.add(kind)
    await JobRunner(container.transaction, HANDLERS, lease=timedelta(seconds=15)).run_due()
    async with container.reading() as services:
        assert await services.jobs.depth() == {}, "every recurring job went well"


async def sql(container: Container, statement: str) -> Any:
    async with container.database.writing() as session:
        result = await session.execute(text(statement))
        return result.all() if isinstance(result, CursorResult) and result.returns_rows else None


async def one(container: Container, statement: str) -> Any:
    return (await sql(container, statement))[0][0]


async def test_erasing_and_purging_go_by_age(ada: Reader, container: Container) -> None:
    await import_file(ada, container, OLD)
    for row in await highlights(ada):
        await ada.mutate("deleteHighlight", "highlight { id }", id=row["id"])
    await run_recurring(container)
    assert [h["text"] for h in await highlights(ada, deleted=True)] == ["The tide keeps", "Salt has no owner."]

    await sql(container, "UPDATE highlights SET restorable_until = now() - interval '1 s' WHERE text LIKE 'The%'")
    await run_recurring(container)
    assert [h["text"] for h in await highlights(ada, deleted=True)] == ["Salt has no owner."]
    rows = await sql(container, "SELECT text, note, erased_at IS NOT NULL FROM highlights ORDER BY erased_at")
    assert [tuple(row) for row in rows] == [("", None, True), ("Salt has no owner.", None, False)]

    seq = await one(container, "SELECT seq FROM highlights WHERE erased_at IS NOT NULL")
    await sql(container, "UPDATE highlights SET deleted_at = now() - interval '181 days' WHERE erased_at IS NOT NULL")
    await run_recurring(container)
    assert await one(container, "SELECT count(*) FROM highlights") == 1
    assert await one(container, "SELECT floor FROM sync_counters") == seq, "cursors below are told to begin anew"
    assert await one(container, "SELECT count(*) FROM import_marks") == 2
    assert (await import_file(ada, container, OLD))["unchanged"] == 2, "a purged highlight does not come back by a file"


AGED = (
    (
        "UPDATE idempotency_keys k SET created_at = now() - interval '36 days' FROM users u"
        " WHERE k.user_id = u.id AND username = 'ada'"
    ),
    "UPDATE sessions s SET expires_at = now() - interval '1 s' FROM users u WHERE s.user_id = u.id AND username = 'ada'",
    "UPDATE imports i SET finished_at = now() - interval '91 days' FROM users u WHERE i.user_id = u.id AND username = 'ada'",
)


async def test_answers_sessions_attempts_and_reports_go_by_age(ada: Reader, ben: Reader, container: Container) -> None:
    for reader in (ada, ben):
        await reader.mutate("addBook", "book { id }", title="Tidewrack", authors=["Ida Marsh"], clientMutationId="one")
        await reader.mutate("signIn", "token", login="nobody-here", password="wrong wrong wrong")
    await import_file(ada, container, OLD)
    young = await import_file(ben, container, OLD)
    for statement in AGED:
        await sql(container, statement)
    await sql(
        container,
        "UPDATE auth_attempts SET at = now() - interval '3 hours' WHERE id = (SELECT min(id) FROM auth_attempts)",
    )
    attempts = await one(container, "SELECT count(*) FROM auth_attempts")
    await run_recurring(container)
    for table in ("idempotency_keys", "sessions", "imports"):
        owners = await sql(container, f"SELECT DISTINCT username FROM {table} JOIN users ON users.id = user_id")  # noqa: S608
        assert [owner for (owner,) in owners] == ["ben"], table
    assert await one(container, "SELECT count(*) FROM auth_attempts") == attempts - 1
    assert (await report(ben, young["id"]))["created"] == 2
    assert await one(container, "SELECT count(*) FROM import_books") == 1
    assert await one(container, "SELECT count(*) FROM highlights") == 4, "what an import brought stays"


async def test_done_jobs_go_after_a_week_and_dead_ones_stay(container: Container) -> None:
    for age, state in ((8, "DONE"), (6, "DONE"), (8, "DEAD")):
        async with container.transaction() as services:
            job = await services.jobs.add(f"{state} {age}")
        await sql(
            container,
            f"UPDATE jobs SET state = '{state}', finished_at = now() - interval '{age} days' WHERE id = '{job.id}'",  # noqa: S608
        )
    async with container.transaction() as services:
        await services.jobs.add("purge_jobs")
    await JobRunner(container.transaction, HANDLERS, lease=timedelta(seconds=15)).run_due()
    kinds = await sql(container, "SELECT kind FROM jobs WHERE kind <> 'purge_jobs' ORDER BY kind")
    assert [kind for (kind,) in kinds] == ["DEAD 8", "DONE 6"]
