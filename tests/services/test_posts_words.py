"""Hashtags and mentions, told from the rest of a text."""

# ruff: noqa: RUF001 - many scripts, and letters of full width

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.posts_words import fold_tag, hashtags, mentions

TAGS = [
    ("", []),
    ("no tags here", []),
    ("#Tides and #tides and #TIDES", ["tides"]),
    ("#b, then #a.", ["b", "a"]),
    ("(#one) [#two] “#three”…#four", ["one", "two", "three", "four"]),
    ("#1984 is a book, #_ is none, #__ neither", ["1984"]),
    ("#snake_case #kebab-case", ["snake_case", "kebab"]),
    ("# Heading\n## Second\n#", []),
    ("word#tag a_#tag ##tag #a#b", ["a"]),
    ("C# and F#", []),
    ("https://example.org/#part http://a.example/b#c www.example.org/#d", []),
    ("example.org/#part &#39; &#x27;", []),
    ("[text](https://example.org/#part) #real", ["real"]),
    ("mail #ada@example.org", []),
    ("#Straße #STRASSE", ["strasse"]),
    ("#ΣΊΣΥΦΟΣ #σίσυφος", ["σίσυφοσ"]),
    ("#İstanbul", ["i̇stanbul"]),
    ("#cafe\u0301 #café", ["café"]),
    ("#ＦｕｌｌＷｉｄｔｈ ＃読書", ["fullwidth", "読書"]),
    ("#読書記録、#本", ["読書記録", "本"]),
    ("#हिन्दी #मराठी", ["हिन्दी", "मराठी"]),
    ("#עברית #العربية #ภาษาไทย", ["עברית", "العربية", "ภาษาไทย"]),
    ("#١٢٣ #१९८४", ["١٢٣", "१९८४"]),
    ("#️⃣ #🐚 #tide🐚", ["tide"]),
    ("#\u0301mark", []),
    ("#ﷺ", ["صلىاللهعليهوسلم"]),
    ("#" + "x" * 100, ["x" * 100]),
    ("#" + "x" * 101, []),
    ("line\n#tag\ttab #other", ["tag", "other"]),
]
NAMES = [
    ("@ada", ["ada"]),
    ("Hi @Ada, @BEN! (@cora) ＠dora", ["ada", "ben", "cora", "dora"]),
    ("@ada @ADA @ａｄａ", ["ada"]),
    ("ada@example.org a.b+c@mail.example.org mailto:ada@example.org", []),
    ("@ada@social.example", []),
    ("https://example.org/@ada example.org/@ada", []),
    ("word@ada _@ada @@ada", []),
    ("@ab @" + "x" * 31 + " @" + "y" * 30, ["y" * 30]),
    ("@ada_lovelace @ada-lovelace @ada.", ["ada_lovelace", "ada"]),
    ("@adaé @日本語", []),
    ("@ada's book", ["ada"]),
]


@pytest.mark.parametrize(("text", "found"), TAGS)
def test_hashtags(text: str, found: list[str]) -> None:
    assert hashtags(text) == found


@pytest.mark.parametrize(("text", "found"), NAMES)
def test_mentions(text: str, found: list[str]) -> None:
    assert mentions(text) == found


@pytest.mark.parametrize(
    ("value", "folded"),
    [
        ("tides", "tides"),
        ("#Tides", "tides"),
        (" ＃ＴＩＤＥＳ ", "tides"),
        ("##a", ""),
        ("a b", ""),
        ("", ""),
        ("#", ""),
        ("a,", ""),
    ],
)
def test_a_tag_that_is_asked_for(value: str, folded: str) -> None:
    assert fold_tag(value) == folded


WORDS = st.text(st.characters(categories=["L", "M", "Nd"], include_characters="_"), min_size=1, max_size=20)
TEXTS = st.text(max_size=300) | st.text("#@_a1é読 .,/:-\n+＃\u0301\ufe0f", max_size=60)


@given(TEXTS)
def test_every_tag_is_found_again_by_itself(text: str) -> None:
    for tag in hashtags(text):
        assert fold_tag(tag) == fold_tag(f"#{tag}") == tag
        assert hashtags(f"a #{tag}, b") == [tag] or unicodedata.category(tag[0])[0] == "M"


@given(TEXTS)
def test_every_name_is_a_username(text: str) -> None:
    for name in mentions(text):
        assert mentions(f"@{name.upper()}") == [name]


@given(WORDS)
def test_case_and_form_do_not_matter(word: str) -> None:
    forms = {fold_tag(unicodedata.normalize(form, word)) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert len(forms - {""}) <= 1


@given(st.text(max_size=50), WORDS)
def test_what_stands_inside_a_word_is_no_tag(before: str, word: str) -> None:
    assert hashtags(f"{before}x#{word}") == hashtags(f"{before}x")


@pytest.mark.parametrize("part", ["#", "@", "#a", "a@", "http://", "@a.", "a.", "a@a.", "#a@", "www.", "-a.-"])
def test_a_long_text_of_anything_is_read(part: str) -> None:
    text = part * (20_000 // len(part))
    assert isinstance(hashtags(text), list)
    assert isinstance(mentions(text), list)
