"""The embedded PostgreSQL."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import asyncpg

from runtime.processes import EmbeddedError, exited, process_lives
from runtime.servers import HOST, Server

DATABASE = "commonplace"

_INITDB_SECONDS = 120.0
_SUPERUSER = "postgres"
# Collation that does not depend on which locales the machine has installed.
_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """PostgreSQL with a superuser whose password only DATA_DIR knows, on loopback TCP alone."""

    name = "postgres"
    death_signal = signal.SIGINT
    # Fast shutdown; then immediate, which the next start repairs.
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]] = ((signal.SIGINT, 5.0), (signal.SIGQUIT, 3.0))

    @property
    def url(self) -> str:
        """Where SQLAlchemy finds the database."""
        return f"postgresql+asyncpg://{_SUPERUSER}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    async def prepare(self, lock: int) -> None:
        """Run initdb where there is no database yet, and check what an earlier run left behind."""
        if (self.folder / "PG_VERSION").exists():
            self._require_version()
            self._forget_recycled_pid()
            return
        unfinished, password_file = self._make_unfinished()
        process = self.spawn(self._initdb(unfinished, password_file), lock)
        try:
            await exited(process, _INITDB_SECONDS)
        finally:
            _kill(process)
            password_file.unlink()
        if process.returncode != 0:
            raise EmbeddedError(f"The database could not be made in {unfinished}: {self.last_words()}")
        unfinished.rename(self.folder)

    def argv(self) -> list[str]:
        """Settings stand on the command line, so that those of the newest version hold for old data."""
        settings = {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_preload_libraries": "pg_stat_statements",
            "log_checkpoints": "off",
            **({} if self.place.durable else _NOT_DURABLE),
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._program("postgres")), "-D", str(self.folder), *arguments]

    async def answers(self) -> bool:
        """Sign in, and make the application's database where there is none."""
        try:
            await self._make_database()
        except asyncpg.InvalidPasswordError as error:
            raise EmbeddedError(
                f"The database in {self.folder} has another password than the one in {self.place.home}/servers.json. "
                "Restore that file, or restore a backup into a new DATA_DIR."
            ) from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(
            host=HOST,
            port=self.port,
            user=_SUPERUSER,
            password=self.password,
            database="postgres",
            ssl=False,
            timeout=5,
        )
        try:
            if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close(timeout=5)

    def _program(self, name: str) -> Path:
        return self.place.binaries.postgres_bin / name

    def _make_unfinished(self) -> tuple[Path, Path]:
        # Renamed when complete: an initdb that was interrupted leaves nothing that looks like a database.
        unfinished = self.folder.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password_file = self.folder.with_name("postgres.password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        self.place.give(unfinished)
        self.place.give(password_file)
        return unfinished, password_file

    def _initdb(self, folder: Path, password_file: Path) -> list[str]:
        return [
            str(self._program("initdb")),
            f"--pgdata={folder}",
            *_LOCALE,
            f"--username={_SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--no-instructions",
            *(() if self.place.durable else ("--no-sync",)),
        ]

    def _require_version(self) -> None:
        made_by = (self.folder / "PG_VERSION").read_text().strip()
        said = subprocess.run([self._program("postgres"), "--version"], capture_output=True, text=True, check=True)
        ours = said.stdout.split()[-1].partition(".")[0]
        if made_by != ours:
            raise EmbeddedError(
                f"{self.folder} was made by PostgreSQL {made_by}, and this is PostgreSQL {ours}. "
                "Restore a backup into a new DATA_DIR."
            )

    def _forget_recycled_pid(self) -> None:
        """Remove a postmaster.pid whose id now belongs to another process: PostgreSQL would refuse to start for ever.

        We hold the lock that every process of an earlier run held, so the file can only be stale, unless somebody
        started a server on this folder by hand; that one has the folder as its working directory.
        """
        pid_file = self.folder / "postmaster.pid"
        if sys.platform != "linux" or not pid_file.exists():
            return
        first_line = pid_file.read_text().partition("\n")[0].strip()
        if not first_line.isdigit() or not process_lives(int(first_line)):
            return
        try:
            works_in = Path(f"/proc/{first_line}/cwd").readlink()
        except PermissionError:
            return
        except FileNotFoundError:  # a zombie
            works_in = None
        if works_in != self.folder:
            pid_file.unlink()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
