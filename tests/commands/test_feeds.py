"""`rebuild-timelines`, as a process beside a running server."""

from redis.asyncio import Redis

from runtime.container import Container
from runtime.supervisor import EXIT_SETTINGS
from tests.commands.test_commands import Run, command, folder
from tests.support.api import Reader
from tests.support.feeds import fan_out, home, id_of, post

__all__ = ["command", "folder"]


async def test_what_valkey_holds_wrongly_is_made_right(
    ada: Reader, ben: Reader, container: Container, command: Run, urls: tuple[str, str]
) -> None:
    await home(ada)
    await post(ada, "mine")
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
    assert (await home(ada)).texts == ["mine"]


async def test_an_unknown_reader_is_told(container: Container, command: Run) -> None:
    del container
    done = await command("rebuild-timelines", "--user", "nobody")
    assert done.returncode == EXIT_SETTINGS
    assert "There is no account named 'nobody'." in done.stderr
