"""What is inside a ZIP of annotations, and no more of it than a reader can have meant."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

MAGIC = b"PK\x03\x04"
INSIDE = ("annotations.json", "META-INF/annotations.json")
SETS = (".annotations", ".annotation")
MOST_EXPANDED = 64 << 20
MOST_RATIO = 100
# Below this a high ratio is nothing to fear, and short files of one word repeated have one.
_UNSUSPICIOUS = 1 << 20
_MOST_DIRECTORY = 1 << 20
_MOST_ENTRIES = 5_000
_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LOCATOR, _LOCATOR_MARK = 20, b"PK\x06\x07"
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
)
BROKEN = "The ZIP file is broken."
TOO_LARGE = "The ZIP file is much larger inside than a file of annotations is."
NOTHING = "There is no annotations.json in this ZIP file."


class Unfit(ValueError):
    """A ZIP file that is not taken; the message is for the reader."""


def unpack(data: bytes) -> Iterator[bytes]:
    """Yield each annotations.json, also those of `.annotations` files inside; raise ValueError, with a sentence.

    All of them together have at most 64 MB. Sizes are counted while they are unpacked, whatever the file says of
    itself, and nothing is written to a disk.
    """
    allowance = _Allowance()
    found = False
    for name, content in _files(data, allowance, (*INSIDE, *SETS)):
        found = True
        if name in INSIDE or not content.startswith(MAGIC):
            yield content
        else:
            yield from (inner for _, inner in _files(content, allowance, INSIDE))
    if not found:
        raise Unfit(NOTHING)


class _Allowance:
    def __init__(self) -> None:
        self._left = MOST_EXPANDED

    def read(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
        most = min(self._left, max(entry.compress_size * MOST_RATIO, _UNSUSPICIOUS))
        with archive.open(entry) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise Unfit(TOO_LARGE)
        self._left -= len(content)
        return content


def _files(data: bytes, allowance: _Allowance, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if entry.filename in wanted or (SETS[0] in wanted and entry.filename.endswith(SETS)):
                    if entry.flag_bits & 1:
                        raise Unfit("The ZIP file is locked with a password.")
                    yield entry.filename, allowance.read(archive, entry)
    except Unfit:
        raise
    except _FAULTS as error:
        raise Unfit(BROKEN) from error


def _check_directory(data: bytes) -> None:
    # Python reads the whole list of a ZIP's files at once, so that a long one has to be refused before.
    at = data.rfind(_END_MARK, max(0, len(data) - _END.size - 0xFFFF))
    if at < 0 or at + _END.size > len(data):
        raise Unfit(BROKEN)
    _, _, _, _, entries, size, _, _ = _END.unpack_from(data, at)
    # A second directory's numbers, for huge files, would count instead of these.
    is_huge = data[max(0, at - _LOCATOR) : at].startswith(_LOCATOR_MARK)
    if is_huge or entries > _MOST_ENTRIES or size > _MOST_DIRECTORY:
        raise Unfit(f"The ZIP file has more than {_MOST_ENTRIES:,} files.")
