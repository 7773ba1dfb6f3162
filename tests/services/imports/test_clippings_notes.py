"""Which highlight a note belongs to."""

import pytest

from tests.services.imports.clippings_text import at, highlight, messages, note, only, read

FILLER = [highlight(f"Location {place}-{place + 2}", f"passage {place}") for place in range(5000, 5400, 4)]


def _notes(*records: str) -> dict[str, str | None]:
    return {entry.text: entry.note for entry in read(*records).entries}


def test_end_goes_before_inside_before_start() -> None:
    ends = highlight("Location 90-100", "ends there", date=at(1))
    around = highlight("Location 99-110", "lies around", date=at(2, day=9))
    starts = highlight("Location 100-120", "begins there", date=at(3, day=20))
    thought = note("Location 100", "thought", date=at(4, day=25))
    assert _notes(starts, around, thought, ends)["ends there"] == "thought"
    assert _notes(starts, around, thought)["lies around"] == "thought"
    assert _notes(starts, thought)["begins there"] == "thought"


@pytest.mark.parametrize("note_first", [True, False])
def test_far_away_in_both_directions(note_first: bool) -> None:
    pair = [note("Location 102", "thought"), highlight("Location 98-102", "The ferry left.")]
    first, last = pair if note_first else reversed(pair)
    assert _notes(first, *FILLER, last)["The ferry left."] == "thought"


def test_later_note_replaces_the_earlier_one() -> None:
    parsed = read(
        note("Location 102", "thou"),
        highlight("Location 98-102", "The ferry left."),
        *FILLER,
        note("Location 102", "another thought", date=at(1)),
    )
    assert parsed.entries[0].note == "another thought"
    assert parsed.collapsed == 1


def test_note_of_an_older_version() -> None:
    parsed = read(
        highlight("Location 98-102", "The ferry left before the tide."),
        note("Location 102", "thought"),
        highlight("Location 98-100", "The ferry left", date=at(1)),
    )
    assert (only(parsed).text, only(parsed).note) == ("The ferry left", "thought")


def test_two_highlights_in_one_location_keep_their_neighbours() -> None:
    found = _notes(
        highlight("Location 49-49", "ferry", date=at(1)),
        note("Location 49", "a boat", date=at(2)),
        highlight("Location 49-49", "glass", date=at(3)),
        note("Location 49", "sand", date=at(4)),
    )
    assert found == {"ferry": "a boat", "glass": "sand"}


def test_corrected_note_stays_with_its_highlight() -> None:
    found = _notes(
        highlight("Location 49-49", "ferry", date=at(1)),
        note("Location 49", "a boat", date=at(2)),
        *FILLER,
        highlight("Location 49-49", "glass", date=at(3)),
        *FILLER[:3],
        note("Location 49", "a boat of course", date=at(9)),
    )
    assert (found["ferry"], found["glass"]) == ("a boat of course", None)


def test_page_notes_stay_on_their_page_and_at_their_second() -> None:
    found = _notes(
        highlight("page 7", "ferry", date=at(1)),
        highlight("page 7", "glass", date=at(2)),
        note("page 7", "of the ferry", date=at(1)),
        note("page 7", "of the glass", date=at(2)),
    )
    assert found == {"ferry": "of the ferry", "glass": "of the glass"}


def test_note_without_its_highlight_is_reported_with_its_words() -> None:
    parsed = read(
        highlight("Location 98-102", "The ferry left."),
        note("Location 102", "other book", title="Another Ferry (Nora Wynn)"),
        note("Location 103", "beside\nit"),
        note("page 9", "no page"),
        note("the moon", "nowhere at all"),
    )
    assert messages(parsed) == [
        "note without its highlight: other book",
        "note without its highlight: beside it",
        "note without its highlight: no page",
        "note without its highlight: nowhere at all",
    ]
    assert parsed.problems[0].book == ("Another Ferry", ("Nora Wynn",))


def test_long_notes_are_reported_and_never_cut() -> None:
    parsed = read(
        highlight("Location 98-110", "The ferry left."),
        note("Location 110", "n" * 3000),
        note("Location 100", "m" * 3000),
        note("Location 101", "o" * 4001),
    )
    assert only(parsed).note == "m" * 3000
    assert [message[:40] for message in messages(parsed)] == [
        "the notes of this highlight would be lon",
        "note longer than 4,000 characters",
    ]


def test_empty_notes_are_reported() -> None:
    assert messages(read(note("Location 9", " \u200b ")))[0] == "note without text"
