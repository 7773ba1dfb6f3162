"""Log lines: JSON, from every library, without secrets."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from core.logging import set_up
from core.settings import LogLevel


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_lines_are_json_with_the_request_they_belong_to(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogLevel.INFO, for_people=False)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("ours").info("request", path="/graphql", status=200)
        logging.getLogger("sqlalchemy.pool").warning("lost %s", "it")
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["path"], ours["level"], ours["request_id"]) == ("request", "/graphql", "info", "r-1")
    assert (theirs["event"], theirs["logger"], theirs["request_id"]) == ("lost it", "sqlalchemy.pool", "r-1")
    assert str(ours["timestamp"]).endswith("Z")


def test_what_is_below_the_level_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogLevel.WARNING, for_people=False)
    structlog.get_logger("ours").info("request")
    logging.getLogger("theirs").info("detail")
    logging.getLogger("alembic.runtime").info("step")
    structlog.get_logger("ours").warning("slow_request")
    assert [line["event"] for line in lines(capsys)] == ["slow_request"]


def test_a_fault_is_told_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogLevel.INFO, for_people=False)
    try:
        raise ValueError("of no use")
    except ValueError:
        structlog.get_logger("ours").exception("request_failed")
    (line,) = lines(capsys)
    assert "ValueError: of no use" in str(line["exception"])


@pytest.mark.parametrize(
    "more",
    [
        {"token": "sesame"},
        {"input": {"password": "sesame", "login": "ada"}},
        {"headers": [{"Authorization": "Bearer sesame"}]},
        {"error": "no such header: authorization: bearer sesame"},
        {"error": "cannot reach postgresql+asyncpg://reader:sesame@db:5432/books"},
        {"error": "cannot reach redis://:sesame@cache/0"},
    ],
)
def test_secrets_are_in_no_line(capsys: pytest.CaptureFixture[str], more: dict[str, object]) -> None:
    for people in (False, True):
        set_up(LogLevel.INFO, for_people=people)
        structlog.get_logger("ours").error("failed", **more)
        logging.getLogger("theirs").error("failed: %s", more.get("error", ""))
        try:
            raise RuntimeError(str(more.get("error", "")))
        except RuntimeError:
            structlog.get_logger("ours").exception("failed")
        said = capsys.readouterr().err
        assert "sesame" not in said
        assert "failed" in said
