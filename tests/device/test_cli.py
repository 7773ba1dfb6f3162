"""The command line: what it says, its exit codes, and that it works without a network."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from device import Store
from device.cli import main
from tests.support.api import PASSWORD

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on a store; its exit code, what it said, and what it complained about."""

    def run_(*words: str, store: str = "phone") -> tuple[int, str, str]:
        code = main(["--store", str(tmp_path / f"{store}.db"), *words])
        said, complained = capsys.readouterr()
        return code, said, complained

    return run_


def test_all_of_a_highlights_life_offline(run: Run) -> None:
    code, said, _ = run("add", "Salt keeps.", "--title", "The Salt Almanac", "--author", "Orla Finch", "--note", "one")
    name = said.strip()
    assert (code, len(name)) == (0, 8)
    assert run("note", name, "two")[1] == f"{name} yellow “Salt keeps.” — two (waits to be sent)\n"
    assert run("color", name, "pink")[1].startswith(f"{name} pink")
    assert "“Salt stays.”" in run("edit", name, "--text", "Salt stays.", "--visibility", "private")[1]
    assert "— two" not in run("note", name)[1]
    assert "The Salt Almanac by Orla Finch" in run("show", name)[1]
    assert run("delete", name)[0] == 0
    assert run("list")[1] == ""
    assert name in run("list", "--deleted")[1]
    assert run("restore", name)[0] == 0
    (shown,) = json.loads(run("list", "--json")[1])
    assert (shown["body"]["text"], shown["unsent"]) == ("Salt stays.", 7)
    assert "unsent     7" in run("status")[1]


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["add", "No book."], 2, "--title"),
        (["add", "Two books.", "--title", "A", "--isbn", "1"], 2, "--isbn"),
        (["show", "ffffffff"], 1, "no highlight ffffffff"),
        (["restore", "ffffffff"], 1, "`list`"),
        (["sync"], 4, "sign-in"),
        (["watch"], 4, "sign-in"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(run: Run, words: list[str], code: int, complaint: str) -> None:
    run("add", "Salt keeps.", "--title", "The Salt Almanac")
    got, said, complained = run(*words)
    assert (got, said) == (code, "")
    assert complaint in complained
    assert "unsent     1" in run("status")[1]


def test_an_edit_of_nothing_is_refused(run: Run) -> None:
    name = run("add", "Salt keeps.", "--title", "The Salt Almanac")[1].strip()
    code, _, complained = run("edit", name)
    assert (code, "--text" in complained) == (2, True)


def test_a_store_that_is_not_there_is_not_made_by_looking(run: Run, tmp_path: Path) -> None:
    assert run("list", store="nowhere")[0] == 4
    assert not (tmp_path / "nowhere.db").exists()


def test_a_file_of_something_else_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "phone.db").write_text("my shopping list, longer than a header of a database would be " * 4)
    before = (tmp_path / "phone.db").read_bytes()
    code, _, complained = run("list")
    assert (code, "cannot be used" in complained) == (1, True)
    assert (tmp_path / "phone.db").read_bytes() == before


def test_a_server_that_is_away_is_no_misfortune(run: Run, tmp_path: Path) -> None:
    run("add", "Salt keeps.", "--title", "The Salt Almanac")
    store = Store(tmp_path / "phone.db")
    store.put(url="http://127.0.0.1:9", token="t", device_id="d", user="ada")
    store.close()
    code, _, complained = run("sync")
    assert code == 3
    assert "saved here" in complained
    assert "unsent     1" in run("status")[1]


async def test_refusals_are_told_after_a_sync_until_dismissed(run: Run, url: str) -> None:
    def session() -> None:
        code, _, complained = run("sign-up", url, "x", "ada@example.org", "--password", PASSWORD)
        assert (code, "3" in complained) == (1, True), complained
        assert run("sign-up", url, "ada", "ada@example.org", "--password", PASSWORD, "--name", "Phone")[0] == 0
        run("add", "Salt keeps.", "--title", "The Salt Almanac", "--note", "long " * 1_000)
        code, said, _ = run("sync")
        assert (code, "was refused" in said) == (0, True)
        assert "refused    1" in run("status")[1]
        assert "long long" in run("conflicts", "--dismiss")[1]
        assert "refused    0" in run("status")[1]
        code, _, complained = run("sign-in", url, "ada", "--password", "wrong", store="tablet")
        assert (code, "Wrong user name" in complained) == (4, True), complained

    await asyncio.to_thread(session)


def test_a_store_of_a_later_program_is_not_touched(run: Run, tmp_path: Path) -> None:
    run("add", "Salt keeps.", "--title", "The Salt Almanac")
    with sqlite3.connect(tmp_path / "phone.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    code, _, complained = run("list")
    assert (code, "newer" in complained) == (1, True)
