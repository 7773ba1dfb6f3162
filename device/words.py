"""How things are told to people on a terminal."""

import sys
import time

from device.changes import Shown
from device.store import Json, Told

SHORT = 8
WIDE = 60


def complain(message: str, advice: str | None = None) -> None:
    """Say what went wrong, and what to do about it."""
    print(message if advice is None else f"{message}\n{advice}", file=sys.stderr)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def short(uuid: str) -> str:
    """Name a highlight: the end of its uuid, for the beginning is the time."""
    return uuid[-SHORT:]


def quoted(text: str) -> str:
    """Quote the beginning of a text in one line."""
    flat = " ".join(text.split())
    return f"“{flat}”" if len(flat) <= WIDE else f"“{flat[: WIDE - 1]}…”"


def line(shown: Shown) -> str:
    """Tell a highlight in one line."""
    body = shown.body
    waits = " (waits to be sent)" if shown.unsent else ""
    note = f" — {body['note']}" if body.get("note") else ""
    return f"{short(shown.uuid)} {body['color'].lower():6} {quoted(body['text'])}{note}{waits}"


def page(shown: Shown) -> str:
    """Tell all of a highlight."""
    body = shown.body
    book = body["book"]
    named = book.get("title") or book.get("isbn") or "a book that will be known after the next sync"
    by = f" by {', '.join(book['authors'])}" if book.get("authors") else ""
    place = ", ".join(f"{name} {value}" for name, value in body["anchor"].items() if value is not None)
    told = [
        ("uuid", shown.uuid),
        ("book", f"{named}{by}"),
        ("place", place),
        ("text", body["text"]),
        ("note", body.get("note")),
        ("color", body["color"]),
        ("visibility", body.get("visibility") or "your default"),
        ("created", body["createdAt"]),
        ("unsent", shown.unsent or None),
        ("copy of", body["conflictOf"]["uuid"] if body.get("conflictOf") else None),
    ]
    return "\n".join(f"{name:10} {value}" for name, value in told if value)


def change(told: Json) -> str:
    """Tell a change that came, in one line."""
    if told["__typename"] == "HighlightRemoved":
        return f"- {short(told['uuid'])}"
    return f"+ {line(Shown(told['highlight']['uuid'], told['highlight'], None, 0))}"


def outcome(told: Told) -> str:
    """Tell what became of an operation, in one line."""
    kind = next(iter(told.change))
    if told.outcome == "REJECTED":
        reason = told.error["message"] if told.error else "no reason was told"
        return f"! {short(told.uuid)} {kind} was refused: {reason}"
    if told.outcome == "FORKED":
        return f"! {short(told.uuid)} {kind} could not be ordered against another edit: both are kept, see `conflicts`"
    return f"= {short(told.uuid)} {kind}: {told.outcome.lower()}"


class Bar:
    """Progress of a long sync, on stderr: a bar on a terminal, else now and then a line."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._began = self._said = time.monotonic()
        self._open = False

    def __call__(self, done: int, total: int | None) -> None:
        """Show how far it is, once it takes longer than a moment."""
        now = time.monotonic()
        if now - self._began < 1 or now - self._said < (0.1 if self._terminal else 2):
            return
        self._said, self._open = now, True
        told = f"{done:,} changes" if not total else f"{_bar(done / total)} {done:,} of {total:,} changes"
        print(f"\r{told} " if self._terminal else told, end="" if self._terminal else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._open and self._terminal:
            print(file=sys.stderr)


def _bar(share: float) -> str:
    full = round(min(share, 1.0) * 30)
    return f"[{'#' * full}{'.' * (30 - full)}]"
