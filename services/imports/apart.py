"""Large files are read in a process of their own: it stalls nobody's loop, and its memory is given back when it ends.

The process writes the entries in chunks to a file without a name, from which they are taken as they are needed.
"""

import asyncio
import contextlib
import os
import pickle
import resource
import sys
import tempfile
import weakref
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import overload

from models.imports import ImportFormat
from services.imports.prepared import Outline, PreparedEntry, PreparedFile, outlined

CHUNK = 200
MEMORY = 1 << 30
LONGEST = 90.0
TOO_LARGE = "The file is too large, or too intricate, to be read. Import it in parts."
_ROOT = Path(__file__).parents[2]
_CODE = "import sys; from services.imports.apart import main; main(*sys.argv[1:])"


class Spooled(Sequence[PreparedEntry]):
    """Entries that lie in a file, of which the last chunk is at hand."""

    def __init__(self, descriptor: int, offsets: Sequence[int], length: int) -> None:
        self._descriptor = descriptor
        self._offsets = offsets
        self._length = length
        self._chunk: tuple[int, Sequence[PreparedEntry]] = (-1, ())
        weakref.finalize(self, os.close, descriptor)

    def __len__(self) -> int:
        """Tell how many they are."""
        return self._length

    @overload
    def __getitem__(self, place: int) -> PreparedEntry: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[PreparedEntry]: ...

    def __getitem__(self, place: int | slice) -> PreparedEntry | Sequence[PreparedEntry]:
        """Take one, or some in a row."""
        if isinstance(place, slice):
            return [self._one(at) for at in range(*place.indices(self._length))]
        return self._one(range(self._length)[place])

    def _one(self, at: int) -> PreparedEntry:
        number, within = divmod(at, CHUNK)
        if self._chunk[0] != number:
            begin, end = self._offsets[number : number + 2]
            self._chunk = number, pickle.loads(os.pread(self._descriptor, end - begin, begin))  # noqa: S301 - written by our own process
        return self._chunk[1][within]


async def prepare_apart(kind: ImportFormat, path: Path, time_zone: str) -> PreparedFile:
    """Read a file; raise ValueError with a sentence for the reader."""
    with tempfile.TemporaryFile() as entries, tempfile.TemporaryFile() as outline:
        ends = entries.fileno(), outline.fileno()
        words = ("-c", _CODE, kind.value, str(path), time_zone, *map(str, (*ends, CHUNK, MEMORY)))
        child = await asyncio.create_subprocess_exec(
            sys.executable, *words, cwd=_ROOT, pass_fds=ends, stdin=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(LONGEST):
                code = await child.wait()
        except TimeoutError:
            raise ValueError(TOO_LARGE) from None
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if code != 0:
            raise ValueError(TOO_LARGE)
        outline.seek(0)
        told, offsets, length = pickle.load(outline)  # noqa: S301 - written by our own process
        if isinstance(told, Outline):
            return PreparedFile(told, Spooled(os.dup(ends[0]), offsets, length))
        raise ValueError(told)


def main(kind: str, path: str, time_zone: str, entries_end: str, outline_end: str, chunk: str, memory: str) -> None:
    """Be the process that reads."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    with os.fdopen(int(entries_end), "wb") as entries, os.fdopen(int(outline_end), "wb") as outline:
        try:
            told, ready = outlined(ImportFormat(kind), Path(path).read_bytes(), time_zone)
        except ValueError as error:
            pickle.dump((str(error), [], 0), outline)
            return
        offsets, length = [0], 0
        while some := list(islice(ready, int(chunk))):
            offsets.append(offsets[-1] + entries.write(pickle.dumps(some)))
            length += len(some)
        pickle.dump((told, offsets, length), outline)
