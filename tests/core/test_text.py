"""Text: what can be stored, what is markup, what names are compared by."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.text import fold, is_storable, without_markup

ANY_TEXT = st.text(st.characters(exclude_categories=()))
PIECES = [*"<>&;/!\"'= ab\n", "&lt;", "&gt;", "&amp;", "<b>", "</b>", "<script>", "&#60;", "🐚"]
TAGGY = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@given(ANY_TEXT)
def test_a_text_is_storable_when_utf8_holds_it_and_it_has_no_nul(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        assert not is_storable(value)
    else:
        assert is_storable(value) == ("\x00" not in value)


@given(st.one_of(TAGGY, st.text()))
@example("&" + "amp;" * 40 + "lt;script&" + "amp;" * 40 + "gt;alert(1)&lt;/script>")
@example("<<b>script>alert(1)<</b>/script>")
def test_what_is_left_without_markup_has_none_and_is_not_longer(value: str) -> None:
    bare = without_markup(value)
    assert without_markup(bare) == bare
    assert len(bare) <= len(value)
    assert "<script" not in bare.lower()
    assert "<b>" not in bare


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("I <3 you & they < we", "I <3 you & they < we"),
        ("a *quiet* [place](https://example.org)\n\n- one", "a *quiet* [place](https://example.org)\n\n- one"),
        ("<b>bold</b> and <a href='x' onclick='y'>linked</a>", "bold and linked"),
        ("before<script>alert(1)</script>after", "beforeafter"),
        ("<style>p{}</style>kept", "kept"),
        ("&lt;img src=x onerror=y&gt;", ""),
        ("<!-- hidden -->seen", "seen"),
    ],
)
def test_tags_go_and_words_stay(value: str, left: str) -> None:
    assert without_markup(value) == left


@given(st.text())
@example("ΐ\u0345")
@example("İstanbul")
def test_folding_again_changes_nothing_and_case_makes_no_difference(value: str) -> None:
    folded = fold(value)
    assert fold(folded) == folded
    assert fold(value.casefold()) == folded
    assert fold(unicodedata.normalize("NFKC", value)) == folded
    assert fold(unicodedata.normalize("NFD", value)) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Lighthouse Ledger", "the light-house ledger!"),
        ("\uff2c\uff45\uff44\uff47\uff45\uff52", "ledger"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "CAFÉ"),
        ("ﬁne", "FINE"),
        ("❤️ Tide", "❤ tide"),
        ("Volume Ⅳ", "volume iv"),
    ],
)
def test_spellings_of_one_name_fold_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("की", "का"), ("มา", "มี"), ("Tide 1", "Tide 2"), ("நீ", "நா")])
def test_other_names_stay_apart_in_scripts_whose_vowels_are_marks(one: str, other: str) -> None:
    assert fold(one) != fold(other)
