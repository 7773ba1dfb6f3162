"""Refusals: what is wrong, and where."""

import pytest

from core.errors import AppError, ErrorCode, Invalid, NotFound, Problems


def test_problems_are_collected_into_one_refusal() -> None:
    problems = Problems()
    problems.check("a title", "never told")
    problems.check("", "a title is needed", "title")
    problems.add("taken", "name", code=ErrorCode.ALREADY_EXISTS)
    with pytest.raises(Invalid) as caught:
        problems.raise_any()
    told = [(p.message, p.code, p.field) for p in caught.value.problems]
    assert told == [("a title is needed", "INVALID", ("title",)), ("taken", "ALREADY_EXISTS", ("name",))]
    assert str(caught.value) == "a title is needed; taken"


def test_no_problem_is_no_refusal() -> None:
    Problems().raise_any()


def test_a_refusal_can_be_put_below_a_path() -> None:
    assert NotFound("gone", "id").under("book").problems[0].field == ("book", "id")
    assert NotFound("gone").under("book").problems[0].field == ("book",)


def test_every_refusal_has_a_code_of_its_own() -> None:
    kinds = AppError.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert {kind.code for kind in kinds} == set(ErrorCode)
