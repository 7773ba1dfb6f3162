"""The secret: given, or made once and kept to its owner."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from core.settings import Profile, Settings
from runtime.launch import CannotStart, require_secret
from runtime.secret import NAME, secret_of


def test_a_given_secret_is_taken_and_nothing_is_written(tmp_path: Path) -> None:
    given = "x" * 32
    assert secret_of(Settings(_env_file=None, data_dir=tmp_path, secret_key=given)) == given
    assert not list(tmp_path.iterdir())


def test_without_one_it_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "new", secret_key=None)
    made = secret_of(settings)
    assert len(made) >= 32
    assert secret_of(settings) == made
    assert [file.name for file in (tmp_path / "new").iterdir()] == [NAME]
    assert stat.S_IMODE((tmp_path / "new" / NAME).stat().st_mode) == 0o600


def _tell(folder: Path) -> str:
    return secret_of(Settings(_env_file=None, data_dir=folder, secret_key=None))


def test_those_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(_tell, [tmp_path] * 8))
    assert len(set(told)) == 1


def test_in_production_with_a_database_of_its_own_a_secret_is_required(tmp_path: Path) -> None:
    url = "postgresql://reader:word@db/books"
    with pytest.raises(CannotStart, match=r"^SECRET_KEY: "):
        require_secret(Settings(_env_file=None, profile=Profile.PRODUCTION, database_url=url, secret_key=None))
    for given in ({"secret_key": "x" * 32}, {"database_url": None}, {"profile": Profile.DEVELOPMENT}):
        values: dict[str, Any] = {
            "profile": Profile.PRODUCTION,
            "database_url": url,
            "secret_key": None,
            "data_dir": tmp_path,
        } | given
        require_secret(Settings(_env_file=None, **values))
