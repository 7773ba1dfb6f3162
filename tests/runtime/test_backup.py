"""A backup holds one moment of everything, is written over nothing, and is whole or not there."""

import asyncio
import json
import tarfile
from pathlib import Path

import pytest

from commands.backup import backup
from runtime import pg_tools
from runtime.archive import DATABASE, MANIFEST, SECRET, Writer
from runtime.launch import Broken, CannotStart
from runtime.migrations import head
from tests.support.api import Reader, sign_up
from tests.support.backups import ADA, House, keep_file
from tests.support.sync import making, op, pushed, until


async def test_a_backup_made_while_readers_write_is_one_moment_and_has_all_that_was_acknowledged(home: House) -> None:
    async with home.open() as http:
        readers = [await sign_up(http) for _ in range(3)]
        acknowledged: list[str] = []
        done = asyncio.Event()

        async def write(reader: Reader) -> None:
            while not done.is_set():
                ops = [op(making(f"Words {n}.")) for n in range(3)]
                await pushed(reader, *ops)
                acknowledged.extend(o["highlightUuid"] for o in ops)

        writing = [asyncio.create_task(write(reader)) for reader in readers]
        await until(lambda: _reached(acknowledged, 12))
        certain = list(acknowledged)
        manifest = await home.described(home.folder / "while.tar")
        await until(lambda: _reached(acknowledged, len(certain) + 30))
        done.set()
        await asyncio.gather(*writing)
    later = len(acknowledged)
    await home.restore(home.folder / "while.tar", replace=True)
    there = await home.ask("SELECT array_agg(id::text) FROM highlights")
    assert set(certain) <= set(there) < set(acknowledged)
    assert later > len(there) == manifest.facts.counts["highlights"] == manifest.facts.counts["sync_outcomes"]
    torn = "SELECT count(*) FROM sync_counters c WHERE seq <> (SELECT max(seq) FROM highlights h WHERE h.user_id = c.user_id)"
    assert await home.ask(torn) == 0


async def _reached(things: list[str], count: int) -> bool:
    return len(things) >= count


async def test_it_holds_uploaded_files_and_says_what_is_in_it(home: House) -> None:
    await home.ask(ADA)
    cover = keep_file(home, "covers/ab/abc.png", "painted")
    keep_file(home, "covers/ab/.new-1", "being received")
    path = await home.backup("of-all.tar")
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        assert tar.getnames() == [DATABASE, "media/covers/ab/abc.png", MANIFEST]
        manifest = json.loads(tar.extractfile(MANIFEST).read())  # type: ignore[union-attr]
    assert (manifest["format"], manifest["revision"], manifest["counts"]["users"]) == (1, head(), 1)
    assert manifest["made_at"]
    assert manifest["app"][0].isdigit()
    cover.write_text("painted over")
    keep_file(home, "covers/cd/cde.png", "later")
    await home.restore(path, replace=True)
    media = home.folder / "media"
    assert {str(f.relative_to(media)): f.read_text() for f in media.rglob("*") if f.is_file()} == {
        "covers/ab/abc.png": "painted"
    }
    assert not list(home.folder.glob("media.*"))


async def test_the_secret_goes_along_only_when_asked_and_replaces_none(home: House) -> None:
    await home.ask(ADA)
    without = await home.backup("without.tar")
    with tarfile.open(without) as tar:
        assert SECRET not in tar.getnames()
    with_it = await home.backup("with.tar", with_secret=True)
    key = home.folder / "secret-key"
    secret = key.read_text()
    assert not (await home.restore(with_it, replace=True)).secret
    assert key.read_text() == secret
    key.unlink()
    assert (await home.restore(with_it, replace=True)).secret
    assert (key.read_text(), key.stat().st_mode & 0o777) == (secret, 0o600)


async def test_it_is_never_written_over_anything(home: House) -> None:
    await home.ask(ADA)
    taken = home.folder / "taken.tar"
    taken.write_text("precious")
    with pytest.raises(CannotStart, match="exists already"):
        await home.backup("taken.tar")
    assert taken.read_text() == "precious"


async def test_a_place_that_cannot_be_written_is_named(home: House) -> None:
    (home.folder / "file").write_text("")
    with pytest.raises(CannotStart, match=r"file/backup.tar cannot be written"):
        await home.backup("file/backup.tar")


async def test_a_dump_that_fails_leaves_no_file(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await home.ask(ADA)
    monkeypatch.setattr(pg_tools, "tool", lambda *_: Path("/bin/false"))
    before = set(home.folder.iterdir())
    with pytest.raises(Broken, match="pg_dump failed"):
        await home.backup()
    assert set(home.folder.iterdir()) == before


async def test_a_full_disk_leaves_no_file(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await home.ask(ADA)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "finish", full)
    before = set(home.folder.iterdir())
    with pytest.raises(CannotStart, match="No space left on device"):
        await home.backup()
    assert set(home.folder.iterdir()) == before


async def test_a_database_without_tables_is_nothing_to_back_up(home: House) -> None:
    await home.ask("ALTER TABLE alembic_version RENAME TO elsewhere")
    with pytest.raises(CannotStart, match="nothing to back up"):
        await home.backup()
    await home.ask("ALTER TABLE elsewhere RENAME TO alembic_version")


async def test_of_dated_backups_the_newest_are_kept(home: House, capsys: pytest.CaptureFixture[str]) -> None:
    await home.ask(ADA)
    folder = home.folder / "backups"
    folder.mkdir()
    others = {"commonplace-before-restore-20200101-000000-1.tar", "commonplace-mine.tar", "notes.txt"}
    for name in {"commonplace-20200101-000000.tar", "commonplace-20200102-000000.tar", *others}:
        (folder / name).write_text("")
    assert await backup(home.settings, asyncio.Event(), folder, with_secret=False, keep=2) == 0
    left = {path.name for path in folder.iterdir()} - others
    assert len(left) == 2
    assert "commonplace-20200102-000000.tar" in left
    said = capsys.readouterr().out
    assert "Deleted the older commonplace-20200101-000000.tar." in said
    assert "1 users, 0 books, 0 highlights" in said
