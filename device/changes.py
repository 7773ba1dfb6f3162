"""Operations as the API takes them, and what they make of a highlight: pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device.store import Json, Op, Row, Tombstone

ANCHOR = ("locationStart", "locationEnd", "prefix", "suffix", "cfi", "page", "percent")


@dataclass(frozen=True)
class Shown:
    """A highlight as its user sees it: what the server told, with the work it has not answered yet on top."""

    uuid: str
    body: Json
    version: str | None
    """None while the server has not told it."""
    unsent: int
    """How many operations on it wait for their outcome."""
    alive: bool = True


class Unset:
    """Nothing was said; None would say: clear it."""


UNSET = Unset()


def passage(text: str, anchor: Mapping[str, Any] | None = None) -> Json:
    """Make the words marked and where they stand: one register, edited together."""
    place = {name: value for name, value in (anchor or {}).items() if name in ANCHOR and value is not None}
    return {"text": text, "anchor": place}


def creation(
    book: Mapping[str, Any],
    marked: Json,
    *,
    note: str | None = None,
    color: str | None = None,
    visibility: str | None = None,
) -> Json:
    """Make the change that makes a highlight; what is None is left to the server."""
    more = {"note": note, "color": color, "visibility": visibility}
    return {"create": {"book": dict(book), "passage": marked} | {k: v for k, v in more.items() if v is not None}}


def offer(body: Json) -> Json:
    """Make the creation of a highlight as it is held: to a server that may have forgotten it, and its book."""
    book = body["book"]
    made = creation(
        # By name, which makes a book where there is none; the id may be gone, and an ISBN alone makes nothing.
        {"named": {"title": book["title"], "authors": list(book["authors"])}},
        passage(body["text"], body["anchor"]),
        note=body["note"],
        color=body["color"],
        visibility=body["visibility"],
    )
    made["create"]["createdAt"] = body["createdAt"]
    return made


def numbered(book: Mapping[str, Any]) -> Json:
    """Describe a book with its ISBN, as `addBook` takes it."""
    return {"title": book["title"], "authors": list(book["authors"]), "isbn": book["isbn"]}


def draft_body(op: Op) -> Json:
    """Show a creation that the server has not told yet like a highlight."""
    draft = op.change["create"]
    named = draft["book"].get("named") or {}
    book = {"title": named.get("title"), "authors": named.get("authors", []), "isbn": draft["book"].get("isbn")}
    return {
        "uuid": op.uuid,
        "text": draft["passage"]["text"],
        "anchor": {name: draft["passage"]["anchor"].get(name) for name in ANCHOR},
        "note": draft.get("note"),
        "color": draft.get("color") or "YELLOW",
        "visibility": draft.get("visibility"),
        "createdAt": draft.get("createdAt") or op.done_at,
        "updatedAt": op.done_at,
        "book": book,
        "conflictOf": None,
    }


def edited(body: Json, patch: Mapping[str, Any]) -> Json:
    """Put an edit on a highlight."""
    made = body | {name: patch[name] for name in ("note", "color", "visibility") if name in patch}
    if "passage" in patch:
        marked = patch["passage"]
        made |= {"text": marked["text"], "anchor": {name: marked["anchor"].get(name) for name in ANCHOR}}
    return made


def show(uuid: str, row: Row | None, tombstone: Tombstone | None, ops: Sequence[Op]) -> Shown | None:
    """Tell what the user sees of one highlight; None when nothing is known of it but that it is gone."""
    body = row.body if row else tombstone.body if tombstone else None
    alive = row is not None
    for op in ops:
        body, alive = _after(body, op, alive=alive)
    return None if body is None else Shown(uuid, body, row.version if row else None, len(ops), alive)


def _after(body: Json | None, op: Op, *, alive: bool) -> tuple[Json | None, bool]:
    if op.kind == "create":
        # Of a highlight that is known, a creation is an edit; a deleted one stays deleted.
        return (edited(body, op.change["create"]), alive) if body else (draft_body(op), True)
    if op.kind == "edit":
        return edited(body, op.change["edit"]) if body else None, alive
    return body, op.kind == "restore"


def content(body: Json, ops: Iterable[Op]) -> Json:
    """Put the edits of waiting operations on a highlight, whether it lives or not."""
    for op in ops:
        if op.kind in ("create", "edit"):
            body = edited(body, op.change[op.kind])
    return body
