"""ZIP files of annotations: what is taken out of them, and what is not."""

import io
import zipfile
from collections.abc import Mapping

import pytest

from models.imports import ImportFormat
from services.imports import archives
from services.imports.archives import unpack
from tests.services.imports.formats_text import FOLDER, read_file

SET = (FOLDER / "W3C_ANNOTATIONS-draft.json").read_bytes()


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize("name", ["annotations.json", "META-INF/annotations.json"])
def test_a_zip_says_the_same_as_its_json(name: str) -> None:
    zipped = packed({name: SET, "note.mp3": b"\x00" * 100})
    assert read_file(ImportFormat.W3C_ANNOTATIONS, zipped) == read_file(ImportFormat.W3C_ANNOTATIONS, SET)


def test_a_zip_of_zips_and_plain_files_is_read_as_one() -> None:
    other = (FOLDER / "W3C_ANNOTATIONS-thorium.json").read_bytes()
    both = packed({"0001 a.annotations": packed({"annotations.json": SET}), "0002 b.annotation": other})
    parsed = read_file(ImportFormat.W3C_ANNOTATIONS, both)
    assert {entry.title for entry in parsed.entries} == {"Das Salz der Seen", "The Slow Ferry"}


@pytest.mark.parametrize("files", [{}, {"other.txt": b"x"}, {"../annotations.json": SET}, {"a/annotations.json": SET}])
def test_a_zip_of_something_else_is_refused(files: Mapping[str, bytes]) -> None:
    with pytest.raises(ValueError, match=r"^(There is no annotations.json|The ZIP file is broken)"):
        list(unpack(packed(files)))


def test_a_file_that_grows_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match=archives.TOO_LARGE):
        list(unpack(packed({"annotations.json": b" " * (archives.MOST_EXPANDED + 1)})))


def test_a_file_that_grows_much_is_refused_long_before_the_limit() -> None:
    with pytest.raises(ValueError, match=archives.TOO_LARGE):
        list(unpack(packed({"annotations.json": b" " * (4 << 20)})))


def test_many_small_ones_share_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_EXPANDED", 3_000)
    with pytest.raises(ValueError, match=archives.TOO_LARGE):
        list(unpack(packed({f"{n}.annotations": b"x" * 1_000 for n in range(4)}, zipfile.ZIP_STORED)))


def test_a_zip_that_holds_itself_is_not_followed() -> None:
    inner = packed({"annotations.json": SET})
    for _ in range(3):
        inner = packed({"deeper.annotations": inner})
    assert list(unpack(inner)) == []


def test_a_list_of_very_many_files_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match="more than 5,000 files"):
        list(unpack(packed({f"{n}": b"" for n in range(5_001)})))


def test_a_locked_zip_is_refused() -> None:
    data = bytearray(packed({"annotations.json": SET}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    with pytest.raises(ValueError, match="password"):
        list(unpack(bytes(data)))


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.99])
def test_a_cut_zip_is_refused(part: float) -> None:
    data = packed({"annotations.json": SET})
    with pytest.raises(ValueError, match=archives.BROKEN):
        list(unpack(data[: int(len(data) * part)]))


def test_every_changed_byte_is_borne() -> None:
    data = packed({"annotations.json": SET})
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        try:
            found = b"".join(unpack(bytes(changed)))
        except ValueError as error:
            assert str(error).startswith(("The ZIP", "There is no"))  # noqa: PT017
        else:
            assert found == SET
