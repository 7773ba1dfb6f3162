"""Versions of one passage: which one wins, and which identity they share."""

from tests.services.imports.clippings_text import at, highlight, messages, note, only, read, texts

NOTICE = "<You have reached the clipping limit for this item>"
PUBLISHER = "<You have reached the clipping limit set by the publisher, Heron & Daughters>"


def test_longer_version_wins_and_keeps_the_key() -> None:
    first = highlight("Location 98-100", "The ferry left")
    before = only(read(first))
    after = only(read(first, highlight("Location 98-102", "The ferry left before the tide.", date=at(1))))
    assert (after.text, after.location_end, after.line) == ("The ferry left before the tide.", 103, 6)
    assert after.key == before.key


def test_shorter_version_wins_when_it_is_later() -> None:
    parsed = read(
        highlight("Location 98-102", "The ferry left before the tide."),
        highlight("Location 98-100", "The ferry left", date=at(9)),
    )
    assert only(parsed).text == "The ferry left"
    assert parsed.collapsed == 1


def test_version_with_another_start_keeps_the_key() -> None:
    first = highlight("Location 100-102", "before the tide.")
    parsed = read(first, highlight("Location 98-102", "The ferry left before the tide.", date=at(1)))
    assert only(parsed).key == only(read(first)).key
    assert only(parsed).other_keys == (only(read(highlight("Location 98-102", "The ferry left before"))).key,)


def test_gap_over_a_day_keeps_both_unless_one_holds_the_other() -> None:
    first = highlight("Location 98-102", "one two three four five six", date=at(0))
    second = highlight("Location 100-104", "four five six seven eight", date=at(1, day=2))
    assert len(read(first, second).entries) == 2
    soon = highlight("Location 100-104", "four five six seven eight", date=at(60))
    assert texts(read(first, soon)) == ["four five six seven eight"]
    third = highlight("Location 98-104", "one two three four five six seven", date=at(0, day=9))
    assert texts(read(first, third)) == ["one two three four five six seven"]


def test_unknown_date_keeps_both_unless_one_holds_the_other() -> None:
    first = highlight("Location 98-102", "one two three four five six", date="some day")
    second = highlight("Location 100-104", "four five six seven eight")
    assert len(read(first, second).entries) == 2


def test_different_passages_within_one_location_stay_apart() -> None:
    parsed = read(highlight("Location 49-49", "ferry"), highlight("Location 49-49", "glass", date=at(1)))
    assert texts(parsed) == ["ferry", "glass"]


def test_part_of_a_word_is_no_version_of_it() -> None:
    parsed = read(highlight("Location 49-49", "my ferryman"), highlight("Location 49-49", "ferry", date=at(1)))
    assert len(parsed.entries) == 2


def test_neighbours_that_share_a_location_stay_apart() -> None:
    parsed = read(
        highlight("Location 98-102", "The ferry left before the tide."),
        highlight("Location 102-104", "Nobody waved.", date=at(1)),
    )
    assert len(parsed.entries) == 2


def test_same_page_without_location_needs_a_common_text() -> None:
    parsed = read(
        highlight("page 7", "The ferry left"),
        highlight("page 7", "Nobody waved.", date=at(1)),
        highlight("page 7", "The ferry left at dawn", date=at(2)),
    )
    assert texts(parsed) == ["Nobody waved.", "The ferry left at dawn"]


def test_repeated_records_keep_the_first_date() -> None:
    parsed = read(*(highlight("Location 98-102", "The ferry left.", date=at(0, day=day)) for day in (1, 5, 9)))
    entry = only(parsed)
    assert entry.highlighted_at is not None
    assert entry.highlighted_at.day == 1
    assert parsed.collapsed == 2


def test_passage_over_two_others_takes_their_notes() -> None:
    left, right = highlight("Location 10-14", "one two three"), highlight("Location 20-24", "seven eight nine")
    separate = read(left, right)
    parsed = read(
        left,
        right,
        note("Location 14", "first thought"),
        note("Location 24", "second thought"),
        highlight("Location 10-24", "one two three four five six seven eight nine", date=at(2)),
    )
    entry = only(parsed)
    assert entry.note == "first thought\n\nsecond thought"
    assert entry.key == separate.entries[0].key
    assert separate.entries[1].key in entry.other_keys


def test_books_of_one_title_by_others_stay_apart() -> None:
    parsed = read(
        highlight("Location 98-102", "The ferry left.", title="Poems (Nora Wynn)"),
        highlight("Location 98-102", "A crow replied.", title="Poems (Sam Okoro)"),
    )
    assert len(parsed.entries) == 2


def test_book_with_unknown_author_first() -> None:
    parsed = read(
        highlight("Location 98-102", "The ferry left.", title="The Glass  Ferry (Unknown)"),
        highlight("Location 198-202", "Nobody waved.", title="the glass ferry (Wynn, Nora)"),
    )
    assert {entry.authors for entry in parsed.entries} == {("Wynn, Nora",)}


def test_date_and_author_are_no_part_of_the_key() -> None:
    one = only(read(highlight("Location 98-102", "The ferry left.")))
    other = only(
        read(highlight("Location 98-102", "The ferry\u00a0 left.", date=at(5, day=8), title="The Glass Ferry"))
    )
    assert one.key == other.key
    assert len(one.key) == 32


def test_notice_alone_is_skipped_with_its_reason() -> None:
    parsed = read(highlight("Location 98-102", f" {NOTICE}"), note("Location 102", "sad"))
    assert not parsed.entries
    assert messages(parsed) == [
        "highlight whose whole text is the clipping-limit notice",
        "note without its highlight (the one in line 1 was skipped): sad",
    ]


def test_notice_behind_a_text_marks_it_truncated() -> None:
    entry = only(read(highlight("Location 98-102", f"The ferry left before {PUBLISHER}")))
    assert (entry.text, entry.truncated, entry.location_start) == ("The ferry left before", True, 98)


def test_notice_never_wins_over_a_real_text() -> None:
    whole = highlight("Location 98-102", "The ferry left before the tide.")
    for cut in (NOTICE, f"The ferry left... {NOTICE}"):
        entry = only(read(whole, highlight("Location 98-102", cut, date=at(1))))
        assert (entry.text, entry.truncated) == ("The ferry left before the tide.", False)
    entry = only(read(highlight("Location 98-102", f"The ferry left {NOTICE}"), whole))
    assert (entry.text, entry.truncated) == ("The ferry left before the tide.", False)
