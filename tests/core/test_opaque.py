"""Opaque strings: what is packed is unpacked, whatever else comes is None."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import opaque

PARTS = st.lists(
    st.one_of(
        st.text(max_size=50).filter(lambda t: t.isascii() or not any("\ud800" <= c <= "\udfff" for c in t)),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.none(),
    ),
    max_size=6,
)


@given(PARTS)
def test_what_is_packed_is_unpacked(parts: list[Any]) -> None:
    packed = opaque.pack("kind", *parts)
    assert opaque.unpack("kind", packed, len(parts)) == parts
    assert opaque.unpack("other", packed, len(parts)) is None
    assert opaque.unpack("kind", packed, len(parts) + 1) is None
    assert packed.isascii()
    assert not set(packed) & set("+/= ")


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_whatever_else_comes_is_none(text: str) -> None:
    found = opaque.unpack("kind", text, 1)
    assert found is None or len(found) == 1


@pytest.mark.parametrize("value", [None, 5, "kind", {}, [], ["kind"], ["other", 1], [["kind"], 1]])
def test_other_json_is_none(value: Any) -> None:
    text = base64.urlsafe_b64encode(orjson.dumps(value)).decode()
    assert opaque.unpack("kind", text, 1) is None


def test_deep_and_long_strings_are_none() -> None:
    assert opaque.unpack("kind", base64.urlsafe_b64encode(b"[" * 3_000).decode(), 1) is None
    assert opaque.unpack("kind", opaque.pack("kind", "x" * 10_000), 1) is None


@pytest.mark.parametrize("char", ["\x01", "🐚", "ß"])
def test_the_longest_title_fits(char: str) -> None:
    assert opaque.unpack("books", opaque.pack("books", char * 500, "x" * 36), 2) == [char * 500, "x" * 36]
