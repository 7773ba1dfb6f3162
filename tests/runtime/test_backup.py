"""A backup holds one moment of everything; a restore puts all of it in place, or changes nothing."""

import asyncio
import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from clients.clearing import PREFIXES
from commands.backup import backup, put_back
from runtime import pg_tools
from runtime.archive import DATABASE, MANIFEST, SECRET, Facts, Writer
from runtime.embedded import EmbeddedServers
from runtime.launch import Backends, Broken, CannotStart
from runtime.migrations import head, revisions
from runtime.restore import refuse_a_running_server
from tests.runtime.support import valkey
from tests.support.api import PASSWORD, Reader, sign_up
from tests.support.backups import House, house, quiet
from tests.support.program import open_folder
from tests.support.sync import making, op, pull, pushed, until

ADA = """INSERT INTO users (id, username, email, display_name, password_hash, bio)
VALUES (gen_random_uuid(), 'ada', 'a@example.org', 'Ada', 'x', '')"""
OURS = {"postgres", "commonplace"}


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[House]:
    with open_folder() as folder:
        async with house(folder) as made:
            await made.empty()
            yield made


@pytest.fixture
async def home(servers: House) -> AsyncIterator[House]:
    """An empty server; whatever a test left is gone."""
    await servers.clear()
    yield servers
    for path in servers.folder.iterdir():
        if path.is_file() and path.name != "metrics.lock":
            path.unlink()
        elif path.name in ("media", "backups"):
            for file in sorted(path.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            path.rmdir()


def keep_file(home: House, name: str, words: str) -> Path:
    path = home.folder / "media" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)
    return path


async def refused(home: House, path: Path, *, replace: bool = True) -> str:
    """Restore what must be refused, and see that nothing has changed."""
    before = await home.ask("SELECT string_agg(username || bio, ',' ORDER BY username) FROM users")
    epoch, oid = await home.ask("SELECT epoch FROM sync_epoch"), await _oid(home)
    with pytest.raises((CannotStart, Broken)) as error:
        await home.restore(path, replace=replace)
    assert await home.ask("SELECT string_agg(username || bio, ',' ORDER BY username) FROM users") == before
    assert (await home.ask("SELECT epoch FROM sync_epoch"), await _oid(home)) == (epoch, oid)
    assert await home.databases() == OURS
    assert not list(home.folder.glob("media.*"))
    return str(error.value)


async def _oid(home: House) -> Any:
    return await home.ask("SELECT oid::bigint FROM pg_database WHERE datname = 'commonplace'")


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


async def test_what_is_there_is_kept_before_it_is_replaced(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    await home.ask("UPDATE users SET bio = 'newer'")
    assert "--replace" in await refused(home, path, replace=False)
    done = await home.restore(path, replace=True)
    assert await home.ask("SELECT bio FROM users") == ""
    assert done.safety is not None
    again = await home.restore(done.safety, replace=True)
    assert await home.ask("SELECT bio FROM users") == "newer"
    assert again.safety != done.safety
    assert await home.databases() == OURS


async def test_files_alone_are_something_too(home: House) -> None:
    path = await home.backup()
    keep_file(home, "covers/ab/abc.png", "precious")
    assert "--replace" in await refused(home, path, replace=False)
    assert (home.folder / "media/covers/ab/abc.png").read_text() == "precious"


async def test_an_empty_server_needs_no_permission(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    await home.empty()
    assert (await home.restore(path)).safety is None
    assert await home.ask("SELECT username FROM users") == "ada"


async def test_a_file_that_is_cut_off_is_refused(home: House) -> None:
    await home.ask(ADA)
    content = (await home.backup()).read_bytes()
    short = home.folder / "short.tar"
    # What comes last are 1,024 empty bytes, and before them the manifest.
    for length in (0, 100, 600, len(content) // 2, len(content) - 2_500, len(content) - 1_500):
        short.write_bytes(content[:length])
        assert "cut off" in await refused(home, short), length


async def test_a_part_that_was_changed_is_refused(home: House) -> None:
    await home.ask(ADA)
    keep_file(home, "covers/ab/abc.png", "painted")
    path = await home.backup()
    for part in (DATABASE, "media/covers/ab/abc.png"):
        content = bytearray(path.read_bytes())
        with tarfile.open(path) as tar:
            place = tar.getmember(part).offset_data
        content[place + 3] ^= 1
        changed = home.folder / "changed.tar"
        changed.write_bytes(content)
        assert f"{part} was changed or damaged" in await refused(home, changed)


def rewritten(home: House, path: Path, change: dict[str, Any]) -> Path:
    """Write the same parts with another manifest."""
    target = home.folder / "rewritten.tar"
    with tarfile.open(path) as old, tarfile.open(target, "w") as new:
        for member in old.getmembers():
            file = old.extractfile(member)
            assert file is not None
            content = file.read()
            if member.name == MANIFEST:
                content = json.dumps(json.loads(content) | change).encode()
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return target


async def test_a_manifest_that_does_not_fit_is_refused(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    for change, words in (
        ({"format": 2}, "it has format 2"),
        ({"revision": "9999"}, "a newer version made it"),
        ({"parts": {}}, "its parts are not those"),
        ({"parts": 7}, "its manifest cannot be read"),
        ({"surprise": 1}, "its manifest cannot be read"),
    ):
        assert words in await refused(home, rewritten(home, path, change))


async def test_counts_that_do_not_fit_undo_the_restore(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    with tarfile.open(path) as tar:
        counts = json.loads(tar.extractfile(MANIFEST).read())["counts"]  # type: ignore[union-attr]
    wrong = rewritten(home, path, {"counts": counts | {"users": 2}})
    assert "users have not the rows" in await refused(home, wrong)


async def test_a_part_that_leads_elsewhere_is_refused(home: House) -> None:
    for name in ("media/../../escaped", "/etc/escaped", "elsewhere", "media"):
        path = home.folder / f"evil-{len(name)}.tar"
        writer = Writer(path, quiet)
        for part in (DATABASE, name):
            with writer.part(part) as write:
                write(b"x")
        writer.finish(FACTS)
        assert "which no backup has" in await refused(home, path)
    assert not (home.folder.parent / "escaped").exists()


FACTS = Facts("2026-01-01T00:00:00+00:00", "1", revisions()[-1], None, "18", {})


async def test_a_dump_that_postgresql_cannot_read_leaves_the_old_in_place(home: House) -> None:
    await home.ask(ADA)
    keep_file(home, "covers/ab/abc.png", "painted")
    path = home.folder / "unreadable.tar"
    writer = Writer(path, quiet)
    with writer.part(DATABASE) as write:
        write(b"PGDMP, or so it says" * 1000)
    writer.finish(FACTS)
    assert "pg_restore failed" in await refused(home, path)
    assert (home.folder / "media/covers/ab/abc.png").read_text() == "painted"


@pytest.mark.parametrize("name", ["nowhere.tar", "."])
async def test_a_file_that_cannot_be_read_is_named(home: House, name: str) -> None:
    assert "Name a file that `app.py backup` wrote" in await refused(home, home.folder / name)


async def test_while_a_server_is_up_nothing_is_restored(home: House) -> None:
    async with home.open() as http:
        await sign_up(http, "ada")
        path = await home.backup()
        assert "is in use, by commonplace (" in await refused(home, path)


async def test_while_another_process_has_the_data_dir_nothing_is_restored(home: House) -> None:
    joined = await EmbeddedServers.start(home.folder)
    assert not joined.is_owner
    found = Backends(home.backends.database_url, home.backends.redis_url, joined)
    with pytest.raises(CannotStart, match="A server runs with DATA_DIR"):
        refuse_a_running_server(home.settings, found)
    refuse_a_running_server(home.settings, home.backends)


async def test_who_connects_during_a_restore_keeps_the_old_in_place(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home.open():
        await home.ask(ADA)
    keep_file(home, "covers/ab/abc.png", "painted")
    path = await home.backup()
    connected: list[Any] = []
    real = pg_tools.restore

    async def meanwhile(*arguments: Any) -> None:
        await real(*arguments)
        http = home.open()
        connected.append(http)
        await http.__aenter__()

    monkeypatch.setattr(pg_tools, "restore", meanwhile)
    try:
        assert "is in use, by commonplace" in await refused(home, path)
    finally:
        await connected[0].__aexit__(None, None, None)
    assert (home.folder / "media/covers/ab/abc.png").read_text() == "painted"


async def test_a_restore_that_is_interrupted_leaves_the_old_in_place(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.ask(ADA)
    path = await home.backup()
    reached = asyncio.Event()

    async def hang(*_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(pg_tools, "restore", hang)
    task = asyncio.create_task(home.restore(path, replace=True))
    await asyncio.wait_for(reached.wait(), 10)
    with pytest.raises(CannotStart, match="Another restore"):
        await home.restore(path, replace=True)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await home.ask("SELECT username FROM users") == "ada"
    assert await home.databases() == OURS


async def test_an_older_backup_is_migrated(home: House) -> None:
    await home.empty(revision="0003")
    await home.ask(ADA)
    path = await home.backup()
    await home.empty()
    done = await home.restore(path)
    assert done.migrated_from == "0003"
    assert await home.ask("SELECT version_num FROM alembic_version") == head()
    assert await home.ask("SELECT username FROM users") == "ada"


async def test_a_user_who_may_not_create_databases_is_told_how(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    await home.ask("CREATE ROLE clerk LOGIN PASSWORD 'clerk' IN ROLE pg_read_all_data")
    try:
        url = make_url(home.backends.database_url).set(username="clerk", password="clerk")
        as_clerk = EmbeddedServersAs(home, url.render_as_string(hide_password=False))
        await as_clerk.ask("SELECT 1")
        assert "ALTER ROLE clerk CREATEDB" in await refused(as_clerk, path)
    finally:
        await home.ask("DROP ROLE clerk")


class EmbeddedServersAs(House):
    """The same servers, for another user."""

    def __init__(self, home: House, url: str) -> None:
        super().__init__(home.servers, home.folder)
        self._url = url

    @property
    def backends(self) -> Backends:
        """Where this user finds them."""
        return Backends(self._url, self.servers.redis_url or "", self.servers)


async def test_valkey_forgets_what_is_ours_and_only_that(home: House) -> None:
    redis = home.backends.redis_url
    async with home.open() as http:
        ada = await sign_up(http, "ada")
        await pull(ada)
        body = {"query": "{ viewer { email } }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}}
        async with http.post("/graphql", json=body, headers=ada.headers) as response:
            assert response.status == 200
    ours = await valkey(redis, "KEYS", "*")
    assert isinstance(ours, list)
    assert {key.split(":")[0] + ":" for key in ours} == set(PREFIXES), "a key of ours that a restore would leave"
    path = await home.backup()
    await valkey(redis, "SET", "neighbour", "1")
    assert (await home.restore(path, replace=True)).valkey_emptied
    assert await valkey(redis, "KEYS", "*") == ["neighbour"]
    await valkey(redis, "DEL", "neighbour")


HASH = "b71bc3d6471f374e9638bbd045e1184ee0186d8642c3bc2455c4deed64e3614a"


async def test_devices_stay_signed_in_and_waiting_jobs_still_wait(home: House) -> None:
    async with home.open() as http:
        ada = await sign_up(http, "ada")
        assert home.container
        async with home.container.transaction() as services:
            await services.jobs.add("wait_and_see")
        path = await home.backup()
        await ada.mutate("changePassword", "__typename", currentPassword=PASSWORD, newPassword="another long one")
    await home.restore(path, replace=True)
    async with home.open() as http:
        ada.http = http
        assert (await ada.run("{ viewer { email } }"))["viewer"]["email"] == "ada@example.org"
    assert await home.ask("SELECT count(*) FROM jobs WHERE kind = 'wait_and_see' AND state = 'WAITING'") == 1


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


async def test_the_command_refuses_while_a_server_is_up(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    with pytest.raises(CannotStart, match="A server runs with DATA_DIR"):
        await put_back(home.settings, asyncio.Event(), path, replace=True)
    assert await home.databases() == OURS
