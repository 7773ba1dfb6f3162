"""The file of a backup: a tar of parts with their checksums, and at its end a manifest, without which it is not complete."""

import hashlib
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

FORMAT = 1
MANIFEST, DATABASE, SECRET, MEDIA = "manifest.json", "database.dump", "secret-key", "media"
CHUNK = 1 << 20
_BLOCK = tarfile.BLOCKSIZE

Progress = Callable[[str, int], None]
"""Hears which part is at work, and how many bytes of it are done."""


class BadBackup(Exception):
    """A sentence: what is wrong with this file."""


@dataclass(frozen=True, slots=True)
class Part:
    """How long a part is, and its SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a backup says of itself."""

    made_at: str
    app: str
    revision: str
    """Which migration its tables are at."""
    epoch: str | None
    postgresql: str
    counts: Mapping[str, int]
    """Rows of each table."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last part: what a backup says of itself and of its parts."""

    facts: Facts
    parts: Mapping[str, Part]

    def to_json(self) -> bytes:
        """Write it."""
        parts = {name: asdict(part) for name, part in self.parts.items()}
        return json.dumps({"format": FORMAT, **asdict(self.facts), "parts": parts}, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read it; raise BadBackup for what this code cannot read."""
        try:
            found = json.loads(text)
            version = found.pop("format")
            if version != FORMAT:
                raise BadBackup(
                    f"it has format {version}, and this version reads {FORMAT}: restore it with a newer one"
                )
            parts = {name: Part(**part) for name, part in found.pop("parts").items()}
            return cls(Facts(**found), parts)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadBackup("its manifest cannot be read") from None


class Writer:
    """Write a backup under another name; it appears at its own when it is complete, readable by its owner alone."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path = path
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        self._progress = progress
        self._parts: dict[str, Part] = {}
        self._file: IO[bytes] = os.fdopen(os.open(self._unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    @contextmanager
    def part(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Take a part piece by piece."""
        start, digest, size = self._file.tell(), hashlib.sha256(), 0
        self._file.write(bytes(_BLOCK))  # its header, when its length is known

        def write(piece: bytes) -> None:
            nonlocal size
            digest.update(piece)
            size += self._file.write(piece)
            self._progress(name, size)

        yield write
        self._file.write(bytes(-size % _BLOCK))
        end = self._file.tell()
        self._file.seek(start)
        self._file.write(_header(name, size))
        self._file.seek(end)
        self._parts[name] = Part(size, digest.hexdigest())

    def copy(self, name: str, source: Path) -> None:
        """Take a file; one that is deleted meanwhile is left out."""
        try:
            file = source.open("rb")
        except FileNotFoundError:
            return
        with file, self.part(name) as write:
            while piece := file.read(CHUNK):
                write(piece)

    def finish(self, facts: Facts) -> Manifest:
        """Write the manifest, and give the file its name."""
        manifest = Manifest(facts, dict(self._parts))
        with self.part(MANIFEST) as write:
            write(manifest.to_json())
        self._file.write(bytes(2 * _BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self.path.exists():
            raise FileExistsError(17, "it exists already", str(self.path))
        self._unfinished.rename(self.path)
        return manifest

    def abandon(self) -> None:
        """Leave nothing, unless it is finished."""
        self._file.close()
        self._unfinished.unlink(missing_ok=True)


class Reader:
    """A backup that was opened: complete, and of this format. Its parts are checked by `verify`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        try:
            self._tar = tarfile.open(fileobj=self._file, mode="r:")  # noqa: SIM115 - it is closed with its file
            members = self._tar.getmembers()
        except (tarfile.TarError, EOFError, ValueError):
            raise BadBackup("it is no backup, or is cut off") from None
        if not members or members[-1].name != MANIFEST:
            raise BadBackup("it is no backup, or is cut off: its end, the manifest, is missing")
        self._members = {member.name: member for member in members}
        self.manifest = Manifest.from_json(b"".join(self.read(MANIFEST)))
        found = {name: member.size for name, member in self._members.items() if name != MANIFEST}
        said = {name: part.bytes for name, part in self.manifest.parts.items()}
        if found != said or len(found) + 1 != len(members) or DATABASE not in found:
            raise BadBackup("its parts are not those of its manifest")
        for member in members:
            _check_member(member)

    def read(self, name: str, progress: Progress | None = None) -> Iterator[bytes]:
        """Read a part piece by piece."""
        file, done = self._tar.extractfile(self._members[name]), 0
        if file is None:
            raise BadBackup(f"its part {name} is no file")
        with file:
            while piece := file.read(CHUNK):
                done += len(piece)
                if progress is not None:
                    progress(name, done)
                yield piece

    def verify(self, progress: Progress) -> None:
        """Compare every part with its checksum."""
        for name, part in self.manifest.parts.items():
            digest = hashlib.sha256()
            for piece in self.read(name, progress):
                digest.update(piece)
            if digest.hexdigest() != part.sha256:
                raise BadBackup(f"its part {name} was changed or damaged: the checksum differs")

    def extract(self, name: str, target: Path, progress: Progress | None = None) -> None:
        """Write a part to a file that its owner alone can read."""
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in self.read(name, progress):
                file.write(piece)

    @property
    def media(self) -> list[str]:
        """The names of the uploaded files."""
        return [name for name in self.manifest.parts if name.startswith(f"{MEDIA}/")]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    header = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    if len(header) != _BLOCK:
        raise ValueError(f"{name} is too long a name for a part")
    return header


def _check_member(member: Any) -> None:
    path = PurePosixPath(member.name)
    known = member.name in (MANIFEST, DATABASE, SECRET) or (path.parts[0] == MEDIA and len(path.parts) > 1)
    if not member.isreg() or not known or ".." in path.parts or path.is_absolute():
        raise BadBackup(f"it has a part {member.name!r}, which no backup has")
