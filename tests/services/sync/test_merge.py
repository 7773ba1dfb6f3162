"""Who wins, ties, and times: the pure rules."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.profiles import Visibility
from services.sync.merge import Hand, Stamp, Verdict, color_tie, corrected, fork_id, judge, visibility_tie
from tests.services.sync.support import NOON, PHONE, TABLET, at

STANDING = Stamp(5, NOON, PHONE)
YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    ("hand", "verdict"),
    [
        pytest.param(Hand(TABLET, at(-9), 5), Verdict.WINS, id="seen, though earlier"),
        pytest.param(Hand(TABLET, at(-9), 6), Verdict.WINS, id="seen a later version"),
        pytest.param(Hand(TABLET, at(-9), 4), Verdict.LOSES, id="unseen and earlier"),
        pytest.param(Hand(TABLET, at(9), 4), Verdict.WINS, id="unseen and later"),
        pytest.param(Hand(TABLET, NOON, 4), Verdict.TIES, id="unseen at the same time"),
        pytest.param(Hand(TABLET, at(-9), None), Verdict.LOSES, id="nothing of this epoch seen, earlier"),
        pytest.param(Hand(PHONE, at(-9), None), Verdict.WINS, id="same writer, though earlier"),
        pytest.param(Hand(PHONE, NOON, 0), Verdict.WINS, id="same writer never ties"),
        pytest.param(Hand(None, NOON, 0), Verdict.TIES, id="an unknown writer is not the same"),
    ],
)
def test_an_edit_is_judged_by_what_was_seen_then_who_then_when(hand: Hand, verdict: Verdict) -> None:
    assert judge(STANDING, hand) is verdict


def test_two_unknown_writers_are_not_one() -> None:
    assert judge(Stamp(5, NOON, None), Hand(None, at(-1), 4)) is Verdict.LOSES


def test_a_tie_of_colours_goes_to_the_higher_device() -> None:
    assert color_tie(STANDING, Hand(TABLET, NOON, 0)) is Verdict.WINS
    assert color_tie(Stamp(5, NOON, TABLET), Hand(PHONE, NOON, 0)) is Verdict.LOSES


def test_a_tie_of_visibilities_goes_to_the_stricter() -> None:
    assert visibility_tie(Visibility.PUBLIC, Visibility.MUTUALS) is Verdict.WINS
    assert visibility_tie(Visibility.PRIVATE, Visibility.MUTUALS) is Verdict.LOSES


@pytest.mark.parametrize("wrong_by", [-YEAR, YEAR, timedelta(0), timedelta(minutes=7)])
def test_a_wrong_device_clock_is_taken_out_of_the_time(wrong_by: timedelta) -> None:
    done = NOON - timedelta(hours=3)
    assert corrected(done + wrong_by, NOON + wrong_by, NOON) == done


def test_a_time_is_never_later_than_now() -> None:
    assert corrected(NOON + YEAR, NOON, NOON) == NOON
    assert corrected(datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), NOON) == NOON


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_no_pair_of_times_is_too_strange(done: datetime, sent: datetime) -> None:
    assert corrected(done, sent, NOON) <= NOON


def test_a_forks_id_follows_from_the_operations() -> None:
    assert fork_id(UUID(int=7)) == fork_id(UUID(int=7))
    assert fork_id(UUID(int=7)) != fork_id(UUID(int=8))
    assert fork_id(UUID(int=7)).version == 5
