"""Ids: time-ordered inside, one spelling outside."""

import base64
import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.ids import global_id, read_global_id, read_id, uuid7

KINDS = st.from_regex(r"[A-Za-z]{1,40}", fullmatch=True)
KEY = UUID("01a1fcda-4135-705e-9c9a-f17744452026")


@given(KINDS, st.uuids())
def test_a_global_id_reads_back(kind: str, key: UUID) -> None:
    assert read_global_id(global_id(kind, key)) == (kind, key)
    assert read_id(global_id(kind, key), kind) == key


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.b64encode(raw).decode())))
def test_whatever_is_no_global_id_is_refused_and_what_is_has_one_spelling(text: str) -> None:
    try:
        kind, key = read_global_id(text)
    except Invalid:
        return
    assert global_id(kind, key) == text


def spelled(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "nonsense",
        "Ünïcode",
        "\ud800",
        str(KEY),
        spelled(f"Book:{str(KEY).upper()}"),
        spelled(f"Book:{KEY.hex}"),
        spelled(f"Book:{{{KEY}}}"),
        spelled(f"Book:{KEY}\n"),
        spelled(f":{KEY}"),
        spelled(f"{'B' * 41}:{KEY}"),
        spelled(f"Bücher:{KEY}"),
        spelled("Book:1"),
        spelled(f"Book:{KEY}").rstrip("="),
        spelled(f"Book:{KEY}") + "=",
        spelled(f"Book:{KEY}") + "\n",
        " " + spelled(f"Book:{KEY}"),
        base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode(),
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not an id that this server gave out"):
        read_global_id(text)


def test_bits_behind_the_last_byte_do_not_make_another_spelling() -> None:
    good = global_id("User", KEY)
    assert good.endswith("=")
    stem, last = good.rstrip("=")[:-1], good.rstrip("=")[-1]
    sloppy = stem + chr(ord(last) + 1) + "=" * good.count("=")
    assert base64.b64decode(sloppy) == base64.b64decode(good)
    with pytest.raises(Invalid):
        read_global_id(sloppy)


def test_an_id_of_another_type_is_refused_at_its_field() -> None:
    with pytest.raises(Invalid, match="the id of a User; a Book is needed here") as caught:
        read_id(global_id("User", KEY), "Book", "book", "id")
    assert caught.value.problems[0].field == ("book", "id")


def test_uuids_are_version_7_distinct_and_in_order_of_time() -> None:
    began = time.time_ns() // 1_000_000
    made = [uuid7() for _ in range(5_000)]
    ended = time.time_ns() // 1_000_000
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in made)
    assert len(set(made)) == len(made)
    assert began <= made[0].int >> 80 <= made[-1].int >> 80 <= ended
    times = [one.int >> 64 for one in made]
    assert times == sorted(times)
