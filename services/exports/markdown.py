"""Markdown to read and to keep: every word stands for itself, none becomes markup, a link or HTML."""

import re
from collections.abc import Sequence
from datetime import UTC

from repositories.exports import ExportedHighlight
from services.exports.writers import Switches, Turning

_ANYWHERE = re.compile(r"[\\`*_\[\]<>&~|$^#!]")
_AT_LINE_START = re.compile(r"^(\s*)(?:([-+=:])|(\d{1,9})([.)]))")
_LINK = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp):|\b(www)\.")
_LINE = re.compile(r"\r\n|\r|\n")
_PARAGRAPHS = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n)){2,}")


def escaped(line: str) -> str:
    """Spell one line so that Markdown shows it as it is."""
    text = _ANYWHERE.sub(r"\\\g<0>", line)
    text = _LINK.sub(lambda found: f"{found[1]}\\:" if found[1] else f"{found[2]}\\.", text)
    text = _AT_LINE_START.sub(lambda f: f"{f[1]}\\{f[2]}" if f[2] else f"{f[1]}{f[3]}\\{f[4]}", text)
    # Four blanks, or a tab, would make it code.
    return f"&#{ord(text[0])};{text[1:]}" if text[:1] in (" ", "\t") else text


def in_one_line(text: str) -> str:
    """Spell a title or a name for a heading."""
    return escaped(" ".join(text.split()))


def quoted(text: str) -> str:
    """Spell a passage as a quotation, every line of it."""
    return "\n".join(f"> {escaped(line)}".rstrip(" ") for line in _LINE.split(text))


def emphasised(label: str, text: str) -> str:
    """Spell a note in italics; a blank line ends an emphasis, so that each paragraph has its own."""
    paragraphs = [part.strip() for part in _PARAGRAPHS.split(f"{label}{text}") if part.strip()]
    return "\n\n".join(f"*{_flowing(part)}*" for part in paragraphs)


def _flowing(paragraph: str) -> str:
    return "\n".join(escaped(line.strip()) for line in _LINE.split(paragraph))


class MarkdownWriter:
    """Highlights as Markdown."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._book = Turning()

    def begin(self) -> bytes:
        """Write the heading."""
        return b"# My Highlights\n"

    def slice(self, rows: Sequence[ExportedHighlight]) -> bytes:
        """Write some highlights."""
        return "".join(self._one(row) for row in rows).encode()

    def end(self) -> bytes:
        """Write nothing more."""
        return b""

    def _one(self, row: ExportedHighlight) -> str:
        parts = _heading(row) if self._book.turns(row) else []
        parts.append(quoted(row.text))
        if self._switches.notes and row.note and row.note.strip():
            parts.append(emphasised("Note: ", row.note))
        if self._switches.timestamps:
            parts.append(f"{row.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
        return "".join(f"\n{part}\n" for part in [*parts, "---"])


def _heading(row: ExportedHighlight) -> list[str]:
    authors = ", ".join(in_one_line(author) for author in row.authors)
    return [f"## {in_one_line(row.title)}", *([f"*by {authors}*"] if authors else [])]
