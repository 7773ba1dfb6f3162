"""What the judge of home feeds under fire (`make bench-fire`) has to notice."""

from collections.abc import Callable
from uuid import UUID

import pytest

from benchmarks.fire_check import Difference
from core.ids import uuid7

Spoil = Callable[[list[UUID]], list[UUID]]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda posts: posts[1:], "1 missing, 0 extra, 0 doubled, 0 out of order"),
        (lambda posts: [*posts, uuid7()], "0 missing, 1 extra, 0 doubled, 0 out of order"),
        (lambda posts: [*posts, posts[0]], "0 missing, 0 extra, 1 doubled, 0 out of order"),
        (lambda posts: posts[::-1], "0 missing, 0 extra, 0 doubled, 1 out of order"),
        (lambda posts: [uuid7(), *posts[1:]], "1 missing, 1 extra, 0 doubled, 0 out of order"),
    ],
)
def test_what_differs_is_counted(spoil: Spoil, told: str) -> None:
    wanted, reader, found = [uuid7() for _ in range(5)], uuid7(), Difference()
    found.compare(reader, wanted, wanted)
    assert found.is_none
    found.compare(reader, spoil(wanted), wanted)
    assert not found.is_none
    assert f": {told}; first {reader}" in str(found)
