"""The small commands, as processes, on servers given by DATABASE_URL and REDIS_URL."""

import asyncio
import json
import re
from pathlib import Path

from models.jobs import JobState
from runtime.container import Container
from runtime.supervisor import EXIT_SETTINGS
from tests.support.api import Reader
from tests.support.program import Run
from tests.support.rows import sql


async def test_jobs_are_listed_and_dead_ones_are_replayed(container: Container, command: Run) -> None:
    async with container.transaction() as services:
        waiting = await services.jobs.add("wait_and_see")
        dead, other = await services.jobs.add("hopeless"), await services.jobs.add("forlorn")
        for job in (dead, other):
            job.state, job.reason, job.attempts = JobState.DEAD, "LookupError: no such shelf", 5
    listed = (await command("jobs")).stdout
    assert re.search(
        rf"^waiting: 1\n  1 wait_and_see, the oldest 0:00:\d\d old\n    {waiting.id}  wait", listed, re.MULTILINE
    )
    assert re.search(
        rf"^dead: 2\n.+\n.+\n    {dead.id}  hopeless  attempt 5 .+ LookupError: no such shelf$", listed, re.MULTILINE
    )
    told = json.loads((await command("jobs", "--dead", "--kind", "forlorn", "--json")).stdout)
    assert [(part["kind"], part["state"], part["count"]) for part in told["backlog"]] == [("forlorn", "DEAD", 1)]
    assert [(job["id"], job["reason"]) for job in told["jobs"]] == [(str(other.id), "LookupError: no such shelf")]
    unknown = await command("replay-dead", "01890000-0000-7000-8000-000000000000")
    assert (unknown.returncode, unknown.stdout[:11]) == (1, "0 dead jobs")
    assert (await command("replay-dead", str(dead.id))).stdout == "1 dead job waits to be tried again.\n"
    assert (await command("replay-dead", "--kind", "hopeless")).stdout[:11] == "0 dead jobs"
    assert (await command("replay-dead", "--kind", "forlorn")).stdout == "1 dead job waits to be tried again.\n"
    async with container.reading() as services:
        assert await services.jobs.depth() == {"WAITING": 3}


async def test_a_role_is_granted(ada: Reader, command: Run) -> None:
    granted = await command("grant", "ADA", "moderator")
    assert granted.stdout == "ada was READER and is now MODERATOR.\n"
    assert (await ada.run("{ viewer { role } }"))["viewer"]["role"] == "MODERATOR"
    nobody = await command("grant", "nobodyknows", "admin")
    assert (nobody.returncode, "nobodyknows" in nobody.stderr) == (EXIT_SETTINGS, True)


async def test_a_new_epoch_begins(container: Container, command: Run) -> None:
    before = await container.refresh_epoch()
    done = await command("new-epoch")
    after = await container.refresh_epoch()
    assert after != before
    assert f"A new epoch has begun: {after}." in done.stdout


async def test_counts_are_recounted(ada: Reader, container: Container, command: Run) -> None:
    del ada
    right = await command("reconcile")
    assert right.stdout.splitlines() == [
        "users: 1 recounted",
        "posts: 0 recounted",
        "comments: 0 recounted",
        "0 counts were wrong, and are mended.",
    ]
    await sql(container, "UPDATE users SET follower_count = 9")
    mended = await command("reconcile")
    assert mended.stdout.splitlines()[-1] == "1 count was wrong, and is mended."
    assert "count_mended" in mended.stderr
    assert await sql(container, "SELECT follower_count FROM users") == [(0,)]


async def test_production_gets_no_demo_accounts(container: Container, nobody: Reader, command: Run) -> None:
    del container
    refused = await command("seed", PROFILE="production")
    assert (refused.returncode, "PROFILE: " in refused.stderr) == (EXIT_SETTINGS, True)
    assert (await nobody.run('{ user(username: "mara") { id } }'))["user"] is None


async def test_the_schema_is_printed_without_any_server(command: Run, folder: Path) -> None:
    assert (await command("export-schema", "printed.graphql", DATABASE_URL="nonsense")).returncode == 0
    printed = await asyncio.to_thread((folder / "printed.graphql").read_text)
    assert printed.startswith(("directive", '"""'))
    assert "type Query {" in printed
