"""The command line is worth reading."""

import re

import pytest

from app import create_app, run_worker
from commands.line import main
from commands.line_parser import Programs

COMMANDS = {
    "backup",
    "restore",
    "run",
    "serve",
    "worker",
    "migrate",
    "seed",
    "seed-large",
    "export-schema",
    "new-epoch",
    "jobs",
    "persist",
    "reconcile",
    "rebuild-timelines",
    "replay-dead",
    "grant",
}


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(Programs(make_app=create_app, run_worker=run_worker), arguments)
    said = capsys.readouterr()
    return f"{ended.value.code}: {said.out}{said.err}"


def test_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listed = printed(capsys, "--help")
    assert listed.startswith("0: ")
    assert set(re.findall(r"^    ([a-z-]+)(?: |$)", listed, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_says_what_it_does(capsys: pytest.CaptureFixture[str], command: str) -> None:
    helped = printed(capsys, command, "--help")
    assert helped.startswith("0: ")
    assert len(helped.splitlines()) > 6


@pytest.mark.parametrize(
    "arguments", [("sevre",), (), ("serve", "--workers", "0"), ("serve", "--workers", "x"), ("grant", "ada", "king")]
)
def test_a_wrong_command_line_is_refused(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert printed(capsys, *arguments).startswith("2: usage: app.py")
