"""Which books are the same: ISBNs and match keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from services.catalog import match_key, read_isbn

DIGITS = st.text("0123456789", min_size=9, max_size=9)


def isbn_10(stem: str) -> str:
    """Put the check digit of an ISBN-10 behind its nine digits, by trying all eleven."""
    return next(
        stem + last
        for last in "0123456789X"
        if sum((10 - i) * (10 if d == "X" else int(d)) for i, d in enumerate(stem + last)) % 11 == 0
    )


def isbn_13(stem: str) -> str:
    """Put the check digit of an ISBN-13 behind its twelve digits, by trying all ten."""
    return next(
        stem + last
        for last in "0123456789"
        if (sum(map(int, (stem + last)[::2])) + 3 * sum(map(int, (stem + last)[1::2]))) % 10 == 0
    )


@given(DIGITS, st.lists(st.integers(0, 9), max_size=4), st.sampled_from("- \u2010\u2013"))
def test_both_lengths_of_an_isbn_read_as_one_with_any_hyphens(stem: str, places: list[int], hyphen: str) -> None:
    short, long = isbn_10(stem), isbn_13("978" + stem)
    for place in places:
        short = short[:place] + hyphen + short[place:]
    assert read_isbn(short) == read_isbn(short.lower()) == read_isbn(long) == long


@given(st.sampled_from(["978", "979"]), DIGITS, st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_found(prefix: str, stem: str, place: int, off: int) -> None:
    good = isbn_13(prefix + stem)
    assert read_isbn(good) == good
    bad = good[:place] + str((int(good[place]) + off) % 10) + good[place + 1 :]
    with pytest.raises(Invalid):
        read_isbn(bad)


@given(st.text())
def test_whatever_is_no_isbn_is_refused_and_what_is_has_thirteen_digits(text: str) -> None:
    try:
        found = read_isbn(text)
    except Invalid:
        return
    assert len(found) == 13
    assert found.isascii()
    assert found.isdigit()


@given(st.text(max_size=30), st.text(max_size=20))
def test_case_does_not_make_another_book(title: str, author: str) -> None:
    assert match_key(title, [author]) == match_key(title.casefold(), [author.casefold()])
    assert match_key(title, [author, "Somebody Else"]) == match_key(title, [author])


@pytest.mark.parametrize(
    "author",
    ["Orla Venn", "Venn, Orla", "Venn,Orla", "VENN, O.", "Orla M. Venn", "Orla Venn Jr.", "Venn, Orla, III", " Venn "],
)
def test_an_author_is_known_by_the_last_name(author: str) -> None:
    assert match_key("Tides", [author]) == match_key("Tides", ["Orla Venn"])


@pytest.mark.parametrize(("title", "authors"), [("Tides", []), ("Tides", ["Venn Orla"]), ("Tides: Two", ["Orla Venn"])])
def test_another_name_is_another_key(title: str, authors: list[str]) -> None:
    assert match_key(title, authors) != match_key("Tides", ["Orla Venn"])


def test_title_and_author_do_not_run_into_each_other() -> None:
    assert match_key("Tides Venn", []) != match_key("Tides", ["Venn"])
