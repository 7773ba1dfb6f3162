"""Subscriptions that stay open: what they have sent is not kept."""

import gc

from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import sql
from tests.support.sync import listening, making, op, pushed

SEQS = ", ".join(
    f"'{name}', last + row_number() OVER ()"
    for name in ("seq", "passage_seq", "note_seq", "color_seq", "visibility_seq", "life_seq")
)
DOUBLE = f"""
  INSERT INTO highlights SELECT (jsonb_populate_record(h, jsonb_build_object('id', gen_random_uuid(), {SEQS}))).*
  FROM highlights h, (SELECT max(seq) AS last FROM highlights) s"""  # noqa: S608


async def test_a_subscription_keeps_nothing_of_the_events_it_has_sent(ada: Reader, container: Container) -> None:
    await pushed(ada, op(making()))
    for _ in range(10):
        await sql(container, DOUBLE)
    await sql(container, "UPDATE sync_counters SET seq = (SELECT max(seq) FROM highlights)")
    async with ada.socket() as socket:
        await socket.acknowledged()
        await listening(socket, ada)
        alive = []
        for until in (200, 600, 1_000):
            for _ in range(200 if until == 200 else 400):
                await socket.next(patience=20)
            gc.collect()
            alive.append(len(gc.get_objects()))
    # One that kept what graphql-core remembers of each event had 19,000 more.
    assert alive[2] - alive[1] < 4_000, alive
