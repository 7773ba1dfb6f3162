"""Make a backup: one snapshot of the database, the uploaded files, and a manifest, in one file, while the server runs."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core import clock
from core.settings import Settings
from runtime import pg_tools
from runtime.archive import DATABASE, MEDIA, SECRET, Facts, Manifest, Progress, Writer
from runtime.launch import APP, CannotStart
from runtime.secret import secret_of
from runtime.snapshots import Snapshot, snapshot

PREFIX, ENDING = "commonplace-", ".tar"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a backup goes, and whether the secret goes with it."""

    path: Path
    with_secret: bool = False


def media_folder(settings: Settings) -> Path:
    """Tell where uploaded files lie on this machine."""
    return settings.data_dir / MEDIA


def backups_folder(settings: Settings) -> Path:
    """Tell where backups go unless told."""
    return settings.data_dir / "backups"


def dated_name() -> str:
    """Name a backup after the second."""
    return f"{PREFIX}{clock.now().astimezone(UTC):%Y%m%d-%H%M%S}{ENDING}"


def name_before_restore() -> str:
    """Name the backup of what is about to be replaced."""
    return f"{PREFIX}before-restore-{clock.now().astimezone(UTC):%Y%m%d-%H%M%S-%f}{ENDING}"


async def make_backup(settings: Settings, database_url: str, wanted: Wanted, progress: Progress) -> Manifest:
    """Write a backup; on any failure nothing is left. Raise CannotStart for what the operator can mend."""
    writer = _open(wanted.path, progress)
    try:
        async with snapshot(database_url) as moment:
            if moment.revision is None:
                raise CannotStart("There is nothing to back up: the database has no tables of Commonplace.")
            with writer.part(DATABASE) as write:
                await pg_tools.dump(database_url, moment.server, moment.name, write)
        # After the snapshot: whatever it names was there then, and files are never changed.
        _add_media(writer, media_folder(settings))
        if wanted.with_secret:
            with writer.part(SECRET) as write:
                write(secret_of(settings).encode())
        return writer.finish(_facts(moment))
    except OSError as error:
        raise _cannot_write(wanted.path, error) from error
    finally:
        writer.abandon()


def _open(path: Path, progress: Progress) -> Writer:
    if path.exists():
        raise CannotStart(f"{path} exists already, and a backup is never written over. Name another file.")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Writer(path, progress)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _add_media(writer: Writer, folder: Path) -> None:
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        # What begins with a dot is being received.
        if file.is_file() and not file.name.startswith("."):
            writer.copy(f"{MEDIA}/{file.relative_to(folder).as_posix()}", file)


def _facts(moment: Snapshot) -> Facts:
    return Facts(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        app=_app_version(),
        revision=moment.revision or "",
        epoch=moment.epoch,
        postgresql=moment.server_version,
        counts=moment.counts,
    )


def _app_version() -> str:
    try:
        with (APP.parent / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    except FileNotFoundError:
        return "unknown"


def _cannot_write(path: Path, error: OSError) -> CannotStart:
    reason = error.strerror or str(error)
    return CannotStart(f"The backup {path} cannot be written: {reason}. Nothing was left there. Name another place.")
