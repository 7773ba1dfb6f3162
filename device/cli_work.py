"""Commands that work on this device alone: they need no network, and what they say is done is stored."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from device import words
from device.changes import Shown, passage
from device.errors import Unknown
from device.store import Json
from device.sync import Device

COLORS = ("YELLOW", "BLUE", "PINK", "ORANGE", "GREEN")
VISIBILITIES = ("PRIVATE", "MUTUALS", "FOLLOWERS", "PUBLIC")


def add_work_commands(commands: Any) -> None:
    """Describe the commands that work offline."""
    add = commands.add_parser("add", help="mark a passage")
    add.add_argument("text")
    add.add_argument("--title", help="the book's title")
    add.add_argument("--author", action="append", default=[], help="an author; may be repeated")
    add.add_argument("--isbn", help="the book's ISBN, instead of title and authors")
    add.add_argument("--note")
    _registers(add)
    add.set_defaults(run=_add, begins=True)
    edit = commands.add_parser("edit", help="change the words, the colour, or who may see it")
    edit.add_argument("highlight", help="its uuid, or the end of it")
    edit.add_argument("--text")
    _registers(edit)
    edit.set_defaults(run=_edit)
    note = commands.add_parser("note", help="write a note on a highlight; without words it is cleared")
    note.add_argument("highlight")
    note.add_argument("note", nargs="?")
    note.set_defaults(run=_note)
    color = commands.add_parser("color", help="change the colour")
    color.add_argument("highlight")
    color.add_argument("color", type=str.upper, choices=COLORS)
    color.set_defaults(run=_color)
    for name, help_, run in (
        ("delete", "delete a highlight", _delete),
        ("restore", "undo a delete", _restore),
        ("show", "show all of a highlight", _show),
    ):
        one = commands.add_parser(name, help=help_)
        one.add_argument("highlight")
        one.set_defaults(run=run)
    listing = commands.add_parser("list", help="list highlights, oldest first")
    listing.add_argument("--deleted", action="store_true", help="those that `restore` can bring back")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=_list)
    commands.add_parser("status", help="tell what waits, and what needs you").set_defaults(run=_status)
    conflicts = commands.add_parser("conflicts", help="show kept copies and refused work")
    conflicts.add_argument(
        "--dismiss", action="store_true", help="I have seen the refused work: do not mention it again"
    )
    conflicts.set_defaults(run=_conflicts)


def _registers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--color", type=str.upper, choices=COLORS)
    parser.add_argument("--visibility", type=str.upper, choices=VISIBILITIES)


def _add(asked: argparse.Namespace, device: Device) -> int:
    if bool(asked.isbn) == bool(asked.title):
        words.complain("Name the book: with --title and --author, or with --isbn.")
        return 2
    book: Json = {"isbn": asked.isbn} if asked.isbn else {"named": {"title": asked.title, "authors": asked.author}}
    uuid = device.engine.create(book, asked.text, note=asked.note, color=asked.color, visibility=asked.visibility)
    words.say(words.short(uuid))
    return 0


def _edit(asked: argparse.Namespace, device: Device) -> int:
    shown = _find(device, asked.highlight)
    given: dict[str, Any] = {"color": asked.color, "visibility": asked.visibility}
    if asked.text is not None:
        given["passage"] = passage(asked.text, shown.body["anchor"])
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        words.complain("Say what to change: --text, --color or --visibility; notes are changed by `note`.")
        return 2
    device.engine.edit(shown.uuid, **given)
    return _told(device, shown.uuid)


def _note(asked: argparse.Namespace, device: Device) -> int:
    uuid = _find(device, asked.highlight).uuid
    device.engine.edit(uuid, note=asked.note)
    return _told(device, uuid)


def _color(asked: argparse.Namespace, device: Device) -> int:
    uuid = _find(device, asked.highlight).uuid
    device.engine.edit(uuid, color=asked.color)
    return _told(device, uuid)


def _delete(asked: argparse.Namespace, device: Device) -> int:
    uuid = _find(device, asked.highlight).uuid
    device.engine.delete(uuid)
    words.say(f"Deleted; `restore {words.short(uuid)}` undoes it for 30 days.")
    return 0


def _restore(asked: argparse.Namespace, device: Device) -> int:
    uuid = _one(asked.highlight, [shown.uuid for shown in device.engine.trash()])
    device.engine.restore(uuid)
    return _told(device, uuid)


def _show(asked: argparse.Namespace, device: Device) -> int:
    words.say(words.page(_find(device, asked.highlight)))
    return 0


def _list(asked: argparse.Namespace, device: Device) -> int:
    found = device.engine.trash() if asked.deleted else device.engine.view()
    if asked.json:
        words.say(json.dumps([asdict(shown) for shown in found], ensure_ascii=False, indent=1))
        return 0
    for shown in found:
        words.say(words.line(shown))
    return 0


def _status(asked: argparse.Namespace, device: Device) -> int:
    del asked
    store = device.store
    told = [
        ("reader", store.get("user") or "nobody yet: sign-up or sign-in"),
        ("server", store.get("url") or "-"),
        ("device", store.get("name") or "-"),
        ("highlights", len(device.engine.view())),
        ("unsent", store.pending()),
        ("cursor", store.get("cursor") or "none: nothing was pulled yet"),
        ("conflicts", len(device.engine.conflicts())),
        ("refused", len(store.outcomes("REJECTED", unseen=True))),
    ]
    if store.get("resync"):
        told.append(("resync", f"{store.get('resync')}: goes on with the next sync"))
    for name, value in told:
        words.say(f"{name:10} {value}")
    return 0


def _conflicts(asked: argparse.Namespace, device: Device) -> int:
    for conflict in device.engine.conflicts():
        words.say(f"kept beside: {words.line(conflict.fork)}")
        words.say(f"the other:   {words.line(conflict.original) if conflict.original else 'deleted since'}")
    for told in device.store.outcomes("REJECTED", unseen=True):
        words.say(words.outcome(told))
        words.say(f"  it said: {json.dumps(told.change, ensure_ascii=False)}")
        if asked.dismiss:
            device.store.seen(told.op_id)
    return 0


def _find(device: Device, name: str) -> Shown:
    shown = {one.uuid: one for one in device.engine.view()}
    return shown[_one(name, list(shown))]


def _one(name: str, uuids: list[str]) -> str:
    found = [uuid for uuid in uuids if uuid.endswith(name.lower())]
    if len(found) > 1:
        raise Unknown(f"{len(found)} highlights end in {name}: tell more of the uuid.")
    if not found:
        raise Unknown(f"There is no highlight {name} here.")
    return found[0]


def _told(device: Device, uuid: str) -> int:
    words.say(words.line(device.engine.find(uuid)))
    return 0
