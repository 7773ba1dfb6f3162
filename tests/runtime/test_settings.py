"""Settings: each with a default that works, each refused by its name, all of them in the README."""

import re
from pathlib import Path

import pytest

from core.settings import Profile, Settings, SettingsError, load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env file, and nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()
    assert (settings.port, settings.profile, settings.database_url) == (8000, Profile.DEVELOPMENT, None)
    of_feeds = (settings.pull_threshold, settings.timeline_length, settings.timeline_days, settings.fanout_chunk)
    assert of_feeds == (10_000, 800, 7, 1_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "70000"),
        ("PROFILE", "prodution"),
        ("LOG_LEVEL", "loud"),
        ("SIGN_UP", "perhaps"),
        ("PUBLIC_BOOK_READERS", "2"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "postgresql://reader:secretword@localhost"),
        ("DATABASE_URL", "postgresql://reader:secretword@localhost:port/x"),
        ("SECRET_KEY", "secretword"),
        ("PUBLIC_URL", "reading.example.org"),
        ("PUBLIC_URL", "ftp://reading.example.org"),
        ("PUBLIC_URL", "https://reading.example.org?x=1"),
        ("STORAGE_URL", "s3://reader:secretword@localhost"),
        ("IMAGE_MEGABYTES", "0"),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("REDIS_URL", "redis://:secretword@localhost:port/0"),
    ],
)
def test_a_wrong_value_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{name}: ")
    assert "secretword" not in str(refused.value)


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "abc")
    monkeypatch.setenv("PROFILE", "none")
    with pytest.raises(SettingsError, match=r"PORT: .*PROFILE: "):
        load_settings()


@pytest.mark.parametrize("given", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_database_url_is_taken_in_every_spelling(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{given}://reader:pass%40word@db:5433/books?sslmode=require")
    assert load_settings().database_url == "postgresql+asyncpg://reader:pass%40word@db:5433/books?ssl=require"


def test_a_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9001\nHOST=0.0.0.0\nUNKNOWN=1\n")
    monkeypatch.setenv("PORT", "9002")
    settings = load_settings()
    assert (settings.host, settings.port) == ("0.0.0.0", 9002)  # noqa: S104 - read, not listened on


def test_the_readme_lists_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    wanted = []
    for name, field in Settings.model_fields.items():
        default = "none" if field.default in {None, ""} else f"`{getattr(field.default, 'value', field.default)}`"
        wanted.append((name.upper(), default, field.description))
    assert rows == wanted


def test_the_example_file_lists_every_setting() -> None:
    found = re.findall(r"^# ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert found == [name.upper() for name in Settings.model_fields]
