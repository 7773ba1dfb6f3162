"""Fetch GraphiQL's files once, so that its page needs no internet afterwards: `python -m commands.fetch_graphiql`."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from core.settings import SettingsError, load_settings
from runtime.graphiql_files import Pin, folder_in, pins, read_files, stock_page

PATIENCE = 180


class FetchError(Exception):
    """A sentence that tells why the files are not there."""


def fetch(folder: Path, wanted: list[Pin], npm: str) -> None:
    """Bring the files by npm, and keep those whose bytes are right; raise FetchError unless all are."""
    with tempfile.TemporaryDirectory() as scratch:
        for spec in sorted({pin.spec for pin in wanted}):
            archive = _pack(spec, Path(scratch), npm)
            with tarfile.open(archive) as opened:
                for pin in wanted:
                    if pin.spec == spec:
                        _keep(folder / pin.name, pin, _member(opened, pin))


def _pack(spec: str, scratch: Path, npm: str) -> Path:
    # One more try, soon: a machine without internet must not wait long for its answer.
    patience = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=1000")
    command = [npm, "pack", "--silent", *patience, "--pack-destination", str(scratch), spec]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True, cwd=scratch)
    except (subprocess.SubprocessError, OSError) as error:
        said = (getattr(error, "stderr", None) or "").strip()
        raise FetchError(f"npm could not bring {spec}: {said or error}") from error
    return scratch / done.stdout.split()[-1]


def _member(archive: tarfile.TarFile, pin: Pin) -> bytes:
    try:
        opened = archive.extractfile(f"package/{pin.path}")
    except KeyError:
        opened = None
    if opened is None:
        raise FetchError(f"{pin.spec} has no file {pin.path}.")
    return opened.read()


def _keep(path: Path, pin: Pin, content: bytes) -> None:
    if not pin.matches(content):
        raise FetchError(f"{pin.name} is not the file that Strawberry pins: its hash differs.")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def main() -> int:
    """Fetch what is missing; without npm, say what that means and go on."""
    try:
        folder = folder_in(load_settings().data_dir)
        wanted = pins(stock_page())
        if read_files(folder, wanted) is not None:
            return 0
        npm = shutil.which("npm")
        if npm is None:
            print("npm is not installed, so GraphiQL will load from the internet; everything else works.")
            return 0
        fetch(folder, wanted, npm)
    except (SettingsError, FetchError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"GraphiQL's {len(wanted)} files are in {folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
