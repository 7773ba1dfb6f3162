"""The command line: what an app's screens would do. Everything but sign-up, sign-in, sync and watch works offline."""

import argparse
import asyncio
import inspect
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from device import words
from device.cli_account import add_account_commands
from device.cli_work import add_work_commands
from device.errors import DeviceError, RateLimited, Refused, SignedOut, Unknown, Unreachable
from device.store import Store
from device.sync import Device

REFUSED, USAGE, UNREACHABLE, SIGNED_OUT = 1, 2, 3, 4
STORE = "COMMONPLACE_STORE"
CODES: dict[type[DeviceError], int] = {
    SignedOut: SIGNED_OUT,
    Unreachable: UNREACHABLE,
    RateLimited: UNREACHABLE,
    Refused: REFUSED,
    Unknown: REFUSED,
}
ADVICE: dict[type[DeviceError], str] = {
    SignedOut: "Use `sign-in`, or `sign-up` if you are new; what you did here is kept and will be sent.",
    Unreachable: "What you did is saved here; `sync` sends it once the server answers.",
    RateLimited: "What you did is saved here; run `sync` again in a minute.",
    Unknown: "`list` shows what there is.",
}
EPILOG = """exit codes: 0 done; 1 refused, or no such highlight; 2 wrong usage; 3 the server does not answer; 4 signed out.
Everything but sign-up, sign-in, sync and watch works without a network."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    asked = _parser().parse_args(argv)
    try:
        return _run(asked)
    except DeviceError as error:
        words.complain(str(error), ADVICE.get(type(error)))
        return CODES.get(type(error), REFUSED)
    except sqlite3.Error as error:
        words.complain(
            f"The store {asked.store} cannot be used: {error}", "Is it a file of this program, and writable?"
        )
        return REFUSED
    except KeyboardInterrupt:
        return 0 if asked.ends_by_interrupt else 130
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is left to be said, not even by the interpreter as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(asked: argparse.Namespace) -> int:
    path = Path(asked.store)
    if not asked.begins and not path.exists():
        raise SignedOut(f"There is no device in {path} yet.")
    path.parent.mkdir(parents=True, exist_ok=True)
    store = Store(path)
    try:
        if inspect.iscoroutinefunction(asked.run):
            return asyncio.run(_online(asked, store))
        command: Callable[[argparse.Namespace, Device], int] = asked.run
        return command(asked, Device(store))
    finally:
        store.close()


async def _online(asked: argparse.Namespace, store: Store) -> int:
    device = Device(store, on_taken=getattr(asked, "on_taken", None))
    try:
        code: int = await asked.run(asked, device)
        return code
    finally:
        await device.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="commonplace-device",
        description="Your highlights on this device, online or not.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = os.environ.get(STORE) or str(Path.home() / ".local" / "share" / "commonplace" / "device.db")
    parser.add_argument("--store", default=default, metavar="FILE", help=f"the device's file (or ${STORE}; {default})")
    parser.set_defaults(begins=False, ends_by_interrupt=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    add_account_commands(commands)
    add_work_commands(commands)
    return parser
