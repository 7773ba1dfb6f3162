"""Properties of the merge: the order of arrival does not matter, and a device never forks with itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.sync import OpOutcome
from services.sync.drafts import Change, Edit
from tests.services.sync.support import DELETE, PHONE, RESTORE, TABLET, THE, Shelf, at, create, edit

moments = st.integers(0, 3).map(at)


@dataclass(frozen=True)
class Made:
    """An operation, but not yet who made it."""

    change: Change
    when: datetime


words = st.sampled_from(["", "one", "two"])
patches = st.fixed_dictionaries(
    {},
    optional={
        "note": words,
        "passage": words.map(lambda word: word + " words"),
        "color": st.sampled_from(["PINK", "BLUE", "GREEN"]),
        "visibility": st.sampled_from(["PUBLIC", "FOLLOWERS", "MUTUALS"]),
    },
).map(lambda registers: edit(**registers))
ops = st.builds(Made, patches | st.just(DELETE) | st.just(RESTORE), moments)


def begun(*, deleted: bool) -> Shelf:
    shelf = Shelf()
    shelf.do(create("base"), by=UUID(int=0xD), when=at(-9))
    if deleted:
        shelf.do(DELETE, by=UUID(int=0xD), when=at(-8))
    return shelf


def kept(shelf: Shelf) -> tuple[object, ...]:
    """What a reader has in the end: the plain registers, and all words, wherever they stand."""
    rows = [row for row in shelf.rows.values() if row.deleted_at is None or row.id == THE]
    the = shelf.registers()
    return the["color"], the["visibility"], the["alive"], {row.text for row in rows}, {row.note for row in rows}


def does_something(made: Made, *, deleted: bool) -> bool:
    """Whether an operation edits nothing to what its maker saw there already."""
    if made.change in (DELETE, RESTORE):
        return (made.change is DELETE) is not deleted
    return not (isinstance(made.change, Edit) and made.change.patch.note == "")


@settings(max_examples=400, deadline=None)
@given(ops, ops, st.booleans(), st.booleans())
def test_two_concurrent_operations_end_alike_in_either_order(one: Made, two: Made, deleted: bool, saw: bool) -> None:
    # An edit to what stands there already is no edit: it takes no number, so it cannot defend itself against
    # another that was based on the same version. Whoever had not seen it defends it by the later time.
    assume(not saw or all(does_something(made, deleted=deleted) for made in (one, two)))
    ends = []
    for order in ((0, 1), (1, 0)):
        shelf = begun(deleted=deleted)
        seen = shelf.seq if saw else 0
        both = [(one, PHONE, UUID(int=71)), (two, TABLET, UUID(int=72))]
        outcomes = {}
        for index in order:
            made, writer, op_id = both[index]
            outcomes[index] = shelf.do(made.change, by=writer, when=made.when, based_on=seen, op_id=op_id).outcome
        ends.append((shelf, outcomes))
    (here, _), (there, _) = ends
    if all(row.conflict_of is None for shelf in (here, there) for row in shelf.rows.values()):
        assert here.registers() == there.registers()
        assert here.stamps() == there.stamps()
    assert kept(here)[:3] == kept(there)[:3]
    assert len(here.rows) == len(there.rows)


@settings(max_examples=300, deadline=None)
@given(st.lists(ops, max_size=6), st.booleans())
def test_operations_of_one_device_never_fork_and_the_last_word_stands(made: list[Made], deleted: bool) -> None:
    shelf = begun(deleted=deleted)
    for op in made:
        applied = shelf.do(op.change, by=PHONE, when=op.when, based_on=1)
        assert applied.outcome in (OpOutcome.APPLIED, OpOutcome.MERGED)
        assert applied.fork is None
        if isinstance(op.change, Edit) and isinstance(op.change.patch.note, str):
            assert shelf.the.note == (op.change.patch.note or None)
    assert set(shelf.rows) == {THE}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(ops, st.sampled_from([PHONE, TABLET]), st.booleans()), max_size=8))
def test_sequence_numbers_only_grow_and_only_with_changes(made: list[tuple[Made, UUID, bool]]) -> None:
    shelf = begun(deleted=False)
    for op, writer, has_seen in made:
        seq, before = shelf.seq, (shelf.registers(), len(shelf.rows))
        shelf.do(op.change, by=writer, when=op.when, based_on=seq if has_seen else 1)
        changed = (shelf.registers(), len(shelf.rows)) != before
        assert (shelf.seq > seq) == changed
        assert max(row.seq for row in shelf.rows.values()) == shelf.seq
