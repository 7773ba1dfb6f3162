"""What a restore refuses, with a sentence that says why: damaged and forged files, servers that run, users who may not."""

import asyncio
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from commands.backup import put_back
from runtime.archive import DATABASE, MANIFEST, Facts, Writer
from runtime.embedded import EmbeddedServers
from runtime.launch import Backends, CannotStart
from runtime.migrations import revisions
from runtime.restore import refuse_a_running_server
from tests.support.api import sign_up
from tests.support.backups import ADA, OURS, House, keep_file, quiet, refused


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


async def test_the_command_refuses_while_a_server_is_up(home: House) -> None:
    await home.ask(ADA)
    path = await home.backup()
    with pytest.raises(CannotStart, match="A server runs with DATA_DIR"):
        await put_back(home.settings, asyncio.Event(), path, replace=True)
    assert await home.databases() == OURS
