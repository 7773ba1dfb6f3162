"""Put a backup in place of what a server holds: all of it, or nothing is changed."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients.clearing import forget_all
from core.database import make_engine, server_version
from core.settings import Settings
from runtime import pg_tools
from runtime.archive import DATABASE, MEDIA, SECRET, BadBackup, Progress, Reader
from runtime.backup import Wanted, backups_folder, make_backup, media_folder, name_before_restore
from runtime.launch import Backends, Broken, CannotStart, container_of
from runtime.migrations import head, move, revisions
from runtime.replacing import Replacement, holds_anything, replacement
from runtime.secret import NAME as SECRET_NAME
from runtime.snapshots import row_counts


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done."""

    epoch: str
    migrated_from: str
    safety: Path | None
    """Where what was there before is kept."""
    secret: bool
    valkey_emptied: bool


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a backup; raise CannotStart for what is none, and for one of a newer version."""
    try:
        with contextlib.closing(Reader(path)) as reader:
            if reader.manifest.facts.revision not in revisions():
                raise BadBackup(
                    f"a newer version made it (tables {reader.manifest.facts.revision}, this code knows up to {head()}): "
                    "restore it with that version"
                )
            yield reader
    except BadBackup as error:
        raise CannotStart(f"{path} cannot be restored: {error}. Nothing was changed.") from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise CannotStart(
            f"{path} cannot be read: {error.strerror}. Name a file that `app.py backup` wrote."
        ) from error


def refuse_a_running_server(settings: Settings, found: Backends) -> None:
    """Refuse while another process has the embedded servers of this DATA_DIR."""
    embedded = settings.database_url is None or settings.redis_url is None
    if embedded and not found.embedded.is_owner:
        raise CannotStart(
            f"A server runs with DATA_DIR {settings.data_dir}. Stop it, then restore. Nothing was changed."
        )


async def restore(
    settings: Settings, found: Backends, reader: Reader, *, replace: bool, progress: Progress
) -> Restored:
    """Check everything, build the new database beside the old one, then change their places."""
    reader.verify(progress)
    async with replacement(found.database_url) as place:
        await place.refuse_others()
        full = await holds_anything(found.database_url) or _has_files(media_folder(settings))
        if full and not replace:
            raise CannotStart(
                "There is something here already: what people made is not written over unless you say --replace, "
                "which first makes a backup of it. Nothing was changed."
            )
        safety = await _keep_what_is_there(settings, found, progress) if full else None
        try:
            await place.make()
            epoch = await _fill(settings, found, place, reader, progress)
            with _media_in_place(media_folder(settings), reader, progress):
                await place.take_place()
        finally:
            await place.drop()
        await place.drop_old()
    return Restored(
        epoch=epoch,
        migrated_from=reader.manifest.facts.revision,
        safety=safety,
        secret=_restore_secret(settings, reader),
        valkey_emptied=await forget_all(found.redis_url) is not None,
    )


async def _keep_what_is_there(settings: Settings, found: Backends, progress: Progress) -> Path:
    path = backups_folder(settings) / name_before_restore()
    await make_backup(settings, found.database_url, Wanted(path, with_secret=False), progress)
    return path


async def _fill(settings: Settings, found: Backends, place: Replacement, reader: Reader, progress: Progress) -> str:
    """Load, count, migrate and begin a new epoch, all before anybody can see it."""
    engine = make_engine(place.url, pool_size=1, patient=True)
    try:
        await pg_tools.restore(place.url, await server_version(engine), reader.read(DATABASE, progress))
        async with engine.connect() as connection:
            _compare(reader.manifest.facts.counts, await row_counts(connection))
    finally:
        await engine.dispose()
    await move(place.url)
    fresh = Backends(place.url, found.redis_url, found.embedded)
    async with container_of(settings, fresh) as container:
        # Known for another database by its oid; and told to begin anew even where that were the same.
        await container.refresh_epoch()
        async with container.transaction() as services:
            return await services.sync.new_epoch()


def _compare(told: Mapping[str, int], found: Mapping[str, int]) -> None:
    wrong = sorted(name for name in {*told, *found} if told.get(name) != found.get(name))
    if wrong:
        raise Broken(f"The restored tables {', '.join(wrong)} have not the rows that the backup counted.")


@contextmanager
def _media_in_place(folder: Path, reader: Reader, progress: Progress) -> Iterator[None]:
    """Change the folder of uploads for the backup's; back again when the block fails."""
    new, old = folder.with_name(f"{MEDIA}.restoring"), folder.with_name(f"{MEDIA}.before-restore")
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        new.mkdir(mode=0o700, parents=True)
        for name in reader.media:
            reader.extract(name, new / Path(name).relative_to(MEDIA), progress)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        raise CannotStart(
            f"The uploaded files cannot be written to {new}: {error.strerror}. Nothing was changed."
        ) from error
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    try:
        yield
    except BaseException:
        folder.rename(new)
        if old.exists():
            old.rename(folder)
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))


def _restore_secret(settings: Settings, reader: Reader) -> bool:
    """Take the secret along where there is none yet; one that is there stays, because it signs what is in use."""
    path = settings.data_dir / SECRET_NAME
    if SECRET not in reader.manifest.parts or settings.secret_key is not None or path.exists():
        return False
    reader.extract(SECRET, path)
    return True
