"""What a profile may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Problems
from services.profiles import check_display_name, check_username, is_website


def wrong(check: object, value: str) -> list[str]:
    problems = Problems()
    assert callable(check)
    check(problems, value)
    return [problem.message for problem in problems.noted]


@given(st.from_regex(r"[A-Za-z0-9_]{3,30}", fullmatch=True))
def test_letters_digits_and_underscores_make_a_username(name: str) -> None:
    assert wrong(check_username, name) == []


@given(st.text(min_size=1, max_size=40))
def test_nothing_else_makes_one(name: str) -> None:
    good = 3 <= len(name) <= 30 and name.isascii() and name.replace("_", "a").isalnum()
    assert (wrong(check_username, name) == []) == good


@given(st.text("<>&;/ab \x00\ud800", max_size=120))
def test_a_display_name_has_at_most_one_thing_wrong_and_no_text_breaks_the_check(name: str) -> None:
    assert len(wrong(check_display_name, name)) <= 1
    if "<b>" in name or "</a>" in name or not name.strip():
        assert wrong(check_display_name, name)


def test_a_huge_display_name_is_measured_before_it_is_read() -> None:
    assert wrong(check_display_name, "&" + "amp;" * 1_000_000) == ["Display name cannot exceed 100 characters"]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "HTTP://example.org",
        "http://example.org:8080/a/b?c=d&e=f#g",
        "https://b\u00fccher.example/\u00fc",
        "https://user@example.org",
        "https://[::1]/",
    ],
)
def test_an_absolute_web_address_is_a_website(url: str) -> None:
    assert is_website(url)


@given(st.text(max_size=60))
def test_no_text_breaks_the_check_of_a_website(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.org/{text}"):
        if is_website(url):
            assert url.lower().startswith(("http://", "https://"))
            assert not set(url) & set(' <>"\n\r\t\x00')
