"""One file for every language and generation of devices, read as a whole, in the time zone of a reader in Berlin."""

import json
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.imports.clippings_dates import parse_local
from services.imports.clippings_languages import LANGUAGES
from services.imports.my_clippings import parse
from tests.services.imports.clippings_text import GOLDEN, check_counts

FILES = sorted((GOLDEN / "languages").glob("*.txt"))


def _rows(content: str) -> dict[str, Any]:
    parsed = parse(content, time_zone="Europe/Berlin")
    check_counts(parsed)
    return {
        "entries": [
            [e.line, e.text, e.note, e.location_start, e.location_end, e.page, f"{e.highlighted_at:%F %T}", e.title, *e.authors]
            for e in parsed.entries
        ],
        "problems": [[problem.line, problem.message] for problem in parsed.problems],
    }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_file_of_a_language(path: Path) -> None:
    content = path.read_bytes().decode()
    expected = json.loads(path.with_suffix(".json").read_text())
    assert _rows(content) == expected
    # What editors of other systems do to a file: accents apart, other line ends.
    apart = _rows(unicodedata.normalize("NFD", content).replace("\r\n", "\n"))
    assert json.loads(unicodedata.normalize("NFC", json.dumps(apart, ensure_ascii=False))) == expected


def test_all_languages_in_one_file() -> None:
    whole = "".join(path.read_bytes().decode() for path in FILES)
    found = _rows(whole)
    lines = [row[1] for path in FILES for row in json.loads(path.with_suffix(".json").read_text())["entries"]]
    assert sorted(row[1] for row in found["entries"]) == sorted(lines)


def test_every_month_of_every_language() -> None:
    for language in LANGUAGES:
        for number, month in enumerate(language.months, start=1):
            assert parse_local(f"3. {month.capitalize()} 2019 07:08:09") == datetime(2019, number, 3, 7, 8, 9)  # noqa: DTZ001
    assert [len(language.months) for language in LANGUAGES if language.months] == [12] * 8


@pytest.mark.parametrize(
    ("text", "hour"),
    [("上午12:05:00", 0), ("下午12:05:00", 12), ("上午1:05:00", 1), ("下午 11:05:00", 23), ("午後3:05:00", 15), ("11:05:00 p. m.", 23)],
)  # fmt: skip
def test_half_of_the_day_stands_before_or_after(text: str, hour: int) -> None:
    found = parse_local(f"2019年5月5日星期日 {text}")
    assert found == datetime(2019, 5, 5, hour, 5)  # noqa: DTZ001
