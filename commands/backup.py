"""Keep what people made in one file, and put it back."""

import asyncio
import sys
import time
from pathlib import Path

from core.settings import Settings
from runtime.archive import Manifest
from runtime.backup import ENDING, PREFIX, Wanted, backups_folder, dated_name, make_backup
from runtime.launch import backends, unless
from runtime.restore import opened, refuse_a_running_server, restore

_EVERY = 1.0
_MEBIBYTE = 1 << 20


async def backup(
    settings: Settings, stop: asyncio.Event, path: Path | None, *, with_secret: bool, keep: int | None
) -> int:
    """Write a backup, and say what is in it; of dated ones in the same folder keep the newest."""
    target = _target(settings, path)
    told = Told()
    async with backends(settings, stop) as found:
        work = make_backup(settings, found.database_url, Wanted(target, with_secret), told)
        manifest = await unless(stop, work)
    print(f"Backup written: {target} ({_size(target.stat().st_size)}).")
    print(f"  {_rows(manifest)}")
    if settings.storage_url is not None:
        print("  Not in it: the uploaded files, which are at STORAGE_URL. Keep that place too.")
    if not with_secret:
        print("  Not in it: the secret that signs links (--with-secret) and your settings.")
    for old in _outdated(target.parent, keep):
        old.unlink()
        print(f"  Deleted the older {old.name}.")
    return 0


async def put_back(settings: Settings, stop: asyncio.Event, path: Path, *, replace: bool) -> int:
    """Restore a backup, and say what happens next."""
    with opened(path) as reader:
        facts = reader.manifest.facts
        print(f"Backup of {facts.made_at}, version {facts.app}: {_rows(reader.manifest)}", flush=True)
        async with backends(settings, stop) as found:
            refuse_a_running_server(settings, found)
            done = await unless(stop, restore(settings, found, reader, replace=replace, progress=Told()))
    if done.safety is not None:
        print(f"What was here before is kept in {done.safety}.")
    print(
        f"Restored. A new epoch of sync has begun ({done.epoch}): devices stay signed in, and offer what they still hold."
    )
    if not done.secret:
        print("The secret that signs links is the one of this server.")
    if not done.valkey_emptied:
        print(
            "Valkey did not answer: empty it before you start the server (rate limits and told operations are of before)."
        )
    return 0


class Told:
    """Print how far it is, not more often than every second."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, part: str, done: int) -> None:
        """Hear of progress."""
        if time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            print(f"  {part}: {_size(done)}", file=sys.stderr, flush=True)


def _target(settings: Settings, path: Path | None) -> Path:
    if path is None:
        return backups_folder(settings) / dated_name()
    return path / dated_name() if path.is_dir() else path


def _outdated(folder: Path, keep: int | None) -> list[Path]:
    # Named after the moment, so that the order of names is that of time; those made before a restore are not ours to delete.
    dated = sorted(folder.glob(f"{PREFIX}[0-9]*{ENDING}"))
    return dated[:-keep] if keep else []


def _rows(manifest: Manifest) -> str:
    counts = manifest.facts.counts
    files = sum(1 for name in manifest.parts if name.startswith("media/"))
    named = [f"{counts.get(table, 0):,} {table}" for table in ("users", "books", "highlights")]
    return ", ".join([*named, f"{sum(counts.values()):,} rows in all", f"{files:,} uploaded files"])


def _size(size: int) -> str:
    return f"{size / _MEBIBYTE:,.1f} MiB"
