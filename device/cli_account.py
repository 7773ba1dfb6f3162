"""Commands that talk to the server: sign-up, sign-in, sync, watch."""

import argparse
import getpass
import os
import platform
from typing import Any

from device import words
from device.requests import Taken
from device.sync import Device

PASSWORD = "COMMONPLACE_PASSWORD"  # noqa: S105 - the name of a variable


def add_account_commands(commands: Any) -> None:
    """Describe the commands that need the network."""
    new = commands.add_parser("sign-up", help="make an account, with this as its first device")
    new.add_argument("server", metavar="URL")
    new.add_argument("username")
    new.add_argument("email")
    old = commands.add_parser("sign-in", help="sign this device in, for the first time or again")
    old.add_argument("server", metavar="URL")
    old.add_argument("username", help="or the e-mail address")
    for parser, run in ((new, _sign_up), (old, _sign_in)):
        parser.add_argument("--password", help=f"else ${PASSWORD}, else you are asked")
        parser.add_argument("--name", default=platform.node() or "Device", help="what to call this device")
        parser.set_defaults(run=run, begins=True)
    sync = commands.add_parser("sync", help="send what waits, and take what is new")
    sync.set_defaults(run=_sync)
    watch = commands.add_parser("watch", help="stay in sync and print changes as they come, until Ctrl-C")
    watch.set_defaults(run=_watch, on_taken=_print, ends_by_interrupt=True)


def _password(asked: argparse.Namespace) -> str:
    return asked.password or os.environ.get(PASSWORD) or getpass.getpass("Password: ")


async def _sign_up(asked: argparse.Namespace, device: Device) -> int:
    await device.sign_up(asked.server, asked.username, asked.email, _password(asked), name=asked.name)
    words.say(f"Welcome, {asked.username}. This device is {asked.name}.")
    return 0


async def _sign_in(asked: argparse.Namespace, device: Device) -> int:
    await device.sign_in(asked.server, asked.username, _password(asked), name=asked.name)
    words.say(f"Signed in as {device.store.get('user')}; `sync` brings your highlights.")
    return 0


async def _sync(asked: argparse.Namespace, device: Device) -> int:
    del asked
    bar = words.Bar()
    try:
        await device.sync_once(bar)
    finally:
        bar.end()
    words.say(f"In sync: {len(device.engine.view())} highlights.")
    for told in device.store.outcomes("REJECTED", "FORKED", unseen=True):
        words.say(words.outcome(told))
    return 0


async def _watch(asked: argparse.Namespace, device: Device) -> int:
    del asked
    words.say(f"Watching as {device.store.get('user')} on {device.url}; Ctrl-C ends it.")
    await device.run()
    return 0


def _print(taken: Taken) -> None:
    for told in taken.told:
        words.say(words.outcome(told))
    for change in taken.changes:
        words.say(words.change(change))
    if taken.resync:
        words.say(f"~ taking everything anew: {taken.resync.lower().replace('_', ' ')}")
