"""Tokens: nobody but the server writes one, and none is good for ever."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import clock
from core.signing import Expired, Signer

SIGNER = Signer("a secret that only tests sign with")
LATER = timedelta(minutes=15)


def test_what_was_signed_is_read_again() -> None:
    token = SIGNER.sign("export", clock.now() + LATER, "one", 2, None)
    assert SIGNER.read("export", token, 3) == ["one", 2, None]
    assert all(char.isalnum() or char in "-_." for char in token)


def test_a_token_of_another_kind_or_length_or_secret_is_none() -> None:
    token = SIGNER.sign("export", clock.now() + LATER, "one")
    assert SIGNER.read("upload", token, 1) is None
    assert SIGNER.read("export", token, 2) is None
    assert Signer("another secret, as long as the first").read("export", token, 1) is None


def test_a_token_past_its_time_is_told_from_a_forged_one() -> None:
    with pytest.raises(Expired):
        SIGNER.read("export", SIGNER.sign("export", clock.now() - timedelta(seconds=1), "one"), 1)


@given(st.integers(0, 60), st.text(min_size=1, max_size=1))
def test_no_changed_letter_goes_unseen(place: int, letter: str) -> None:
    token = SIGNER.sign("export", clock.now() + LATER, "one")
    changed = token[:place] + letter + token[place + 1 :]
    assert (SIGNER.read("export", changed, 1) is None) == (changed != token)


@given(st.text(max_size=100))
def test_nothing_that_was_not_signed_is_read(text: str) -> None:
    assert SIGNER.read("export", text, 1) is None
