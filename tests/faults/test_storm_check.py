"""The judge of storms catches what a storm must never leave; each known-bad world differs in one thing from a good one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.storm_check import Evidence, Stamp, Version, check
from benchmarks.storm_evidence import canonical
from benchmarks.storm_ledger import Asked, Ledger
from core import opaque

PHONE, TABLET = "a-phone", "a-tablet"
NOON = 1_000_000.0


class Story:
    """A world in which everything is right, told step by step."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.history: dict[str, list[Version]] = {}
        self.outcomes: dict[str, str] = {}
        self.seq = 0

    def ask(self, kind: str, highlight: str, writer: str = PHONE, *, based_on: int | None = None, **says: Any) -> Asked:
        """Ask for something, and be told that it was applied."""
        number = len(self.asked)
        version = None if based_on is None else opaque.pack("v", "epoch", based_on)
        asked = Asked(
            f"op-{number}", "ida", writer, kind, highlight, says, version, NOON + 10 * number, outcome="APPLIED"
        )
        self.asked.append(asked)
        self.outcomes[asked.key] = asked.outcome
        return asked

    def told(self, asked: Asked, outcome: str) -> None:
        """Answer otherwise."""
        asked.outcome = self.outcomes[asked.key] = outcome

    def apply(self, asked: Asked, *, at: float | None = None, **says: Any) -> None:
        """Write the next version of its highlight."""
        self.seq += 1
        said = says or asked.says
        old = self.history.get(asked.highlight, [])
        fresh = {"text": "", "note": None, "color": "YELLOW", "visibility": "PRIVATE", "alive": True}
        values = {**(old[-1].values if old else fresh), **said}
        stamp = Stamp(self.seq, asked.at if at is None else at, asked.writer)
        stamps = dict(old[-1].stamps) if old else dict.fromkeys(values, stamp)
        stamps.update(dict.fromkeys(said, stamp))
        self.history.setdefault(asked.highlight, []).append(Version(asked.highlight, self.seq, values, stamps))

    def do(self, kind: str, highlight: str, writer: str = PHONE, *, based_on: int | None = None, **says: Any) -> Asked:
        """Ask, and see it done."""
        asked = self.ask(kind, highlight, writer, based_on=based_on, **says)
        self.apply(asked)
        return asked

    def evidence(self) -> Evidence:
        """What would be found in the end."""
        rows = {uuid: versions[-1] for uuid, versions in self.history.items()}
        served = {uuid: canonical(dict(row.values)) for uuid, row in rows.items() if row.values["alive"]}
        held = {PHONE: ("ida", dict(served)), TABLET: ("ida", dict(served))}
        return Evidence(self.asked, self.history, rows, self.outcomes, {"ida": served}, held)


def good() -> Story:
    """Two devices that made, edited, lost against each other, deleted and restored."""
    story = Story()
    story.do("create", "h1", text="first words", note="a note")
    story.do("create", "h2", text="second words")
    story.do("edit", "h1", TABLET, based_on=1, note="a later note", color="BLUE")
    late = story.ask("edit", "h1", PHONE, based_on=1, note="from long ago")
    late.at = NOON
    story.told(late, "SUPERSEDED")
    story.do("delete", "h2", alive=False)
    story.do("restore", "h2", alive=True)
    story.do("edit", "h2", TABLET, text="second words, put better")
    return story


def kinds(evidence: Evidence) -> set[str]:
    return {finding.kind for finding in check(evidence)}


def test_a_world_without_fault_is_found_to_be_without_fault() -> None:
    assert check(good().evidence()) == []


def test_an_acknowledged_create_that_is_nowhere_is_lost() -> None:
    story = good()
    story.ask("create", "h3", text="third words")
    assert kinds(story.evidence()) == {"lost"}


def test_an_acknowledged_edit_that_left_no_trace_is_lost() -> None:
    story = good()
    story.ask("edit", "h1", note="acknowledged, and never written")
    assert kinds(story.evidence()) == {"lost"}


def test_an_outcome_that_the_database_forgot_is_lost() -> None:
    story = good()
    del story.outcomes["op-2"]
    assert kinds(story.evidence()) == {"lost"}


def test_an_answer_other_than_the_one_remembered_is_lost() -> None:
    story = good()
    story.outcomes["op-2"] = "SUPERSEDED"
    assert kinds(story.evidence()) == {"lost"}


def test_a_row_that_vanished_is_lost() -> None:
    evidence = good().evidence()
    evidence.rows = {uuid: row for uuid, row in evidence.rows.items() if uuid != "h1"}
    assert "lost" in kinds(evidence)


def test_a_row_that_went_back_to_an_older_version_is_lost() -> None:
    evidence = good().evidence()
    evidence.rows = {**evidence.rows, "h1": evidence.history["h1"][0]}
    assert kinds(evidence) == {"lost"}


def test_being_superseded_by_nothing_is_lost() -> None:
    story = good()
    story.told(story.ask("edit", "h2", PHONE, text="never mind"), "SUPERSEDED")
    # The tablet's words are older than this edit, and nothing else stands against it.
    assert kinds(story.evidence()) == {"lost"}


def test_two_rows_of_one_create_are_doubled() -> None:
    story = good()
    again = dataclasses.replace(story.asked[0], highlight="h9")
    story.apply(again)
    assert "doubled" in kinds(story.evidence())


def test_an_edit_done_twice_with_another_between_is_doubled() -> None:
    story = good()
    first = story.do("edit", "h1", note="once")
    story.do("edit", "h1", note="twice")
    story.apply(first)
    assert kinds(story.evidence()) == {"doubled"}


def test_a_refused_operation_that_stands_there_is_doubled() -> None:
    story = good()
    refused = story.do("edit", "h1", note="not allowed")
    story.told(refused, "REJECTED")
    assert kinds(story.evidence()) == {"doubled", "refused"}


def test_a_delete_that_came_back_by_itself_is_resurrected() -> None:
    story = good()
    deleted = story.do("delete", "h1", alive=False)
    story.apply(dataclasses.replace(deleted, says={"alive": True}))
    assert "resurrected" in kinds(story.evidence())


def test_a_delete_that_only_its_diary_remembers_is_resurrected() -> None:
    story = good()
    story.do("delete", "h1", alive=False)
    evidence = story.evidence()
    evidence.rows = {**evidence.rows, "h1": evidence.history["h1"][-2]}
    assert {"resurrected", "lost"} <= kinds(evidence)


def without_a_row(held: dict[str, bytes]) -> None:
    del held["h1"]


def with_a_row_more(held: dict[str, bytes]) -> None:
    held["h9"] = b"{}"


def with_another_byte(held: dict[str, bytes]) -> None:
    held["h1"] += b" "


@pytest.mark.parametrize("spoil", [without_a_row, with_a_row_more, with_another_byte])
def test_a_device_that_differs_has_diverged(spoil: Callable[[dict[str, bytes]], None]) -> None:
    evidence = good().evidence()
    held = dict(evidence.held[TABLET][1])
    spoil(held)
    evidence.held = {**evidence.held, TABLET: ("ida", held)}
    assert kinds(evidence) == {"diverged"}


def test_an_api_that_serves_what_the_database_does_not_hold_has_diverged() -> None:
    evidence = good().evidence()
    served = {**evidence.served["ida"], "h9": b"{}"}
    evidence.served = {"ida": served}
    evidence.held = {PHONE: ("ida", served)}
    assert kinds(evidence) == {"diverged"}


def test_a_word_that_nobody_said_is_invented() -> None:
    story = good()
    story.apply(story.asked[0], note="from nowhere")
    assert kinds(story.evidence()) == {"invented"}


def test_an_older_edit_over_a_later_unseen_one_is_overwritten() -> None:
    story = good()
    early = story.do("edit", "h1", "a-laptop", based_on=1, note="older than the tablet's")
    early.at = NOON
    story.history["h1"].pop()
    story.apply(early)
    assert kinds(story.evidence()) == {"overwritten"}


def test_the_time_of_a_wrong_clock_is_misdated() -> None:
    story = good()
    asked = story.ask("edit", "h1", note="next year")
    story.apply(asked, at=asked.at + 31_536_000)
    assert kinds(story.evidence()) == {"misdated"}
    asked.known_offset = False
    assert kinds(story.evidence()) == set()


def test_an_operation_without_an_answer_is_open() -> None:
    story = good()
    story.do("edit", "h1", note="who knows").outcome = "UNKNOWN"
    assert kinds(story.evidence()) == {"open"}


def test_two_outcomes_of_one_operation_are_a_surprise() -> None:
    story, ledger = good(), Ledger()
    asked = ledger.invoke(dataclasses.replace(story.asked[0], outcome="UNKNOWN"))
    ledger.tell(asked.key, "APPLIED")
    ledger.tell(asked.key, "APPLIED")
    assert ledger.surprises == []
    ledger.tell(asked.key, "SUPERSEDED")
    evidence = story.evidence()
    evidence.surprises = ledger.surprises
    assert kinds(evidence) == {"contradicted"}
