"""No worker runs, or the one that did is gone: home feeds are whole all the same, and say how they were read."""

import pytest

from runtime.container import Container
from tests.support.api import Reader
from tests.support.feeds import fan_out, follow, home, post
from tests.support.rows import sql

LEFT = {
    "never taken up": "UPDATE jobs SET run_at = now() - interval '31 seconds' WHERE kind LIKE 'fanout%'",
    "left by its worker": "UPDATE jobs SET state = 'RUNNING', lease_until = now() - interval '31 seconds' WHERE kind LIKE 'fanout%'",
}


@pytest.mark.parametrize("left", LEFT)
async def test_posts_that_no_worker_has_told_of_are_read_from_the_tables(
    container: Container, ada: Reader, ben: Reader, left: str
) -> None:
    await follow(ada, ben)
    assert not (await home(ada)).degraded
    await post(ben, "nobody took this up")
    # For half a minute a worker may yet come.
    assert (await home(ada)).texts == []
    await sql(container, LEFT[left])
    page = await home(ada)
    assert (page.texts, page.degraded) == (["nobody took this up"], True)
    await sql(container, "UPDATE jobs SET state = 'WAITING', run_at = now() WHERE kind LIKE 'fanout%'")
    await fan_out(container)
    page = await home(ada)
    assert (page.texts, page.degraded) == (["nobody took this up"], False)


async def test_other_work_that_lies_about_is_no_reason(container: Container, ada: Reader) -> None:
    await home(ada)
    await sql(
        container,
        "INSERT INTO jobs (id, kind, run_at) VALUES (gen_random_uuid(), 'purge_posts', now() - interval '1 day')",
    )
    assert not (await home(ada)).degraded
