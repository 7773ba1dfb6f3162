"""What becomes of operations: created, edited, deleted, restored, late, repeated, and of others' things."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.errors import Conflict, Gone, NotFound
from models.highlights import HighlightColor
from models.profiles import Visibility
from models.sync import OpOutcome
from services.sync.drafts import Change
from services.sync.merge import fork_id
from tests.services.sync.support import (
    DELETE,
    KINDLE,
    NOON,
    OTHER_READER,
    PHONE,
    RESTORE,
    TABLET,
    THE,
    Shelf,
    at,
    create,
    edit,
    passage,
)


@pytest.fixture
def shelf() -> Shelf:
    made = Shelf()
    assert made.do(create(note="a note")).outcome is OpOutcome.APPLIED
    return made


def test_each_register_is_merged_by_itself(shelf: Shelf) -> None:
    shelf.do(edit(note="tablet's"), by=TABLET, when=at(9))
    late = shelf.do(edit(note="kindle's", color="PINK", passage="other words"), by=KINDLE, when=at(5), based_on=1)
    assert late.outcome is OpOutcome.MERGED
    assert (shelf.the.note, shelf.the.color, shelf.the.text) == ("tablet's", HighlightColor.PINK, "other words")


def test_an_edit_made_after_seeing_the_other_wins_whatever_its_time(shelf: Shelf) -> None:
    shelf.do(edit(note="tablet's"), by=TABLET, when=at(9))
    assert shelf.do(edit(note="seen"), by=KINDLE, when=at(-99), based_on=shelf.seq).outcome is OpOutcome.APPLIED
    assert shelf.the.note == "seen"


def test_an_edit_that_loses_everywhere_changes_nothing(shelf: Shelf) -> None:
    shelf.do(edit(note="later"), by=TABLET, when=at(9))
    before = (shelf.seq, shelf.registers(), shelf.stamps(), len(shelf.events))
    assert shelf.do(edit(note="earlier"), by=KINDLE, when=at(5), based_on=1).outcome is OpOutcome.SUPERSEDED
    assert (shelf.seq, shelf.registers(), shelf.stamps(), len(shelf.events)) == before


def test_edits_of_one_device_apply_in_the_order_given_though_its_clock_went_back(shelf: Shelf) -> None:
    for note, when in (("one", at(9)), ("two", at(3)), ("three", at(3))):
        applied = shelf.do(edit(note=note), by=TABLET, when=when, based_on=1)
        assert (applied.outcome, applied.fork) == (OpOutcome.APPLIED, None)
    assert shelf.the.note == "three"


@pytest.mark.parametrize("register", ["note", "passage"])
def test_words_written_at_the_same_time_are_both_kept(shelf: Shelf, register: str) -> None:
    shelf.do(edit(**{register: "tablet's"}), by=TABLET, when=at(9))
    tied = shelf.do(edit(**{register: "kindle's"}), by=KINDLE, when=at(9), based_on=1, op_id=UUID(int=77))
    assert tied.outcome is OpOutcome.FORKED
    assert tied.fork is not None
    assert (tied.fork.id, tied.fork.conflict_of, tied.fork.deleted_at) == (fork_id(UUID(int=77)), THE, None)
    column = "text" if register == "passage" else "note"
    assert (getattr(shelf.the, column), getattr(tied.fork, column)) == ("tablet's", "kindle's")
    other = "note" if register == "passage" else "text"
    assert getattr(tied.fork, other) == getattr(shelf.the, other)


def test_a_fork_holds_all_that_its_maker_meant(shelf: Shelf) -> None:
    shelf.do(edit(note="tablet's", color="GREEN"), by=TABLET, when=at(9))
    tied = shelf.do(edit(note="kindle's", color="PINK", visibility="PUBLIC"), by=KINDLE, when=at(9), based_on=1)
    assert tied.fork is not None
    assert (tied.fork.note, tied.fork.color, tied.fork.visibility) == (
        "kindle's",
        HighlightColor.PINK,
        Visibility.PUBLIC,
    )
    assert (shelf.the.note, shelf.the.color, shelf.the.visibility) == (
        "tablet's",
        HighlightColor.PINK,
        Visibility.PUBLIC,
    )


def test_the_same_tied_operation_makes_one_fork_though_its_outcome_is_forgotten(shelf: Shelf) -> None:
    shelf.do(edit(note="tablet's"), by=TABLET, when=at(9))
    first, second = (
        shelf.do(edit(note="kindle's"), by=KINDLE, when=at(9), based_on=1, op_id=UUID(int=77)) for _ in range(2)
    )
    assert first.fork is second.fork
    assert second.outcome is OpOutcome.FORKED
    assert len(shelf.rows) == 2


def test_a_fork_never_answers_with_another_readers_highlight(shelf: Shelf) -> None:
    shelf.do(create("theirs"), to=fork_id(UUID(int=77)), reader=OTHER_READER)
    shelf.do(edit(note="tablet's"), by=TABLET, when=at(9))
    before = (shelf.seq, shelf.registers(), shelf.stamps())
    with pytest.raises(Conflict):
        shelf.do(edit(note="k", color="PINK"), by=KINDLE, when=at(9), based_on=1, op_id=UUID(int=77))
    assert (shelf.seq, shelf.registers(), shelf.stamps()) == before


def test_colours_at_the_same_time_go_to_the_higher_device(shelf: Shelf) -> None:
    shelf.do(edit(color="GREEN"), by=TABLET, when=at(9))
    assert shelf.do(edit(color="PINK"), by=KINDLE, when=at(9), based_on=1).outcome is OpOutcome.APPLIED
    assert shelf.do(edit(color="BLUE"), by=PHONE, when=at(9), based_on=1).outcome is OpOutcome.SUPERSEDED
    assert shelf.the.color is HighlightColor.PINK


def test_visibilities_at_the_same_time_go_to_the_stricter(shelf: Shelf) -> None:
    shelf.do(edit(visibility="FOLLOWERS"), by=TABLET, when=at(9))
    assert shelf.do(edit(visibility="PUBLIC"), by=KINDLE, when=at(9), based_on=1).outcome is OpOutcome.SUPERSEDED
    assert shelf.do(edit(visibility="MUTUALS"), by=KINDLE, when=at(9), based_on=1).outcome is OpOutcome.APPLIED
    assert shelf.the.visibility is Visibility.MUTUALS


@pytest.mark.parametrize("first", ["delete", "restore"])
def test_deleted_and_restored_at_the_same_time_is_alive(shelf: Shelf, first: str) -> None:
    shelf.do(DELETE, when=at(1))
    shelf.do(RESTORE, when=at(2))
    if first == "restore":
        shelf.do(DELETE, by=PHONE, when=at(3))
        shelf.do(RESTORE, by=TABLET, when=at(9), based_on=shelf.seq)
        assert shelf.do(DELETE, by=KINDLE, when=at(9), based_on=1).outcome is OpOutcome.SUPERSEDED
    else:
        shelf.do(DELETE, by=KINDLE, when=at(9))
        assert shelf.do(RESTORE, by=TABLET, when=at(9), based_on=1).outcome is OpOutcome.APPLIED
    assert shelf.the.deleted_at is None
    assert shelf.the.restorable_until is None


def test_saying_what_stands_there_already_changes_nothing(shelf: Shelf) -> None:
    seq, events = shelf.seq, len(shelf.events)
    same = shelf.do(edit(note="a note", color="YELLOW", visibility="PRIVATE", passage="first words"), by=TABLET)
    assert (same.outcome, shelf.seq, len(shelf.events)) == (OpOutcome.APPLIED, seq, events)


def test_agreeing_later_defends_what_stands_there(shelf: Shelf) -> None:
    shelf.do(edit(color="YELLOW"), by=TABLET, when=at(9), based_on=0)
    assert shelf.do(edit(color="PINK"), by=KINDLE, when=at(5), based_on=0).outcome is OpOutcome.SUPERSEDED


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_three_at_the_same_time_end_alike_though_two_agree(shelf: Shelf, order: tuple[int, ...]) -> None:
    said = [(PHONE, "BLUE"), (KINDLE, "BLUE"), (TABLET, "PINK")]
    for index in order:
        writer, color = said[index]
        shelf.do(edit(color=color), by=writer, when=at(9), based_on=0)
    assert shelf.the.color is HighlightColor.BLUE


def test_an_empty_note_clears_and_an_absent_one_stays(shelf: Shelf) -> None:
    shelf.do(edit(color="PINK"))
    assert shelf.the.note == "a note"
    shelf.do(edit(note=""))
    assert shelf.the.note is None


# --- deleted, erased ---


def test_an_edit_of_what_was_deleted_meanwhile_is_kept_and_can_be_restored_longer(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.do(DELETE, by=TABLET, when=at(1))
    until = shelf.the.restorable_until
    assert until is not None
    later = clock.now() + timedelta(days=20)
    monkeypatch.setattr(clock, "now", lambda: later)
    late = shelf.do(edit(note="written on a train"), by=KINDLE, when=at(2), based_on=1)
    assert late.outcome is OpOutcome.MERGED
    assert shelf.the.deleted_at is not None
    assert shelf.the.restorable_until == later + timedelta(days=30)
    assert shelf.do(RESTORE, when=at(3)).outcome is OpOutcome.APPLIED
    assert shelf.the.note == "written on a train"


def test_a_late_edit_that_loses_does_not_extend_the_time_to_undo(shelf: Shelf) -> None:
    shelf.do(edit(note="later"), by=TABLET, when=at(9))
    shelf.do(DELETE, by=TABLET, when=at(10))
    until = shelf.the.restorable_until
    assert shelf.do(edit(note="earlier"), by=KINDLE, when=at(5), based_on=1).outcome is OpOutcome.SUPERSEDED
    assert shelf.the.restorable_until == until


def test_an_edit_of_what_was_erased_becomes_a_new_highlight_if_it_brings_the_passage(shelf: Shelf) -> None:
    shelf.do(DELETE)
    shelf.erase()
    applied = shelf.do(
        edit(passage=passage("the whole of it", 5), note="mine"), by=KINDLE, when=at(2), op_id=UUID(int=77)
    )
    assert applied.outcome is OpOutcome.FORKED
    assert applied.highlight is None
    assert applied.fork is not None
    assert (applied.fork.text, applied.fork.note, applied.fork.conflict_of) == ("the whole of it", "mine", THE)
    again = shelf.do(edit(passage=passage("the whole of it", 5), note="mine"), by=KINDLE, op_id=UUID(int=77))
    assert again.fork is applied.fork
    assert len(shelf.rows) == 2


def test_an_edit_of_what_was_erased_is_refused_without_the_passage(shelf: Shelf) -> None:
    shelf.do(DELETE)
    shelf.erase()
    seq = shelf.seq
    for change in (edit(note="mine"), RESTORE):
        with pytest.raises(Gone):
            shelf.do(change, by=KINDLE, when=at(2))
    assert (shelf.seq, shelf.the.note, len(shelf.rows)) == (seq, None, 1)


def test_deleting_twice_or_the_unknown_or_the_erased_is_no_error_and_no_change(shelf: Shelf) -> None:
    shelf.do(DELETE)
    seq, until = shelf.seq, shelf.the.restorable_until
    assert shelf.do(DELETE, by=TABLET, when=at(3)).outcome is OpOutcome.APPLIED
    assert shelf.do(DELETE, to=UUID(int=9)).outcome is OpOutcome.APPLIED
    shelf.erase()
    assert shelf.do(DELETE, by=TABLET).highlight is None
    assert (shelf.seq, shelf.the.restorable_until) == (seq, until)


def test_an_unseen_earlier_delete_does_not_undo_a_later_restore(shelf: Shelf) -> None:
    shelf.do(DELETE, when=at(1))
    shelf.do(RESTORE, by=TABLET, when=at(9))
    assert shelf.do(DELETE, by=KINDLE, when=at(5), based_on=1).outcome is OpOutcome.SUPERSEDED
    assert shelf.the.deleted_at is None


def test_editing_and_restoring_the_unknown_is_not_found(shelf: Shelf) -> None:
    for change in (edit(note="x"), RESTORE):
        with pytest.raises(NotFound):
            shelf.do(change, to=UUID(int=9))
    assert set(shelf.rows) == {THE}


# --- creates ---


def test_creating_a_known_id_edits_it(shelf: Shelf) -> None:
    again = shelf.do(create("better words", color="BLUE"), by=TABLET, when=at(2))
    assert again.outcome is OpOutcome.APPLIED
    assert (shelf.the.text, shelf.the.color, len(shelf.rows)) == ("better words", HighlightColor.BLUE, 1)


def test_offering_a_highlight_again_without_its_note_leaves_the_note(shelf: Shelf) -> None:
    shelf.do(create("first words"), by=TABLET, when=at(2))
    assert shelf.the.note == "a note"


def test_creating_the_same_again_changes_nothing(shelf: Shelf) -> None:
    seq = shelf.seq
    assert shelf.do(create(note="a note"), by=TABLET, when=at(2)).outcome is OpOutcome.APPLIED
    assert shelf.seq == seq


def test_a_create_never_brings_the_deleted_back(shelf: Shelf) -> None:
    shelf.do(DELETE)
    seq = shelf.seq
    assert shelf.do(create("again"), by=TABLET, when=at(9)).outcome is OpOutcome.SUPERSEDED
    shelf.erase()
    erased = shelf.do(create("again"), by=TABLET, when=at(9))
    assert (erased.outcome, erased.highlight, shelf.seq) == (OpOutcome.SUPERSEDED, None, seq)


@pytest.mark.parametrize("change", [create("mine"), edit(note="mine"), DELETE, RESTORE], ids=lambda c: type(c).__name__)
def test_an_id_of_another_reader_is_refused(shelf: Shelf, change: Any) -> None:
    before = (shelf.seq, shelf.registers(), shelf.stamps())
    with pytest.raises(Conflict):
        shelf.do(change, reader=OTHER_READER, when=at(9))
    assert (shelf.seq, shelf.registers(), shelf.stamps()) == before


def test_a_highlight_is_not_made_in_the_future() -> None:
    shelf = Shelf()
    shelf.do(create(), when=clock.now() + timedelta(days=365))
    assert shelf.the.created_at <= clock.now()


def test_every_change_takes_one_number_and_rings_once(shelf: Shelf) -> None:
    changes: list[Change] = [edit(note="1", color="PINK"), DELETE, RESTORE, edit(note="2")]
    for index, change in enumerate(changes, start=2):
        shelf.do(change, when=NOON)
        assert shelf.the.seq == shelf.seq == index
        assert len(shelf.events) == index
