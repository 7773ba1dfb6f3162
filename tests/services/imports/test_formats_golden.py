"""One file for every format and its variants, read as a whole; what to expect stands next to each."""

import json
from pathlib import Path

import pytest

from models.imports import ImportFormat
from tests.services.imports.formats_text import FILES, kind_of, read_file, told


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_golden_file_of_a_format(path: Path) -> None:
    parsed = read_file(kind_of(path), path.read_bytes())
    found = {
        "collapsed": parsed.collapsed,
        "entries": [told(entry) for entry in parsed.entries],
        "problems": [[problem.line, problem.message] for problem in parsed.problems],
    }
    assert found == json.loads(path.with_suffix(".expected.json").read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("kind", list(ImportFormat))
def test_a_file_of_another_format_is_refused_with_a_sentence(path: Path, kind: ImportFormat) -> None:
    if kind is kind_of(path):
        return
    with pytest.raises(ValueError, match=r"^This is not a .*\.$"):
        read_file(kind, path.read_bytes())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_encoding_changes_nothing(path: Path, encoding: str) -> None:
    data = path.read_bytes()
    assert read_file(kind_of(path), data.decode("utf-8-sig").encode(encoding)) == read_file(kind_of(path), data)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_same_file_has_the_same_keys(path: Path) -> None:
    kind, data = kind_of(path), path.read_bytes()
    assert read_file(kind, data) == read_file(kind, data)
