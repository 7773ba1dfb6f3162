"""What is done by hand about timelines, jobs and counts, as processes beside a running server."""

import asyncio

from redis.asyncio import Redis

from models.jobs import JobState
from runtime.container import Container
from runtime.supervisor import EXIT_SETTINGS
from tests.support.api import Reader
from tests.support.feeds import fan_out, follow, home, id_of, post, walk
from tests.support.program import Run
from tests.support.rows import sql


async def test_what_valkey_holds_wrongly_is_made_right(
    ada: Reader, ben: Reader, container: Container, command: Run, urls: tuple[str, str]
) -> None:
    await follow(ada, ben)
    await home(ada)
    await post(ben, "his")
    await fan_out(container)
    key = f"timeline:{{{id_of(ada)}}}"
    async with Redis.from_url(urls[1], decode_responses=True) as client:
        mark, entry = await client.zrange(key, 0, -1)
        await client.zrem(key, entry)
        await client.expire(key, 100)
        await client.set("another's", "key", ex=100)
        assert (await home(ada)).texts == []
        await client.expire(key, 100)
        done = await command("rebuild-timelines")
        assert "timelines were made anew" in done.stdout
        assert 0 < await client.ttl(key) <= 100
        assert await client.zrange(key, 0, -1) == [mark, entry]
        assert await client.get("another's") == "key"
        # Who did not look has none, and gets none.
        assert not await client.exists(f"timeline:{{{id_of(ben)}}}")
        one = await command("rebuild-timelines", "--user", "BEN")
        assert one.stdout == "The timeline of ben was made anew.\n"
        assert await client.exists(f"timeline:{{{id_of(ben)}}}")
    assert (await home(ada)).texts == ["his"]


async def test_an_unknown_reader_is_told(container: Container, command: Run) -> None:
    del container
    done = await command("rebuild-timelines", "--user", "nobody")
    assert done.returncode == EXIT_SETTINGS
    assert "There is no account named 'nobody'." in done.stderr


async def test_without_valkey_it_says_so(ada: Reader, command: Run) -> None:
    del ada
    lost = await command("rebuild-timelines", REDIS_URL="redis://127.0.0.1:1/0")
    assert (lost.returncode, "Valkey does not answer" in lost.stderr) == (1, True)


async def test_a_dead_fan_out_is_replayed_with_the_effect_it_would_have_had(
    ada: Reader, ben: Reader, container: Container, command: Run
) -> None:
    await follow(ada, ben)
    await home(ada)
    await post(ben, "late")
    await sql(container, "UPDATE jobs SET state = 'DEAD' WHERE state = 'WAITING'")
    assert (await home(ada)).texts == []
    for replayed in (1, 0):
        told = (await command("replay-dead", "--kind", "fanout_post")).stdout
        assert told.startswith(f"{replayed} dead job")
        await fan_out(container)
        assert (await home(ada)).texts == ["late"]


async def test_all_of_it_beside_readers_who_go_on(ada: Reader, ben: Reader, container: Container, command: Run) -> None:
    await follow(ada, ben)
    await home(ada)
    written: list[str] = []
    over = asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            made = await post(ben, f"post {len(written)}")
            written.append(f"post {len(written)}")
            for what in ("like", "unlike", "like"):
                assert not (await ada.mutate(what, "liked", targetId=made))["userErrors"]
            if len(written) % 3 == 0:
                await sql(container, "UPDATE jobs SET state = 'DEAD' WHERE state = 'WAITING'")
            await fan_out(container)

    going_on = asyncio.create_task(go_on())
    every = (["rebuild-timelines"], ["reconcile"], ["replay-dead"], ["jobs"])
    try:
        ended = [one for _ in range(2) for one in await asyncio.gather(*(command(*arguments) for arguments in every))]
    finally:
        over.set()
        await going_on
    assert [one.returncode for one in ended] == [0] * 8, [one.stderr for one in ended]
    assert [one.stdout.splitlines()[-1] for one in ended if "recounted" in one.stdout] == [
        "0 counts were wrong, and are mended."
    ] * 2
    await command("replay-dead")
    await fan_out(container)
    assert await walk(ada, 20) == list(reversed(written))
    assert (await command("reconcile")).stdout.endswith("0 counts were wrong, and are mended.\n")
    async with container.reading() as services:
        assert JobState.DEAD not in await services.jobs.depth()
