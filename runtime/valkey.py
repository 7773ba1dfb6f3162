"""The embedded Valkey."""

import asyncio
import logging
import shutil
import signal
from collections.abc import Sequence
from typing import ClassVar

from runtime.servers import HOST, Server

_LOG = logging.getLogger(__name__)


class Valkey(Server):
    """Valkey with a password that only DATA_DIR knows, on loopback TCP alone."""

    name = "valkey"
    death_signal = signal.SIGTERM
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]] = ((signal.SIGTERM, 5.0),)

    @property
    def url(self) -> str:
        """Where redis-py finds it."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    async def prepare(self, lock: int) -> None:  # noqa: ARG002 - nothing runs
        """Make the folder of the append-only file."""
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            self.place.give(self.folder)

    def argv(self) -> list[str]:
        """Read the settings from standard input."""
        return [str(self.place.binaries.valkey_server), "-"]

    def typed_input(self) -> bytes | None:
        """Settings; typed in, because the command line would show the password to everybody."""
        folder = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')
        lines = [
            f"bind {HOST}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{folder}"',
            'save ""',
            f"appendonly {'yes' if self.place.durable else 'no'}",
            "appendfsync everysec",
            "daemonize no",
        ]
        return "\n".join((*lines, "")).encode()

    def set_damage_aside(self) -> bool:
        """Start empty, and keep what could not be read for whoever wants to look: all of it can be built anew."""
        saved = self.folder / "appendonlydir"
        if (self.exit_status or 0) <= 0 or not saved.exists():
            return False
        aside = self.place.home / "valkey.damaged"
        shutil.rmtree(aside, ignore_errors=True)
        saved.rename(aside)
        _LOG.error("Valkey did not start with its saved data, moved to %s: %s", aside, self.last_words())
        return True

    async def answers(self) -> bool:
        """Ask for a PONG; while it still reads its file it says something else."""
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(HOST, self.port)
                try:
                    writer.write(f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode())
                    said = await reader.read()
                finally:
                    writer.close()
        except OSError:  # TimeoutError is one
            return False
        return b"+PONG" in said
