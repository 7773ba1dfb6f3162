"""PostgreSQL's own programs for backups: which of them, told how to sign in, fed and read through pipes."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import URL, make_url

from runtime.binaries import pg_binary
from runtime.launch import Broken, CannotStart
from runtime.processes import EmbeddedError

_PIECE = 1 << 20
_DEBIAN = Path("/usr/lib/postgresql")
_KEPT = ("PATH", "HOME", "LANG")


async def dump(url: str, server: int, snapshot: str, write: Callable[[bytes], None]) -> None:
    """Write the dump of one snapshot, in PostgreSQL's custom format, piece by piece."""
    process = await _start(
        [str(tool("pg_dump", server)), "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"],
        url,
    )
    complaints = asyncio.create_task(_complaints(process))
    try:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        while piece := await process.stdout.read(_PIECE):
            write(piece)
        words = await complaints
        if await process.wait() != 0:
            raise Broken(f"pg_dump failed: {_last(words)}")
    finally:
        await _end(process, complaints)


async def restore(url: str, server: int, pieces: Iterable[bytes]) -> None:
    """Read a dump into an empty database; raise Broken when any of it fails."""
    name = make_url(url).database or ""
    process = await _start([str(tool("pg_restore", server)), "--no-owner", "--no-privileges", f"--dbname={name}"], url)
    complaints = asyncio.create_task(_complaints(process))
    try:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            for piece in pieces:
                process.stdin.write(piece)
                await process.stdin.drain()
            process.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has ended; what it printed says why
        words = await complaints
        failed = await process.wait() != 0
        if failed and (errors := _errors(words)):
            raise Broken(f"pg_restore failed: {errors[0]}")
    finally:
        await _end(process, complaints)


def tool(name: str, server: int) -> Path:
    """Find a program that is no older than the server: the embedded wheel's, one in PATH, or one of Debian's."""
    candidates = [_embedded(name), shutil.which(name), *sorted(_DEBIAN.glob(f"*/bin/{name}"), reverse=True)]
    for candidate in candidates:
        if candidate is not None and _major(candidate) >= server:
            return Path(candidate)
    raise CannotStart(
        f"There is no {name} of PostgreSQL {server} or newer here. Install the client programs of that version "
        f"(on Debian: postgresql-client-{server})."
    )


def _embedded(name: str) -> Path | None:
    try:
        return pg_binary(name)
    except EmbeddedError:
        return None


def _major(program: str | Path) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0


def _environment(url: URL) -> Mapping[str, str]:
    """Tell libpq where to go; not on the command line, which every user of the machine can read."""
    host = url.host or url.query.get("host")
    told = {
        "PGHOST": host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": url.query.get("ssl"),
        "PGAPPNAME": "commonplace-backup",
        "PGCONNECT_TIMEOUT": "10",
    }
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {name: str(word) for name, word in told.items() if word}


async def _start(argv: Sequence[str], url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(make_url(url)),
        limit=2 * _PIECE,
    )


async def _complaints(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    return [line.decode(errors="replace").strip() async for line in process.stderr]


async def _end(process: asyncio.subprocess.Process, complaints: "asyncio.Task[list[str]]") -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
    complaints.cancel()
    await asyncio.gather(complaints, return_exceptions=True)


def _errors(words: Sequence[str]) -> list[str]:
    # A newer pg_restore sets this for every server, and older servers do not know it: nothing is lost by that.
    return [line for line in words if "error:" in line and "transaction_timeout" not in line]


def _last(words: Sequence[str]) -> str:
    return " ".join(words[-2:]) or "it said nothing"
