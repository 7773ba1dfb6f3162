"""Backup and restore as an operator runs them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.program import app, left, open_folder


@pytest.fixture
def folders() -> Iterator[tuple[Path, Path]]:
    with open_folder() as one, open_folder() as other:
        yield one, other


def test_a_backup_is_restored_elsewhere(folders: tuple[Path, Path]) -> None:
    here, elsewhere = folders
    for command in ("migrate", "seed"):
        assert app(here, command).returncode == 0
    done = app(here, "backup", "kept.tar")
    assert done.returncode == 0, done.stderr
    assert "Backup written: kept.tar (" in done.stdout
    assert re.search(r"6 users, 5 books, \d+ highlights", done.stdout)
    restored = app(elsewhere, "restore", str(here / "kept.tar"))
    assert restored.returncode == 0, restored.stderr
    assert "Restored. A new epoch of sync has begun" in restored.stdout
    assert not left(here)
    assert not left(elsewhere)
