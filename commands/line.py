"""Read the command line and run one command."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import uvloop

from commands.line_parser import Command, Programs, make_parser
from core import logging
from core.settings import Settings, SettingsError, load_settings
from runtime.embedded import EmbeddedError
from runtime.launch import Broken, CannotStart, Interrupted, stop_on_signals
from runtime.migrations import MigrationRefused
from runtime.supervisor import EXIT_SETTINGS

EXIT_BROKEN, EXIT_INTERRUPTED = 1, 130


def main(programs: Programs, arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; return the exit code."""
    wanted = make_parser(programs).parse_args(arguments)
    if wanted.offline is not None:
        return int(wanted.offline(wanted))
    try:
        settings = load_settings()
        logging.set_up(settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_started(wanted.command, settings, wanted))
    except (SettingsError, CannotStart, MigrationRefused) as error:
        return _failed(error, EXIT_SETTINGS)
    except (EmbeddedError, Broken) as error:
        return _failed(error, EXIT_BROKEN)
    except (Interrupted, KeyboardInterrupt):
        return 0 if wanted.lasting else EXIT_INTERRUPTED
    finally:
        # All is stopped: a second Ctrl-C has nothing left to hurry.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def leave(code: int) -> NoReturn:
    """End the process at once: all is closed, and taking a large interpreter down costs seconds on a busy machine."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


async def _started(command: Command, settings: Settings, wanted: argparse.Namespace) -> int:
    return await command(settings, wanted, stop_on_signals())


def _failed(error: Exception, code: int) -> int:
    print(f"commonplace: {error}", file=sys.stderr)
    return code
