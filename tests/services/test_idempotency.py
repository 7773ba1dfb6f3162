"""Fingerprints of inputs."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from core.unset import UNSET
from models.highlights import HighlightColor
from services.idempotency import fingerprint
from services.sync.drafts import HighlightPatch

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


def told(value: Any) -> str:
    """Spell a value so that only equal ones are spelled alike, whatever the order of their fields."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{told(value[key])}" for key in sorted(value)) + "}"
    return "[" + ",".join(map(told, value)) + "]" if isinstance(value, list) else repr(value)


@given(VALUES, VALUES)
def test_equal_inputs_and_only_those_have_equal_fingerprints(one: Any, other: Any) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (told(one) == told(other))


def test_what_is_left_out_null_and_said_are_three_inputs() -> None:
    patches = [HighlightPatch(note=note) for note in (UNSET, None, "", "UNSET", "Unset.UNSET")]
    assert len({fingerprint(patch) for patch in patches}) == len(patches)


def test_the_kinds_of_values_that_inputs_have_are_told_apart() -> None:
    key, now = uuid4(), datetime(2026, 1, 31, tzinfo=UTC)
    values: list[Any] = [key, now, HighlightColor.PINK, "x", 1.5, ("a", "b"), ("ab",), "\ud800", "\udfff"]
    assert len({fingerprint([value]) for value in values}) == len(values)
    assert fingerprint([key, now]) == fingerprint([key, now])
