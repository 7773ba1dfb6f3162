"""Copies of one growing file, imported in any order and again: after the longest, no copy changes anything."""

import random

import pytest

from runtime.container import Container
from tests.services.imports.clippings_text import at, highlight, note, record
from tests.support.api import Reader
from tests.support.imports import counts, highlights, import_file

WORDS = ["tide", "salt", "lamp", "ledger", "harbour", "rope", "moss", "bell", "copper", "weather", "window", "river"]


def growing_file(chance: random.Random, length: int) -> list[str]:
    """Make up records as devices write them: marked again longer and shorter, with notes and notes on notes, and bookmarks."""
    records = []
    for minute in range(length):
        start = chance.randrange(6) * 20
        end = start + chance.randrange(1, 6)
        text = " ".join(WORDS[start // 20 : start // 20 + chance.randrange(2, 6)]) + f" at {start}"
        title = chance.choice(("The Glass Ferry (Nora Wynn)", "The glass ferry (Wynn, Nora)", "Moss (B. C.)"))
        date = at(minute * 7 % 1440, day=1 + chance.choice((0, 0, 0, 3)))
        records.append(
            chance.choice(
                (
                    highlight(f"Location {start}-{end}", text, date=date, title=title),
                    highlight(f"Location {start}-{end}", text, date=date, title=title),
                    note(f"Location {end}", f"thought {minute}", date=date, title=title),
                    record(f"Your Bookmark on Location {end}", date=date, title=title),
                )
            )
        )
    return records


@pytest.mark.parametrize("seed", [*range(5), pytest.param(None, id="another")])
async def test_after_the_longest_copy_no_copy_changes_anything(
    ada: Reader, container: Container, seed: int | None
) -> None:
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    print("seed", seed)  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)  # noqa: S311
    records = growing_file(chance, 30)
    lengths = [chance.randrange(1, 30) for _ in range(3)]
    for length in lengths:
        await import_file(ada, container, "".join(records[:length]))
    dry = await import_file(ada, container, "".join(records), dryRun=True)
    whole = await import_file(ada, container, "".join(records))
    assert counts(dry) == counts(whole)
    before, gone = await highlights(ada), await highlights(ada, deleted=True)
    for length in [30, *lengths, chance.randrange(1, 30)]:
        again = await import_file(ada, container, "".join(records[:length]))
        assert counts(again)[:2] == (0, 0), f"a copy of {length} records"
        assert await highlights(ada) == before
    assert gone == []
